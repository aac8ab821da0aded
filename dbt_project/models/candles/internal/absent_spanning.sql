-- A bucket that reaches over midnight is made of those within days: where one of these cannot be made, it would lack trades.
with

absent as (
    select
        bare.symbol,
        timeframes.timeframe,
        timeframes.size_ns,
        {{ ns_from_timestamp('cast(bare.bare_on as timestamp)') }} as day_start_ns,
        timeframes.offset_ns
    from {{ ref('bare_timeframes') }} as bare
    inner join {{ ref('timeframes') }} as timeframes on bare.timeframe = timeframes.base_timeframe
    where timeframes.spans_days and bare.coarsest_ns is null
),

-- As coverage has them, but before it.
ranges as (
    select
        symbol,
        min(from_ns) as covered_from_ns,
        max(to_ns) as covered_to_ns,
        max(case when is_last then 1 else 0 end) = 1 as is_latest
    from {{ ref('verified_days') }}
    where is_sound
    group by symbol, range_number
),

buckets as (
    select
        symbol,
        timeframe,
        size_ns,
        {{ bucket_series(
            bucket_start('day_start_ns', 'size_ns', 'offset_ns'), 'day_start_ns + 86400000000000', 'size_ns'
        ) }} as bucket_start_ns
    from absent
)

select distinct
    buckets.timeframe,
    buckets.bucket_start_ns,
    buckets.bucket_start_ns + buckets.size_ns <= ranges.covered_to_ns as is_closed,
    cast({{ timestamp_from_ns('buckets.bucket_start_ns') }} as date) as bucket_on,
    buckets.symbol
from buckets
inner join ranges
    on
        buckets.symbol = ranges.symbol
        and buckets.bucket_start_ns >= ranges.covered_from_ns
        and buckets.bucket_start_ns < ranges.covered_to_ns
where ranges.is_latest or buckets.bucket_start_ns + buckets.size_ns <= ranges.covered_to_ns
