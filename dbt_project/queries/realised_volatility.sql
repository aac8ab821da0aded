-- Realised volatility of each UTC day: the root of the summed squares of log returns, as a yearly figure.
--
-- Units: volatility a year as a fraction (0.5 is 50 %); minutes: the measured time.
-- A return lasts from one bucket in which somebody traded to the next: quiet buckets between add a return of 0 each, so nothing
-- to the sum, and their time to the minutes. It counts for the day in which it ends. No return spans a gap: behind one,
-- measuring begins anew with the first trade. So a day is measured for as long as minutes says, which may be less than 1440.
-- Change: symbol, timeframe (the returns' step), minutes_a_year (a market that never closes has 525600).
set TimeZone = 'UTC';
set variable symbol = 'BTC/USD';
set variable timeframe = '1m';
set variable minutes_a_year = 525600;

with traded as (
    select candles.bucket_start, candles.close, coverage.covered_from
    from candles
    asof inner join coverage on candles.symbol = coverage.symbol and candles.bucket_start >= coverage.covered_from
    where
        candles.symbol = getvariable('symbol') and candles.timeframe = getvariable('timeframe')
        and candles.is_closed and not candles.is_empty
),

returns as (
    select
        bucket_start,
        ln(close) - ln(lag(close) over stretch) as log_return,
        date_diff('second', lag(bucket_start) over stretch, bucket_start) as seconds
    from traded
    window stretch as (partition by covered_from order by bucket_start)
)

select
    bucket_start::date as traded_on,
    count(*) as return_count,
    sum(seconds) / 60 as minutes,
    sqrt(sum(log_return * log_return) / (sum(seconds) / 60) * getvariable('minutes_a_year')) as volatility
from returns
where log_return is not null
group by traded_on
order by traded_on;
