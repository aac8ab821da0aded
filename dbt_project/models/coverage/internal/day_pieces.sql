{%- set day_ns = 86400000000000 %}
{%- set highest = 9223372036854775807 %}
{%- set second_ns = 1000000000 %}
{%- set from_second = bucket_start('pieces.from_ns', second_ns) %}
{%- set from_next_second = bucket_start('pieces.from_ns + ' ~ (second_ns - 1), second_ns) %}
{%- set to_second = bucket_start('pieces.to_ns', second_ns) %}
{%- set to_next_second = bucket_start('pieces.to_ns + ' ~ (second_ns - 1), second_ns) %}

-- One source for each day, where one has it whole: what Kraken's answers or ids prove first, then files without ids, of these the one that
-- was imported last. A day that none has whole is split at whole seconds, for a file without ids knows no smaller ones.
with

cut as (
    select
        symbol,
        cast(0 as bigint) as edition_id,
        cast(0 as bigint) as import_number,
        covered_from_ns,
        covered_to_ns,
        {{ bucket_series(bucket_start('covered_from_ns', day_ns), 'covered_to_ns', day_ns) }} as day_start_ns
    from {{ ref('coverage_ranges') }}
    union all
    select
        symbol,
        edition_id,
        import_number,
        covered_from_ns,
        covered_to_ns,
        {{ bucket_series(bucket_start('covered_from_ns', day_ns), 'covered_to_ns', day_ns) }} as day_start_ns
    from {{ ref('archive_ranges') }}
),

dated as (
    select
        symbol,
        edition_id,
        import_number,
        day_start_ns,
        cast({{ timestamp_from_ns('day_start_ns') }} as date) as covered_on,
        greatest(covered_from_ns, day_start_ns) as from_ns,
        least(covered_to_ns, day_start_ns + {{ day_ns }}) as to_ns
    from cut
),

-- Kept candles cannot be split; so a day whose trades are removed stays with them, unless a file has it whole.
days as (
    select
        dated.symbol,
        dated.covered_on,
        max(dated.edition_id) > 0 as is_archived,
        max(case when dated.edition_id = 0 then 1 else 0 end) = 1 as is_proven,
        max(case when dated.to_ns - dated.from_ns < {{ day_ns }} then -1 when dated.edition_id = 0 then {{ highest }}
            else dated.import_number end) as whole_number,
        max(case when bare.symbol is null then 0 else 1 end) = 1 as is_bare
    from dated
    left join {{ ref('bare_days') }} as bare on dated.symbol = bare.symbol and dated.covered_on = bare.bare_on
    group by dated.symbol, dated.covered_on
),

-- Whole days, and days that only one kind of source knows: as they are.
simple as (
    select
        dated.*
    from dated
    inner join days on dated.symbol = days.symbol and dated.covered_on = days.covered_on
    where
        not days.is_archived
        or (days.whole_number = {{ highest }} and dated.edition_id = 0)
        or (days.whole_number = dated.import_number and dated.edition_id > 0 and dated.to_ns - dated.from_ns = {{ day_ns }})
        or (days.whole_number < 0 and days.is_bare and days.is_proven and dated.edition_id = 0)
),

pieces as (
    select dated.*
    from dated
    inner join days on dated.symbol = days.symbol and dated.covered_on = days.covered_on
    where days.is_archived and days.whole_number < 0 and not (days.is_bare and days.is_proven)
),

-- Where a file has the second whole in which an answer's proof begins or ends, the file has it.
trimmed as (
    select
        pieces.symbol,
        pieces.covered_on,
        pieces.edition_id,
        pieces.import_number,
        case when max(case when files.from_ns <= {{ from_second }} and files.to_ns >= {{ from_next_second }} then 1 else 0 end) = 1
            then {{ from_next_second }} else pieces.from_ns end as from_ns,
        case when max(case when files.from_ns <= {{ to_second }} and files.to_ns >= {{ to_next_second }} then 1 else 0 end) = 1
            then {{ to_second }} else pieces.to_ns end as to_ns
    from pieces
    left join pieces as files
        on pieces.symbol = files.symbol and pieces.covered_on = files.covered_on and pieces.edition_id = 0 and files.edition_id > 0
    group by pieces.symbol, pieces.covered_on, pieces.edition_id, pieces.import_number, pieces.from_ns, pieces.to_ns
),

instants as (
    select symbol, covered_on, from_ns as at_ns
    from trimmed
    where from_ns < to_ns
    union
    select symbol, covered_on, to_ns as at_ns
    from trimmed
    where from_ns < to_ns
),

segments as (
    select
        symbol,
        covered_on,
        at_ns as from_ns,
        lead(at_ns) over (partition by symbol, covered_on order by at_ns) as to_ns
    from instants
),

-- The first in rank that has the segment; what Kraken's answers prove has the highest number of all.
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
        ) as rank_number
    from segments
    inner join trimmed
        on
            segments.symbol = trimmed.symbol
            and segments.covered_on = trimmed.covered_on
            and segments.from_ns >= trimmed.from_ns
            and segments.to_ns <= trimmed.to_ns
    where segments.to_ns is not null
),

joined as (
    select
        *,
        case
            when
                lag(to_ns) over (partition by symbol, covered_on order by from_ns) = from_ns
                and lag(edition_id) over (partition by symbol, covered_on order by from_ns) = edition_id
                then 0
            else 1
        end as is_new
    from ranked
    where rank_number = 1
),

numbered as (
    select
        *,
        sum(is_new) over (
            partition by symbol, covered_on order by from_ns rows between unbounded preceding and current row
        ) as piece_number
    from joined
),

chosen as (
    select
        symbol,
        covered_on,
        edition_id,
        from_ns,
        to_ns,
        false as is_split
    from simple
    union all
    select
        symbol,
        covered_on,
        edition_id,
        min(from_ns) as from_ns,
        max(to_ns) as to_ns,
        true as is_split
    from numbered
    group by symbol, covered_on, edition_id, piece_number
),

rivals as (
    select
        dated.symbol,
        dated.covered_on,
        count(distinct dated.edition_id) as source_count,
        max(editions.load_id) as archive_load_id
    from dated
    left join {{ ref('archive_editions') }} as editions on dated.edition_id = editions.edition_id
    group by dated.symbol, dated.covered_on
)

select
    chosen.symbol,
    chosen.covered_on,
    chosen.from_ns,
    chosen.to_ns,
    chosen.edition_id,
    chosen.is_split,
    chosen.to_ns = max(chosen.to_ns) over (partition by chosen.symbol) as is_last,
    rivals.source_count,
    rivals.archive_load_id
from chosen
inner join rivals on chosen.symbol = rivals.symbol and chosen.covered_on = rivals.covered_on
order by chosen.symbol, chosen.covered_on, chosen.from_ns
