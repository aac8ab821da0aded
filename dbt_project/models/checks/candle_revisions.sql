{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns',
    post_hook="{{ kraken_candles.set_marks(['certified_days']) }}",
) }}

{%- set is_new = 'written.symbol is null' if is_incremental() else 'true' %}

select
    certified.symbol,
    certified.timeframe,
    certified.bucket_on,
    certified.revised_at,
    certified.old_hash,
    certified.content_hash as new_hash,
    certified.old_row_count,
    certified.row_count as new_row_count,
    certified.load_id
from {{ ref('certified_days') }} as certified
{% if is_incremental() -%}
left join {{ this }} as written
    on
        certified.symbol = written.symbol
        and certified.timeframe = written.timeframe
        and certified.bucket_on = written.bucket_on
        and certified.revised_at = written.revised_at
{%- endif %}
where
    certified.revised_version > {{ mark_of('certified_days') }}
    and {{ is_new }}
