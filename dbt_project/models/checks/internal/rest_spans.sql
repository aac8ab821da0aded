{{ config(materialized='ephemeral') }}

-- Between the first and the last candle of one answer Kraken left nothing out; between two answers nobody may have asked.
with

answers as (
    select
        symbol,
        timeframe,
        fetched_at,
        min({{ ns_from_timestamp('bucket_start') }}) as first_bucket_ns,
        max({{ ns_from_timestamp('bucket_start') }}) as last_bucket_ns
    from {{ ref('stg_rest_candles') }}
    group by symbol, timeframe, fetched_at
),

ordered as (
    select
        *,
        max(last_bucket_ns) over (
            partition by symbol, timeframe order by first_bucket_ns, fetched_at
            rows between unbounded preceding and 1 preceding
        ) as reached_ns
    from answers
),

numbered as (
    select
        *,
        sum(case when first_bucket_ns <= reached_ns then 0 else 1 end) over (
            partition by symbol, timeframe order by first_bucket_ns, fetched_at
            rows between unbounded preceding and current row
        ) as span_number
    from ordered
)

select
    symbol,
    timeframe,
    min(first_bucket_ns) as first_bucket_ns,
    max(last_bucket_ns) as last_bucket_ns,
    max(fetched_at) as fetched_at
from numbered
group by symbol, timeframe, span_number
