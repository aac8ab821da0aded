{%- set day_ns = 86400000000000 %}
{%- set highest = 9223372036854775807 %}

-- Which source has a day whole: what answers or ids prove first, then files without ids, of these the one that was imported last.
with

ranges as (
    select
        symbol,
        cast(0 as bigint) as edition_id,
        cast(0 as bigint) as import_number,
        covered_from_ns,
        covered_to_ns
    from {{ ref('coverage_ranges') }}
    union all
    select
        symbol,
        edition_id,
        import_number,
        covered_from_ns,
        covered_to_ns
    from {{ ref('archive_ranges') }}
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
)

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
order by dated.symbol, dated.covered_on, dated.from_ns
