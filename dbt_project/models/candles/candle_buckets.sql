{{ config(materialized='ephemeral') }}

with

ranges as (
    select
        coverage.symbol,
        coverage.covered_to_ns,
        timeframes.timeframe,
        timeframes.timeframe_ns,
        {{ bucket_start('coverage.covered_from_ns + timeframes.timeframe_ns - 1', 'timeframes.timeframe_ns') }} as from_ns,
        -- only the symbol's last range may end in a bucket that is still open
        case
            when coverage.is_latest then coverage.covered_to_ns
            else {{ bucket_start('coverage.covered_to_ns', 'timeframes.timeframe_ns') }}
        end as to_ns
    from {{ ref('coverage') }} as coverage
    cross join {{ ref('timeframes') }} as timeframes
),

buckets as (
    select
        symbol,
        timeframe,
        timeframe_ns,
        covered_to_ns,
        {{ bucket_series('from_ns', 'to_ns', 'timeframe_ns') }} as bucket_start_ns
    from ranges
)

select
    symbol,
    timeframe,
    bucket_start_ns,
    bucket_start_ns + timeframe_ns as bucket_end_ns,
    bucket_start_ns + timeframe_ns <= covered_to_ns as is_closed
from buckets
