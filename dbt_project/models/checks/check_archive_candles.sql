{{ config(tags='archives', materialized='view') }}

{{ unfolded_candles(ref('compared_archive_candles'), 'archive', ['edition_id']) }}
