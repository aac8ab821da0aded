{{ config(materialized='ephemeral') }}

select
    archive.timeframe,
    archive.symbol,
    archive.bucket_on,
    archive.bucket_start,
    archive.bucket_start_ns,
    {% for field in compared_fields('archive') %}
    archive.{{ field }},
    {% endfor %}
    archive.edition_id,
    archive.is_last_of_file
from {{ ref('chosen_archive_candles') }} as archive
{{ joined_for_comparing('archive') }}
where absent.symbol is null
