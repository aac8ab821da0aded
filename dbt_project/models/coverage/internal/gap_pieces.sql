{{ config(materialized='ephemeral') }}

{% set edges = [
    ('pieces', 'from_ns', 1, 0, 0),
    ('pieces', 'to_ns', -1, 0, 0),
    ('asked', 'covered_from_ns', 0, 1, 0),
    ('asked', 'covered_to_ns', 0, -1, 0),
    ('files', 'covered_from_ns', 0, 0, 1),
    ('files', 'covered_to_ns', 0, 0, -1),
] -%}

-- A sweep over all that any source has or was asked for. Where a stretch was asked for, ids are missing in it; where it lies
-- within a file, a row of it was refused; else nobody ever asked.
with

pieces as (
    select * from {{ ref('day_pieces') }}
),

asked as (
    select * from {{ ref('page_ranges') }}
),

files as (
    select * from {{ ref('archive_editions') }}
    where format <> 'candles' and covered_from_ns < covered_to_ns
),

edges as (
    {% for relation, at_ns, pieces, asked, files in edges %}
    select
        symbol,
        {{ at_ns }} as at_ns,
        {{ pieces }} as pieces,
        {{ asked }} as asked,
        {{ files }} as files
    from {{ relation }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

instants as (
    select
        symbol,
        at_ns,
        sum(pieces) as pieces,
        sum(asked) as asked,
        sum(files) as files
    from edges
    group by symbol, at_ns
),

segments as (
    select
        symbol,
        at_ns as from_ns,
        lead(at_ns) over (partition by symbol order by at_ns) as to_ns,
        sum(pieces) over (partition by symbol order by at_ns) as pieces,
        sum(asked) over (partition by symbol order by at_ns) as asked,
        sum(files) over (partition by symbol order by at_ns) as files
    from instants
),

known as (
    select
        symbol,
        min(from_ns) as first_ns,
        max(to_ns) as last_ns
    from pieces
    group by symbol
),

-- Between the first and the last instant that is proven.
uncovered as (
    select
        segments.symbol,
        segments.from_ns,
        segments.to_ns,
        segments.asked,
        segments.files
    from segments
    inner join known
        on
            segments.symbol = known.symbol
            and segments.from_ns >= known.first_ns
            and segments.to_ns <= known.last_ns
    where segments.pieces = 0
),

ends as (
    select
        symbol,
        covered_to_ns as end_ns
    from files
    union
    select
        symbol,
        to_ns as end_ns
    from pieces
    where edition_id > 0
)

select
    uncovered.symbol,
    uncovered.from_ns,
    uncovered.to_ns,
    case
        when uncovered.asked > 0 then 'ids_missing'
        when uncovered.files > 0 then 'rows_refused'
        when ends.symbol is not null then 'archive_ends'
        else 'never_loaded'
    end as reason
from uncovered
left join ends on uncovered.symbol = ends.symbol and uncovered.from_ns = ends.end_ns
union all
select
    symbol,
    from_ns,
    to_ns,
    'trades_lost' as reason
from {{ ref('checked_days') }}
where not is_sound
