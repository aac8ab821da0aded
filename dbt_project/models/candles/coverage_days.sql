{{ config(materialized='ephemeral') }}

{%- set day_ns = 86400000000000 %}

-- Trades find their range by (symbol, day), an equality: ranges of a symbol may be many, ranges of a day are few.
with

days as (
    select
        symbol,
        covered_from_ns,
        covered_to_ns,
        {{ bucket_series(bucket_start('covered_from_ns', day_ns), 'covered_to_ns', day_ns) }} as day_start_ns
    from {{ ref('coverage_ranges') }}
)

select
    symbol,
    cast({{ timestamp_from_ns('day_start_ns') }} as date) as traded_on,
    covered_from_ns,
    covered_to_ns
from days
