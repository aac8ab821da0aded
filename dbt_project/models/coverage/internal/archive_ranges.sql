{{ config(materialized='ephemeral') }}

-- Parts that follow each other meet at a whole second; around a row that was refused they do not. Where the last one reaches to
-- is known only when the whole file is read. Where times go back, nobody knows when a row that was refused was traded.
with

ended as (
    select
        parts.symbol,
        parts.edition_id,
        editions.import_number,
        parts.covered_from_ns,
        case
            when parts.last_row = max(parts.last_row) over (partition by parts.edition_id) then editions.covered_to_ns
            else parts.covered_to_ns
        end as covered_to_ns
    from {{ ref('stg_archive_parts') }} as parts
    inner join {{ ref('archive_editions') }} as editions on parts.edition_id = editions.edition_id
    where parts.format = 'trades' and (editions.is_ascending or editions.refused_count = 0)
),

parts as (
    select
        *,
        max(covered_to_ns) over (
            partition by edition_id order by covered_from_ns, covered_to_ns
            rows between unbounded preceding and 1 preceding
        ) as reached_ns
    from ended
    where covered_from_ns < covered_to_ns
),

numbered as (
    select
        *,
        sum(case when covered_from_ns <= reached_ns then 0 else 1 end) over (
            partition by edition_id order by covered_from_ns, covered_to_ns
            rows between unbounded preceding and current row
        ) as range_number
    from parts
)

select
    symbol,
    edition_id,
    import_number,
    min(covered_from_ns) as covered_from_ns,
    max(covered_to_ns) as covered_to_ns
from numbered
group by symbol, edition_id, import_number, range_number
