-- The largest moves of all pairs: close beside the close before it.
--
-- Units: change_percent in percent of the close before; prices in the quote currency; times UTC.
-- The close before is that of the last bucket in which somebody traded, within the same proven stretch: a price that moved
-- while a gap hid it is no move of one bucket. quiet_seconds: how long nobody had traded before the bucket.
-- Change: timeframe, starts_at (inclusive), ends_at (exclusive), how_many.
set TimeZone = 'UTC';
set variable timeframe = '1h';
set variable starts_at = timestamp '2026-11-01';
set variable ends_at = timestamp '2027-01-01';
set variable how_many = 20;

with traded as (
    select candles.*, coverage.covered_from
    from candles
    asof inner join coverage on candles.symbol = coverage.symbol and candles.bucket_start >= coverage.covered_from
    where candles.timeframe = getvariable('timeframe') and candles.is_closed and not candles.is_empty
),

moves as (
    select
        symbol, bucket_start, close, base_volume, trade_count,
        lag(close) over stretch as close_before,
        date_diff('second', lag(bucket_end) over stretch, bucket_start) as quiet_seconds
    from traded
    window stretch as (partition by symbol, covered_from order by bucket_start)
)

select
    symbol, bucket_start, close_before, close, (close - close_before) / close_before * 100 as change_percent,
    quiet_seconds, base_volume, trade_count
from moves
where close_before is not null and bucket_start >= getvariable('starts_at') and bucket_start < getvariable('ends_at')
order by abs(change_percent) desc, symbol, bucket_start
limit getvariable('how_many')::bigint;
