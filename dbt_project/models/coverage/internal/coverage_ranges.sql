{% set edges = [
    ('ranges', 'covered_from_ns', 1, 0),
    ('ranges', 'covered_to_ns', -1, 0),
    ('holes', 'from_ns', 0, 1),
    ('holes', 'to_ns', 0, -1),
] -%}

-- Made anew from the ledger in each build, which is small; all that follows reads this one state of it.
-- A sweep: ranges open and close, holes open and close; covered is where a range is open and no hole is.
-- A hole ends 1 ns late: the instant of the first trade after it is unproven too.
with

ranges as (
    {{ page_ranges() }}
),

-- What traded in a part of a kept candle cannot be told: where trades are removed, a hole is as wide as the candles that it
-- touches.
holes as (
    select
        holes.symbol,
        coalesce({{ bucket_start('holes.from_time_ns', 'from_day.finest_ns') }}, holes.from_time_ns) as from_ns,
        coalesce({{ bucket_start('holes.to_time_ns', 'to_day.finest_ns') }} + to_day.finest_ns, holes.to_time_ns + 1) as to_ns
    from {{ ref('id_holes') }} as holes
    left join {{ ref('bare_days') }} as from_day
        on holes.symbol = from_day.symbol and cast({{ timestamp_from_ns('holes.from_time_ns') }} as date) = from_day.bare_on
    left join {{ ref('bare_days') }} as to_day
        on holes.symbol = to_day.symbol and cast({{ timestamp_from_ns('holes.to_time_ns') }} as date) = to_day.bare_on
    where not holes.is_lifted
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
        at_ns as from_ns,
        lead(at_ns) over (partition by symbol order by at_ns) as to_ns,
        sum(ranges) over (partition by symbol order by at_ns) > 0
        and not sum(holes) over (partition by symbol order by at_ns) > 0 as is_covered
    from instants
)

-- The ranges neither touch nor overlap, so two covered segments never meet.
select
    symbol,
    from_ns as covered_from_ns,
    to_ns as covered_to_ns,
    lead(from_ns) over (partition by symbol order by from_ns) is null as is_latest
from segments
where is_covered
order by symbol, from_ns
