{{ config(materialized='view') }}

{%- set columns = [
    'symbol', 'timeframe', 'bucket_start', 'bucket_end', 'open', 'high', 'low', 'close', 'base_volume', 'quote_volume', 'vwap',
    'trade_count', 'first_trade_id', 'last_trade_id', 'is_empty', 'is_closed', 'source',
] %}

-- Where coverage holds a bucket, trades decide it, also that nothing traded. So Kraken's candle is taken only outside of it; there it
-- also comes before an open candle of ours, which does not know the bucket's end.
with

rest as (
    select
        rest.*,
        {{ empty_bucket_policy('rest.symbol', 'rest.timeframe') }} as policy
    from {{ ref('rest_candles') }} as rest
    left join {{ ref('timeframes') }} as ours on rest.timeframe = ours.timeframe
    left join {{ ref('coverage') }} as coverage
        on
            rest.symbol = coverage.symbol
            and rest.bucket_start >= {{ timestamp_from_ns('coverage.covered_from_ns + 999') }}
            and rest.bucket_end <= coverage.covered_to
    where ours.timeframe is null or coverage.symbol is null
),

-- Kraken repeats the close before where nothing traded.
rest_shown as (
    select
        symbol,
        timeframe,
        bucket_start,
        bucket_end,
        {% for field in ['open', 'high', 'low', 'close'] -%}
        case when not is_empty or policy = 'carry_forward' then {{ field }} end as {{ field }},
        {% endfor -%}
        base_volume,
        quote_volume,
        vwap,
        trade_count,
        first_trade_id,
        last_trade_id,
        is_empty,
        is_closed,
        source
    from rest
    where not (is_empty and policy = 'omit')
)

select {{ columns | join(', ') }} from {{ ref('candles') }}
where is_closed
union all
select {{ columns | join(', ') }} from rest_shown
union all
select candles.{{ columns | join(', candles.') }}
from {{ ref('candles') }} as candles
left join {{ ref('rest_candles') }} as rest
    on
        candles.symbol = rest.symbol
        and candles.timeframe = rest.timeframe
        and candles.bucket_start = rest.bucket_start
where not candles.is_closed and rest.symbol is null
