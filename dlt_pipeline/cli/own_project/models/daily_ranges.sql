-- How far the price of each whole UTC day went, as a part of its close. A day that a gap touches has no candle, and so no row.
select
    symbol,
    bucket_start as day_start,
    close,
    (high - low) / close as range_of_close,
    base_volume,
    trade_count
from {{ source('kraken', 'candles') }}
where timeframe = '1d' and is_closed and not is_empty
