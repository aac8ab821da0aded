{{ config(materialized='view') }}

with

contradicted as (
    select
        timeframe,
        symbol,
        bucket_on,
        count(*) as contradicted_count
    from {{ contradicted_candles() }} as contradicted
    group by timeframe, symbol, bucket_on
),

accepted as (
    select
        timeframe,
        symbol,
        bucket_on,
        count(*) as accepted_count
    from ({{ accepted_buckets(ref('compared_candles'), 'rest') }}) as buckets
    group by timeframe, symbol, bucket_on
)

select
    days.symbol,
    days.timeframe,
    days.bucket_on,
    days.rest_candle_count,
    days.compared_count,
    days.identical_count,
    days.differs_count - coalesce(contradicted.contradicted_count, 0) as differs_count,
    days.missing_here_count,
    days.missing_there_count,
    days.revised_count,
    days.unknown_here_count,
    coalesce(contradicted.contradicted_count, 0) as contradicted_count,
    coalesce(accepted.accepted_count, 0) as accepted_count,
    days.first_fetched_at,
    days.last_fetched_at
from {{ ref('compared_days') }} as days
left join contradicted
    on
        days.timeframe = contradicted.timeframe
        and days.symbol = contradicted.symbol
        and days.bucket_on = contradicted.bucket_on
left join accepted
    on days.timeframe = accepted.timeframe and days.symbol = accepted.symbol and days.bucket_on = accepted.bucket_on
where days.referee = 'rest'
