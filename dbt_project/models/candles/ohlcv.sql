{{ config(materialized='view') }}

{%- set columns = [
    'symbol', 'timeframe', 'bucket_start', 'bucket_end', 'open', 'high', 'low', 'close', 'base_volume', 'quote_volume', 'vwap',
    'trade_count', 'first_trade_id', 'last_trade_id', 'is_empty', 'is_closed', 'source',
] %}

-- Kraken's candle also comes before an open one of ours, which does not know the bucket's end.
select {{ columns | join(', ') }}
from {{ ref('candles') }}
where is_closed
union all
select {{ columns | join(', ') }}
from {{ ref('best_rest_candles') }}
where is_best
union all
select candles.{{ columns | join(', candles.') }}
from {{ ref('candles') }} as candles
left join {{ ref('rest_candles') }} as rest
    on
        candles.symbol = rest.symbol
        and candles.timeframe = rest.timeframe
        and candles.bucket_start = rest.bucket_start
where not candles.is_closed and rest.symbol is null
