{{ config(materialized='ephemeral') }}

-- Rows that follow each other hold all between the first and the last; around a row that was refused they do not. In a file whose
-- times go back, a refused row may be of any time.
with

parts as (
    select
        editions.symbol,
        editions.timeframe,
        editions.edition_id,
        editions.import_number,
        editions.covered_to_ns as file_to_ns,
        editions.is_ascending or files.refused_count = 0 as is_gapless,
        parts.first_row,
        least(parts.covered_from_ns, parts.first_time_ns) as from_ns,
        greatest(parts.covered_to_ns, parts.last_time_ns + 1) as to_ns,
        lag(parts.last_row) over (partition by parts.edition_id order by parts.first_row) as row_before
    from {{ ref('archive_editions') }} as editions
    inner join {{ ref('stg_archive_files') }} as files on editions.edition_id = files.edition_id
    inner join {{ ref('stg_archive_parts') }} as parts on editions.edition_id = parts.edition_id
    where editions.format = 'candles'
),

numbered as (
    select
        *,
        sum(case when first_row = row_before + 1 then 0 else 1 end) over (
            partition by edition_id order by first_row
            rows between unbounded preceding and current row
        ) as piece_number
    from parts
)

select
    symbol,
    timeframe,
    edition_id,
    import_number,
    file_to_ns,
    is_gapless,
    min(from_ns) as from_ns,
    max(to_ns) as to_ns
from numbered
group by symbol, timeframe, edition_id, import_number, file_to_ns, is_gapless, piece_number
