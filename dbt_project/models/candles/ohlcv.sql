{{ config(materialized='view') }}

{%- set columns = candle_names() %}
{%- set given = columns | reject('in', ['bucket_start', 'bucket_end', 'is_closed_market', 'is_closed', 'source']) | join(', ') %}

{%- set best -%}
(
    select
        {{ given }},
        source,
        bucket_start,
        {{ timestamp_from_ns('bucket_end_ns') }} as bucket_end,
        {{ is_closed_market() }} as is_closed_market,
        true as is_closed
    from {{ with_sessions(exchange_candles()) }} as exchanged
    where is_best and {{ utc_session() }}
) as best
{%- endset %}

select {{ columns | join(', ') }}
from {{ ref('candles') }}
where is_closed
union all
select {{ columns | join(', ') }}
from {{ best }}
union all
-- Kraken's candle also comes before an open one of ours, which does not know the bucket's end.
select candles.{{ columns | join(', candles.') }}
from {{ ref('candles') }} as candles
left join {{ best }}
    on
        candles.symbol = best.symbol
        and candles.timeframe = best.timeframe
        and candles.bucket_start = best.bucket_start
where not candles.is_closed and best.symbol is null
