-- Candles as they stood at an instant, beside today's: what a backtest of then saw, and what has come of it since.
--
-- Units: times UTC; prices in the quote currency, volumes in the base currency.
-- status: same, changed, new (not there then), gone (no candle any more, for its time is no longer proven).
-- Change: symbol, timeframe, instant (from the first build that keeps what it replaces; UTC), starts_at, ends_at (exclusive).
set TimeZone = 'UTC';
set variable symbol = 'BTC/USD';
set variable timeframe = '1h';
set variable instant = now();
set variable starts_at = timestamp '2026-11-01';
set variable ends_at = timestamp '2027-01-01';

with known as (
    select * from candles_as_of(getvariable('instant'))
    where
        symbol = getvariable('symbol') and timeframe = getvariable('timeframe')
        and bucket_start >= getvariable('starts_at') and bucket_start < getvariable('ends_at')
),

today as (
    select * from candles
    where
        symbol = getvariable('symbol') and timeframe = getvariable('timeframe') and is_closed
        and bucket_start >= getvariable('starts_at') and bucket_start < getvariable('ends_at')
)

select
    coalesce(known.bucket_start, today.bucket_start) as bucket_start,
    case
        when known.bucket_start is null then 'new'
        when today.bucket_start is null then 'gone'
        when (known.open, known.high, known.low, known.close, known.base_volume, known.trade_count)
            is distinct from (today.open, today.high, today.low, today.close, today.base_volume, today.trade_count) then 'changed'
        else 'same'
    end as status,
    known.close as known_close, today.close,
    known.base_volume as known_base_volume, today.base_volume,
    known.trade_count as known_trade_count, today.trade_count
from known
full join today on known.bucket_start = today.bucket_start
order by 1;
