{{ config(materialized='ephemeral') }}

{{ accepted_buckets(ref('compared_candles'), 'rest') }}
