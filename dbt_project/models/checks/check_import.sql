{{ config(materialized='view') }}

-- The first five refused rows of a file are named; all of them stand in stg_archive_refused_rows.
with

refused as (
    select
        *,
        row_number() over (partition by edition_id order by row_number) as place
    from {{ ref('stg_archive_refused_rows') }}
),

named as (
    select
        edition_id,
        {{ joined_in_order(
            "case when place <= 5 then concat(case when place > 1 then '; ' else '' end, 'line ', cast(line_number as " ~ dbt.type_string()
            ~ "), ': ', reason) end", 'place'
        ) }} as first_refused_rows
    from refused
    group by edition_id
)

select
    files.edition_id,
    files.symbol,
    files.archive,
    files.member,
    files.format,
    files.timeframe,
    editions.edition_id is not null or files.row_count = 0 as is_current,
    files.row_count + files.refused_count + files.left_out_count as rows_read,
    files.refused_count as rows_refused,
    named.first_refused_rows,
    files.left_out_count as rows_left_out,
    files.row_count as rows_taken,
    files.base_volume as volume_read,
    case when files.row_count = 0 then 0 else counts.row_count end as trades_in_warehouse,
    case when files.row_count = 0 then cast(0 as decimal(38, 12)) else counts.base_volume end as volume_in_warehouse,
    case when files.row_count = 0 then 0 else files.row_count - counts.row_count end as trade_difference,
    case
        when files.row_count = 0 then cast(0 as decimal(38, 12)) else cast(files.base_volume - counts.base_volume as decimal(38, 12))
    end as volume_difference,
    {{ timestamp_from_ns('files.covered_from_ns') }} as covered_from,
    {{ timestamp_from_ns('files.covered_to_ns') }} as covered_to,
    files.content_hash,
    files.imported_at
from {{ ref('stg_archive_files') }} as files
left join {{ ref('archive_editions') }} as editions on files.edition_id = editions.edition_id
left join {{ ref('import_counts') }} as counts on files.edition_id = counts.edition_id
left join named on files.edition_id = named.edition_id
