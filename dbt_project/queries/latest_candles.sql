-- The newest closed candle of each pair, and the last price that is proven.
--
-- Units: times UTC, buckets [bucket_start, bucket_end); prices in the quote currency, base_volume in the base currency.
-- last_close: the close of the newest bucket in which somebody traded, which began at last_traded_bucket.
-- Change: timeframe.
set TimeZone = 'UTC';
set variable timeframe = '1h';

select
    symbol,
    max(bucket_start) as bucket_start,
    max(bucket_end) as bucket_end,
    arg_max(is_empty, bucket_start) as is_empty,
    arg_max(base_volume, bucket_start) as base_volume,
    arg_max(trade_count, bucket_start) as trade_count,
    arg_max(close, bucket_start) filter (where not is_empty) as last_close,
    max(bucket_start) filter (where not is_empty) as last_traded_bucket
from candles
where timeframe = getvariable('timeframe') and is_closed
group by symbol
order by symbol;
