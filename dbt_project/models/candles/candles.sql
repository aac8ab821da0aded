{{ config(materialized='view') }}

select
    symbol,
    timeframe,
    {{ timestamp_from_ns('bucket_start_ns') }} as bucket_start,
    {{ timestamp_from_ns('bucket_end_ns') }} as bucket_end,
    open,
    high,
    low,
    close,
    base_volume,
    quote_volume,
    taker_buy_base_volume,
    taker_buy_quote_volume,
    vwap,
    trade_count,
    taker_buy_count,
    first_trade_id,
    last_trade_id,
    is_empty,
    {{ is_closed_market() }} as is_closed_market,
    is_closed,
    cast('trades' as {{ dbt.type_string() }}) as source
from {{ with_sessions(shown_candles()) }} as shown
where {{ utc_session() }}
