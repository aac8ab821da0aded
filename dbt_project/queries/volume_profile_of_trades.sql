-- Volume profile: how much traded at which price level, of each trade, and what takers bought of it.
--
-- Units: level is the lower end of [level, level + step) in the quote currency; volumes in the base currency, exact.
-- Trades are not published: open the warehouse read-only and say `use kraken;` first. Counted are proven trades alone.
-- Change: symbol, step, starts_at (inclusive), ends_at (exclusive).
set TimeZone = 'UTC';
set variable symbol = 'BTC/USD';
set variable step = 100::decimal(38, 12);
set variable starts_at = timestamp '2026-11-01';
set variable ends_at = timestamp '2027-01-01';

select
    trades.price - trades.price % getvariable('step') as level,
    sum(trades.volume) as base_volume,
    coalesce(sum(trades.volume) filter (where trades.side = 'buy'), 0) as taker_buy_base_volume,
    count(*) as trade_count
from trades
inner join coverage
    on trades.symbol = coverage.symbol
    and trades.time_ns >= coverage.covered_from_ns and trades.time_ns < coverage.covered_to_ns
where
    trades.symbol = getvariable('symbol')
    and trades.traded_at >= getvariable('starts_at') and trades.traded_at < getvariable('ends_at')
group by level
order by level;
