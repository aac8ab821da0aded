-- Volume profile: how much traded at which price level, from the candles.
--
-- Units: level is the lower end of [level, level + step) in the quote currency; base_volume in the base currency, quote_volume
-- in the quote currency; share of all base volume. A candle's volume stands whole at its vwap, so take the finest timeframe;
-- queries/volume_profile_of_trades.sql puts each trade where it was.
-- Volumes are exact sums in the warehouse, and where kraken_candles_export_numbers is decimal; else sums of doubles.
-- Change: symbol, timeframe, step, starts_at (inclusive), ends_at (exclusive).
set TimeZone = 'UTC';
set variable symbol = 'BTC/USD';
set variable timeframe = '1m';
set variable step = 100::decimal(38, 12);
set variable starts_at = timestamp '2026-11-01';
set variable ends_at = timestamp '2027-01-01';

with placed as (
    select vwap::decimal(38, 12) as price, base_volume, quote_volume, trade_count
    from candles
    where
        symbol = getvariable('symbol') and timeframe = getvariable('timeframe') and is_closed and vwap is not null
        and bucket_start >= getvariable('starts_at') and bucket_start < getvariable('ends_at')
)

select
    price - price % getvariable('step') as level,
    sum(base_volume) as base_volume,
    sum(quote_volume) as quote_volume,
    sum(trade_count) as trade_count,
    sum(base_volume) / sum(sum(base_volume)) over () as share
from placed
group by level
order by level;
