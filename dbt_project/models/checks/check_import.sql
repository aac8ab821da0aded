{{ config(tags='archives', materialized='view') }}

with

files as (
    {{ archive_files() }}
),

written as (
    {{ optional_loaded_rows(source('kraken_raw', 'archive_refused_rows'), {
        'edition_id': 'bigint',
        'row_number': 'bigint',
        'line_number': 'bigint',
        'reason': 'string',
    }) }}
),

-- The first five refused rows of a file are named; all of them stand in the raw table.
refused as (
    select
        *,
        row_number() over (partition by edition_id order by row_number) as place
    from written
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
    {% for name, read, found, type in [
        ('trade', 'row_count', 'trades_in_warehouse', 'bigint'),
        ('volume', 'base_volume', 'volume_in_warehouse', 'decimal(38, 12)'),
    ] %}
    cast(case when files.row_count = 0 then 0 else counts.{{ read }} end as {{ type }}) as {{ found }},
    cast(
        case when files.row_count = 0 then 0 else files.{{ read }} - counts.{{ read }} end as {{ type }}
    ) as {{ name }}_difference,
    {% endfor %}
    {{ timestamp_from_ns('files.covered_from_ns') }} as covered_from,
    {{ timestamp_from_ns('files.covered_to_ns') }} as covered_to,
    files.content_hash,
    files.imported_at
from files
left join {{ ref('archive_editions') }} as editions on files.edition_id = editions.edition_id
left join {{ ref('import_counts') }} as counts on editions.edition_id = counts.edition_id
left join named on files.edition_id = named.edition_id
