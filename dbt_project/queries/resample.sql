-- Candles of any timeframe, built or not: 3m, 2h, 5d, 1w_monday, 1mo and so on.
--
-- Units: times UTC; prices in the quote currency, base_volume in the base currency.
-- Only buckets of which every part is there or proven come out; source says what of: trades, else Kraken's own (rest, archive).
-- A bucket that a gap touches has no row (queries/gaps_as_known.sql).
-- Change: symbol, timeframe, starts_at (inclusive) and ends_at (exclusive).
-- Runs in published.duckdb alone; in a dbt model it is the macro kraken_candles.resample.
set TimeZone = 'UTC';
set variable symbol = 'BTC/USD';
set variable timeframe = '2h';
set variable starts_at = timestamp '2026-11-01';
set variable ends_at = timestamp '2027-01-01';

select bucket_start, bucket_end, open, high, low, close, base_volume, quote_volume, vwap, trade_count, is_empty, source
from candles_of(getvariable('symbol'), getvariable('timeframe'))
where is_closed and bucket_start >= getvariable('starts_at') and bucket_start < getvariable('ends_at')
order by bucket_start;
