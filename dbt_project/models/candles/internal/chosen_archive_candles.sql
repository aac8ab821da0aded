{{ config(materialized='view') }}

{%- set start_ns = ns_from_timestamp('archive.bucket_start') %}

-- Read where they were imported to, not copied: there may be a billion of them.
select
    archive.symbol,
    archive.timeframe,
    archive.timeframe_seconds,
    archive.bucket_start,
    {{ start_ns }} as bucket_start_ns,
    {{ start_ns }} + archive.timeframe_seconds * 1000000000 as bucket_end_ns,
    cast(archive.bucket_start as date) as bucket_on,
    archive.open,
    archive.high,
    archive.low,
    archive.close,
    archive.base_volume,
    archive.trade_count,
    spans.edition_id,
    {{ start_ns }} + archive.timeframe_seconds * 1000000000 >= spans.file_to_ns as is_last_of_file
from {{ ref('stg_archive_candles') }} as archive
inner join {{ ref('archive_spans') }} as spans
    on
        archive.edition_id = spans.edition_id
        and {{ start_ns }} >= spans.from_ns
        and {{ start_ns }} < spans.to_ns
where spans.is_current
