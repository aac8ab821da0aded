{{ config(tags='archives', materialized='view') }}

select
    symbol,
    timeframe,
    bucket_start,
    {{ timestamp_from_ns('bucket_end_ns') }} as bucket_end,
    open,
    high,
    low,
    close,
    base_volume,
    cast(null as decimal(38, 24)) as quote_volume,
    cast(null as decimal(38, 12)) as taker_buy_base_volume,
    cast(null as decimal(38, 24)) as taker_buy_quote_volume,
    cast(null as decimal(38, 12)) as vwap,
    trade_count,
    cast(null as bigint) as taker_buy_count,
    cast(null as bigint) as first_trade_id,
    cast(null as bigint) as last_trade_id,
    trade_count = 0 as is_empty,
    {{ is_closed_market('trade_count = 0') }} as is_closed_market,
    true as is_closed,
    cast('archive' as {{ dbt.type_string() }}) as source
from {{ with_sessions(chosen_archive_candles()) }} as chosen
where {{ utc_session() }}
