{{ config(materialized='view') }}

{{ unfolded_candles(ref('compared_candles'), ref('accepted_candles'), 'rest', ['fetched_at'], ref('contradicted_candles')) }}
