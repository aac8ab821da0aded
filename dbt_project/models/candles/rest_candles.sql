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
    cast(null as decimal(38, 24)) as quote_volume,
    vwap,
    trade_count,
    cast(null as bigint) as first_trade_id,
    cast(null as bigint) as last_trade_id,
    is_empty,
    true as is_closed,
    cast('rest' as string) as source
from {{ ref('latest_rest_candles') }}
order by 1, 2, 3
