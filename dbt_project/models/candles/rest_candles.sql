{{ config(materialized='view') }}

select
    symbol,
    timeframe,
    {{ timestamp_from_ns('bucket_start_ns') }} as bucket_start,
    {{ timestamp_from_ns('bucket_start_ns + timeframe_seconds * 1000000000') }} as bucket_end,
    open,
    high,
    low,
    close,
    base_volume,
    cast(null as decimal(38, 24)) as quote_volume,
    cast(null as decimal(38, 12)) as taker_buy_base_volume,
    cast(null as decimal(38, 24)) as taker_buy_quote_volume,
    vwap,
    trade_count,
    cast(null as bigint) as taker_buy_count,
    cast(null as bigint) as first_trade_id,
    cast(null as bigint) as last_trade_id,
    trade_count = 0 as is_empty,
    {{ is_closed_market('trade_count = 0', end_ns='bucket_start_ns + timeframe_seconds * 1000000000') }} as is_closed_market,
    true as is_closed,
    cast('rest' as {{ dbt.type_string() }}) as source
from {{ with_sessions(ref('rest_versions')) }} as candles
where is_newest and {{ utc_session() }}
