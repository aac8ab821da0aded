-- Which trade was the last when my orders were filled: an as-of join of own orders with the trades.
--
-- Units: times UTC; prices in the quote currency; microseconds_before: from the trade to the fill.
-- A trade of the fill's own microsecond counts, which may be the fill itself; the last of several of one instant is the one
-- with the highest id, known or inferred. is_proven: all from the trade to the fill is proven time; where it is not, there may
-- be a trade between, and none is named.
-- Trades are not published: open the warehouse read-only and say `use kraken;` first.
-- Change: the orders, or take them of a file, as in queries/price_at_orders.sql.
set TimeZone = 'UTC';
create or replace temp table orders as
select order_id, symbol, side, filled_at::timestamp as filled_at, price::decimal(38, 12) as price, volume::decimal(38, 12) as volume
from (
    values
    ('first', 'BTC/USD', 'buy', '2026-11-07 10:15:30', 107075, 0.25),
    ('second', 'BTC/USD', 'sell', '2026-11-07 18:40:10', 109640, 0.1)
) as filled (order_id, symbol, side, filled_at, price, volume);

with instants as (
    select
        symbol, traded_at,
        max(time_ns) as time_ns,
        arg_max(price, (time_ns, coalesce(trade_id, inferred_trade_id, 0))) as price,
        arg_max(coalesce(trade_id, inferred_trade_id, 0), (time_ns, coalesce(trade_id, inferred_trade_id, 0))) as trade_id
    from trades
    where symbol in (select orders.symbol from orders)
    group by symbol, traded_at
),

beside as (
    select
        orders.*, instants.traded_at, instants.price as price_before, instants.trade_id,
        coalesce(
            orders.filled_at < coverage.covered_to and instants.time_ns >= coverage.covered_from_ns, false
        ) as is_proven
    from orders
    asof left join coverage on orders.symbol = coverage.symbol and orders.filled_at >= coverage.covered_from
    asof left join instants on orders.symbol = instants.symbol and orders.filled_at >= instants.traded_at
)

select
    order_id, symbol, side, filled_at, price, is_proven,
    case when is_proven then nullif(trade_id, 0) end as trade_id,
    case when is_proven then price_before end as price_before,
    case when is_proven then date_diff('microsecond', traded_at, filled_at) end as microseconds_before
from beside
order by filled_at, order_id;
