{%- set second_ns = 1000000000 %}
{%- set from_second = bucket_start('pieces.from_ns', second_ns) %}
{%- set from_next_second = bucket_start('pieces.from_ns + 999999999', second_ns) %}
{%- set to_second = bucket_start('pieces.to_ns', second_ns) %}
{%- set to_next_second = bucket_start('pieces.to_ns + 999999999', second_ns) %}

-- One source for each day, where one has it whole; other days are split.
with

-- A day that no source has whole is split at whole seconds, for a file without ids knows no smaller ones.
pieces as (
    select * from {{ ref('sourced_days') }}
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
    from {{ ref('sourced_days') }}
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
    from {{ ref('sourced_days') }} as sources
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
    chosen.to_ns = max(chosen.to_ns) over (partition by chosen.symbol) as is_last,
    known.source_count,
    known.archive_load_id
from chosen
inner join known on chosen.symbol = known.symbol and chosen.covered_on = known.covered_on
order by chosen.symbol, chosen.covered_on, chosen.from_ns
