-- Slippage of my orders by pair and side: against the market's mean price of the bucket, and against the price before it.
--
-- Units: costs in the quote currency, above 0 where the order was worse than the reference (bought dearer, sold cheaper);
-- _bps: the same in hundredths of a percent of what the volume cost at the reference.
-- against_vwap: the volume-weighted mean price of the bucket in which the fill lies, all of whose trades are proven (own fills at
-- Kraken are among them). against_before: the close of the last traded bucket before the fill, in the same proven stretch.
-- Orders without a proven reference are counted and left out of its sums. Sums of decimals are exact in the warehouse, and where
-- kraken_candles_export_numbers is decimal; else sums of doubles.
-- Change: timeframe, and the orders, or take them of a file, as in queries/price_at_orders.sql.
set TimeZone = 'UTC';
set variable timeframe = '1m';
create or replace temp table orders as
select order_id, symbol, side, filled_at::timestamp as filled_at, price::decimal(38, 12) as price, volume::decimal(38, 12) as volume
from (
    values
    ('first', 'BTC/USD', 'buy', '2026-11-07 10:15:30', 107075, 0.25),
    ('second', 'BTC/USD', 'sell', '2026-11-07 18:40:10', 109640, 0.1)
) as filled (order_id, symbol, side, filled_at, price, volume);

with buckets as (
    select * from candles where timeframe = getvariable('timeframe') and is_closed
),

traded as (
    select symbol, bucket_start, bucket_end, close from buckets where not is_empty
),

beside as (
    select
        orders.*, own.vwap,
        case when own.bucket_start is not null and traded.bucket_start >= coverage.covered_from then traded.close end as before
    from orders
    asof left join coverage on orders.symbol = coverage.symbol and orders.filled_at >= coverage.covered_from
    asof left join traded on orders.symbol = traded.symbol and orders.filled_at >= traded.bucket_end
    left join buckets as own
        on orders.symbol = own.symbol and orders.filled_at >= own.bucket_start and orders.filled_at < own.bucket_end
),

costs as (
    select
        *,
        case side when 'buy' then price - vwap else vwap - price end * volume as cost_against_vwap,
        case side when 'buy' then price - before else before - price end * volume as cost_against_before
    from beside
)

select
    symbol, side,
    count(*) as order_count,
    sum(volume) as base_volume,
    count(*) filter (where vwap is null) as without_vwap_count,
    sum(cost_against_vwap) as cost_against_vwap,
    sum(cost_against_vwap) / sum(vwap * volume) * 10000 as against_vwap_bps,
    count(*) filter (where before is null) as without_before_count,
    sum(cost_against_before) as cost_against_before,
    sum(cost_against_before) / sum(before * volume) * 10000 as against_before_bps
from costs
group by symbol, side
order by symbol, side;
