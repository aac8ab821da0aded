{{ config(materialized='view') }}

{%- set columns = [
    'symbol', 'timeframe', 'bucket_start', 'bucket_end', 'open', 'high', 'low', 'close', 'base_volume', 'quote_volume', 'vwap',
    'trade_count', 'first_trade_id', 'last_trade_id', 'is_empty', 'is_closed', 'source',
] %}

-- Kraken's candle also comes before an open one of ours, which does not know the bucket's end.
with

rest as (
    select
        *,
        {{ timestamp_from_ns('bucket_start_ns') }} as bucket_start,
        {{ timestamp_from_ns('bucket_end_ns') }} as bucket_end,
        true as is_closed,
        cast('rest' as {{ dbt.type_string() }}) as source
    from {{ ref('best_rest_candles') }}
    where is_best
)

select {{ columns | join(', ') }}
from {{ ref('candles') }}
where is_closed
union all
select {{ columns | join(', ') }}
from rest
union all
select candles.{{ columns | join(', candles.') }}
from {{ ref('candles') }} as candles
left join rest
    on
        candles.symbol = rest.symbol
        and candles.timeframe = rest.timeframe
        and candles.bucket_start = rest.bucket_start
where not candles.is_closed and rest.symbol is null
