{{ config(materialized='ephemeral') }}

{% set edges = [
    ('ranges', 'covered_from_ns', 1, 0),
    ('ranges', 'covered_to_ns', -1, 0),
    ('holes', 'from_time_ns', 0, 1),
    ('holes', 'to_time_ns + 1', 0, -1),
] -%}

-- A sweep: ranges open and close, holes open and close; covered is where a range is open and no hole is.
-- A hole ends 1 ns late: the instant of the first trade after it is unproven too.
with

ranges as (
    select * from {{ ref('page_ranges') }}
),

holes as (
    select * from {{ ref('id_holes') }}
    where not is_lifted
),

edges as (
    {% for relation, at_ns, range_step, hole_step in edges %}
    select
        symbol,
        {{ at_ns }} as at_ns,
        {{ range_step }} as ranges,
        {{ hole_step }} as holes
    from {{ relation }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

instants as (
    select
        symbol,
        at_ns,
        sum(ranges) as ranges,
        sum(holes) as holes
    from edges
    group by symbol, at_ns
),

segments as (
    select
        symbol,
        at_ns,
        sum(ranges) over (partition by symbol order by at_ns) as open_ranges,
        sum(holes) over (partition by symbol order by at_ns) as open_holes,
        lead(at_ns) over (partition by symbol order by at_ns) as next_at_ns
    from instants
)

-- The ranges neither touch nor overlap, so two covered segments never meet.
select
    symbol,
    at_ns as covered_from_ns,
    next_at_ns as covered_to_ns
from segments
where open_ranges > 0 and open_holes = 0
