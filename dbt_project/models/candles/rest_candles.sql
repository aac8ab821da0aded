{{ config(materialized='view') }}

select
    symbol,
    timeframe,
    {{ timestamp_from_ns('bucket_start_ns') }} as bucket_start,
    {{ timestamp_from_ns('bucket_start_ns + timeframe_seconds * 1000000000') }} as bucket_end,
    {{ exchange_candle_columns(has_vwap=true) }},
    {{ is_closed_market('trade_count = 0', end_ns='bucket_start_ns + timeframe_seconds * 1000000000') }} as is_closed_market,
    true as is_closed,
    cast('rest' as {{ dbt.type_string() }}) as source
from {{ with_sessions(ref('rest_versions')) }} as candles
where is_newest and {{ utc_session() }}
