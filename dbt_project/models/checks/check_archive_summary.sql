{{ config(tags='archives', materialized='view') }}

with

counts as (
    select * from {{ ref('exchange_days') }}
    where source = 'archive'
),

accepted as (
    select
        timeframe,
        symbol,
        bucket_on,
        count(*) as accepted_count
    from ({{ accepted_buckets(ref('compared_archive_candles'), 'archive') }}) as buckets
    group by timeframe, symbol, bucket_on
),

days as (
    select * from {{ ref('compared_days') }}
    where referee = 'archive'
)

select
    coalesce(counts.symbol, days.symbol) as symbol,
    coalesce(counts.timeframe, days.timeframe) as timeframe,
    coalesce(counts.bucket_on, days.bucket_on) as bucket_on,
    coalesce(counts.row_count, 0) as archive_candle_count,
    {% for count in ['compared'] + compared_statuses('archive') %}
    coalesce(days.{{ count }}_count, 0) as {{ count }}_count,
    {% endfor %}
    coalesce(accepted.accepted_count, 0) as accepted_count
from counts
full outer join days
    on counts.timeframe = days.timeframe and counts.symbol = days.symbol and counts.bucket_on = days.bucket_on
left join accepted
    on days.timeframe = accepted.timeframe and days.symbol = accepted.symbol and days.bucket_on = accepted.bucket_on
