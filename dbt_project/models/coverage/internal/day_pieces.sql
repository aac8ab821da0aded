{%- set day_ns = 86400000000000 %}
{%- set highest = 9223372036854775807 %}
{%- set second_ns = 1000000000 %}
{%- set from_second = bucket_start('pieces.from_ns', second_ns) %}
{%- set from_next_second = bucket_start('pieces.from_ns + 999999999', second_ns) %}
{%- set to_second = bucket_start('pieces.to_ns', second_ns) %}
{%- set to_next_second = bucket_start('pieces.to_ns + 999999999', second_ns) %}
{% set edges = [
    ('asked', 'covered_from_ns', 1, 0),
    ('asked', 'covered_to_ns', -1, 0),
    ('holes', 'from_ns', 0, 1),
    ('holes', 'to_ns', 0, -1),
] -%}

-- One source for each day, where one has it whole: what answers or ids prove first, then files without ids, of these the one
-- that was imported last. Other days are split.
with

asked as (
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

-- A sweep: what was asked for opens and closes, holes open and close; proven is where something was asked for and no hole is.
-- A hole ends 1 ns late: the instant of the first trade after it is unproven too.
proof_edges as (
    {% for relation, at_ns, asked_step, hole_step in edges %}
    select
        symbol,
        {{ at_ns }} as at_ns,
        {{ asked_step }} as asked,
        {{ hole_step }} as holes
    from {{ relation }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

proof_instants as (
    select
        symbol,
        at_ns,
        sum(asked) as asked,
        sum(holes) as holes
    from proof_edges
    group by symbol, at_ns
),

proven as (
    select
        symbol,
        at_ns as from_ns,
        lead(at_ns) over (partition by symbol order by at_ns) as to_ns,
        sum(asked) over (partition by symbol order by at_ns) > 0
        and not sum(holes) over (partition by symbol order by at_ns) > 0 as is_covered
    from proof_instants
),

ended as (
    {{ edition_parts('trades') }}
),

-- Parts that follow each other meet at a whole second; around a row that was refused they do not. Where times go back, nobody
-- knows when a row that was refused was traded.
parts as (
    select
        symbol,
        edition_id,
        import_number,
        covered_from_ns,
        ends_at_ns as covered_to_ns,
        max(ends_at_ns) over (
            partition by edition_id order by covered_from_ns, ends_at_ns
            rows between unbounded preceding and 1 preceding
        ) as reached_ns
    from ended
    where covered_from_ns < ends_at_ns and (is_ascending or refused_count = 0)
),

numbered_parts as (
    select
        *,
        sum(case when covered_from_ns <= reached_ns then 0 else 1 end) over (
            partition by edition_id order by covered_from_ns, covered_to_ns
            rows between unbounded preceding and current row
        ) as range_number
    from parts
),

archive_ranges as (
    select
        symbol,
        edition_id,
        import_number,
        min(covered_from_ns) as covered_from_ns,
        max(covered_to_ns) as covered_to_ns
    from numbered_parts
    group by symbol, edition_id, import_number, range_number
),

ranges as (
    select
        symbol,
        cast(0 as bigint) as edition_id,
        cast(0 as bigint) as import_number,
        from_ns as covered_from_ns,
        to_ns as covered_to_ns
    from proven
    where is_covered
    union all
    select
        symbol,
        edition_id,
        import_number,
        covered_from_ns,
        covered_to_ns
    from archive_ranges
),

cut as (
    select
        *,
        {{ bucket_series(bucket_start('covered_from_ns', day_ns), 'covered_to_ns', day_ns) }} as day_start_ns
    from ranges
),

dated as (
    select
        symbol,
        edition_id,
        import_number,
        cast({{ timestamp_from_ns('day_start_ns') }} as date) as covered_on,
        greatest(covered_from_ns, day_start_ns) as from_ns,
        least(covered_to_ns, day_start_ns + {{ day_ns }}) as to_ns
    from cut
),

days as (
    select
        symbol,
        covered_on,
        max(edition_id) > 0 as is_archived,
        min(edition_id) = 0 as is_proven,
        count(distinct edition_id) as source_count,
        max(
            case
                when to_ns - from_ns < {{ day_ns }} then -1
                when edition_id = 0 then {{ highest }}
                else import_number
            end
        ) as whole_number
    from dated
    group by symbol, covered_on
),

sourced as (
    select
        dated.*,
        days.is_archived,
        days.source_count,
        days.whole_number >= 0 as is_whole_day,
        days.whole_number = case when dated.edition_id = 0 then {{ highest }} else dated.import_number end
        and dated.to_ns - dated.from_ns = {{ day_ns }} as is_whole,
        -- kept candles cannot be split, so a day whose trades are removed stays with them unless a file has it whole
        days.is_proven and bare.symbol is not null as is_bare
    from dated
    inner join days on dated.symbol = days.symbol and dated.covered_on = days.covered_on
    left join {{ ref('bare_days') }} as bare on dated.symbol = bare.symbol and dated.covered_on = bare.bare_on
),

-- A day that no source has whole is split at whole seconds, for a file without ids knows no smaller ones.
pieces as (
    select * from sourced
    where is_archived and not is_whole_day and not is_bare
),

-- Where a file has the second whole in which an answer's proof begins or ends, the file keeps it.
met as (
    select
        pieces.symbol,
        pieces.covered_on,
        pieces.edition_id,
        pieces.import_number,
        pieces.from_ns,
        pieces.to_ns,
        {{ from_next_second }} as inner_from_ns,
        {{ to_second }} as inner_to_ns,
        max(
            case when files.from_ns <= {{ from_second }} and files.to_ns >= {{ from_next_second }} then 1 else 0 end
        ) as is_met_at_start,
        max(
            case when files.from_ns <= {{ to_second }} and files.to_ns >= {{ to_next_second }} then 1 else 0 end
        ) as is_met_at_end
    from pieces
    left join pieces as files
        on
            pieces.symbol = files.symbol
            and pieces.covered_on = files.covered_on
            and pieces.edition_id = 0
            and files.edition_id > 0
    group by pieces.symbol, pieces.covered_on, pieces.edition_id, pieces.import_number, pieces.from_ns, pieces.to_ns
),

trimmed as (
    select
        symbol,
        covered_on,
        edition_id,
        import_number,
        case when is_met_at_start = 1 then inner_from_ns else from_ns end as from_ns,
        case when is_met_at_end = 1 then inner_to_ns else to_ns end as to_ns
    from met
),

instants as (
    {% for edge in ['from_ns', 'to_ns'] %}
    select
        symbol,
        covered_on,
        {{ edge }} as at_ns
    from trimmed
    where from_ns < to_ns
    {% if not loop.last %}union{% endif %}
    {% endfor %}
),

segments as (
    select
        symbol,
        covered_on,
        at_ns as from_ns,
        lead(at_ns) over (partition by symbol, covered_on order by at_ns) as to_ns
    from instants
),

ranked as (
    select
        segments.symbol,
        segments.covered_on,
        segments.from_ns,
        segments.to_ns,
        trimmed.edition_id,
        row_number() over (
            partition by segments.symbol, segments.covered_on, segments.from_ns
            order by case when trimmed.edition_id = 0 then 0 else 1 end, trimmed.import_number desc
        ) as place
    from segments
    inner join trimmed
        on
            segments.symbol = trimmed.symbol
            and segments.covered_on = trimmed.covered_on
            and segments.from_ns >= trimmed.from_ns
            and segments.to_ns <= trimmed.to_ns
),

followed as (
    select
        *,
        lag(to_ns) over (partition by symbol, covered_on order by from_ns) as reached_ns,
        lag(edition_id) over (partition by symbol, covered_on order by from_ns) as edition_id_before
    from ranked
    where place = 1
),

numbered as (
    select
        *,
        sum(case when from_ns = reached_ns and edition_id = edition_id_before then 0 else 1 end) over (
            partition by symbol, covered_on order by from_ns
            rows between unbounded preceding and current row
        ) as piece_number
    from followed
),

split as (
    select
        symbol,
        covered_on,
        edition_id,
        min(from_ns) as from_ns,
        max(to_ns) as to_ns
    from numbered
    group by symbol, covered_on, edition_id, piece_number
),

chosen as (
    select
        symbol,
        covered_on,
        edition_id,
        from_ns,
        to_ns,
        false as is_split
    from sourced
    where
        not is_archived
        or (is_whole_day and is_whole)
        or (not is_whole_day and is_bare and edition_id = 0)
    union all
    select
        symbol,
        covered_on,
        edition_id,
        from_ns,
        to_ns,
        true as is_split
    from split
),

known as (
    select
        sources.symbol,
        sources.covered_on,
        max(sources.source_count) as source_count,
        max(editions.load_id) as archive_load_id
    from sourced as sources
    left join {{ ref('archive_editions') }} as editions on sources.edition_id = editions.edition_id
    group by sources.symbol, sources.covered_on
)

select
    chosen.symbol,
    chosen.covered_on,
    chosen.from_ns,
    chosen.to_ns,
    chosen.edition_id,
    chosen.is_split,
    known.source_count,
    known.archive_load_id
from chosen
inner join known on chosen.symbol = known.symbol and chosen.covered_on = known.covered_on
order by chosen.symbol, chosen.covered_on, chosen.from_ns
