select
    symbol,
    timeframe,
    timeframe_seconds,
    bucket_start,
    open,
    high,
    low,
    close,
    vwap,
    base_volume,
    trade_count,
    fetched_at,
    _dlt_load_id as load_id
from {{ source('kraken_raw', 'rest_candles').include(database=false) }}
-- of an answer that was cut off a part may be missing, which would look like candles that Kraken left out
where
    _dlt_load_id in (
        select loads.load_id
        from {{ source('kraken_raw', '_dlt_loads').include(database=false) }} as loads
        where loads.status = 0
    )
