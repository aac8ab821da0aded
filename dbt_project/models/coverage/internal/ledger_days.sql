{%- set day_ns = 86400000000000 %}

-- What the ledger says of each day, and whether its trades are there. If that is the same as when the day was last built, the day
-- needs no building.
with

days as (
    select
        symbol,
        covered_from_ns,
        covered_to_ns,
        is_latest,
        {{ bucket_series(bucket_start('covered_from_ns', day_ns), 'covered_to_ns', day_ns) }} as day_start_ns
    from {{ ref('coverage_ranges') }}
),

-- The last trade of a full page stands at the range's very end, which is exclusive.
page_days as (
    select
        symbol,
        load_id,
        new_trade_count,
        {{ bucket_series(
            bucket_start('covered_from_ns', day_ns), 'greatest(covered_to_ns, coalesce(last_time_ns, 0) + 1)', day_ns
        ) }} as day_start_ns
    from {{ ref('stg_pages') }}
),

loaded as (
    select
        symbol,
        day_start_ns,
        -- pages without trades change nothing but coverage
        sum(case when new_trade_count > 0 then 1 else 0 end) as page_count,
        sum(new_trade_count) as new_trade_count,
        max(load_id) as last_load_id
    from page_days
    group by symbol, day_start_ns
)

select
    days.symbol,
    cast({{ timestamp_from_ns('days.day_start_ns') }} as date) as covered_on,
    greatest(days.covered_from_ns, days.day_start_ns) as from_ns,
    least(days.covered_to_ns, days.day_start_ns + {{ day_ns }}) as to_ns,
    days.is_latest and days.covered_to_ns <= days.day_start_ns + {{ day_ns }} as is_last,
    bare.symbol is not null as is_bare,
    cast(coalesce(loaded.page_count, 0) as bigint) as page_count,
    cast(coalesce(loaded.new_trade_count, 0) as bigint) as new_trade_count,
    loaded.last_load_id
from days
left join loaded on days.symbol = loaded.symbol and days.day_start_ns = loaded.day_start_ns
left join {{ ref('bare_days') }} as bare
    on days.symbol = bare.symbol and cast({{ timestamp_from_ns('days.day_start_ns') }} as date) = bare.bare_on
order by days.symbol, covered_on, from_ns
