{{ config(materialized='view') }}

{{ unfolded_candles(ref('compared_candles'), 'rest', ['fetched_at'], contradicted_candles()) }}
