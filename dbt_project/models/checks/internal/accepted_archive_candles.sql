{{ config(materialized='ephemeral') }}

{{ accepted_buckets(ref('compared_archive_candles'), 'archive') }}
