-- Which price stood when my orders were filled: an as-of join of own orders with the candles.
--
-- Units: times UTC; prices in the quote currency; seconds_before: from the end of the bucket of price_before to the fill.
-- price_before: the close of the last bucket before the fill in which somebody traded, NULL where a gap lies between.
-- low, high: those of the bucket in which the fill lies; is_inside says whether its price is one that traded then.
-- is_proven: that bucket is closed and proven; where it is not, nothing is said about the fill.
-- Change: the orders, or take them of a file:
--   create or replace temp table orders as from read_csv('orders.csv', types = {'price': 'decimal(38, 12)', 'volume': 'decimal(38, 12)'});
-- For the very trade before a fill: queries/trade_at_orders.sql.
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
    select orders.*, coverage.covered_from, traded.bucket_start, traded.bucket_end, traded.close
    from orders
    asof left join coverage on orders.symbol = coverage.symbol and orders.filled_at >= coverage.covered_from
    asof left join traded on orders.symbol = traded.symbol and orders.filled_at >= traded.bucket_end
)

select
    beside.order_id, beside.symbol, beside.side, beside.filled_at, beside.price,
    own.bucket_start is not null as is_proven,
    case when own.bucket_start is not null and beside.bucket_start >= beside.covered_from then beside.close end as price_before,
    case when price_before is not null then date_diff('second', beside.bucket_end, beside.filled_at) end as seconds_before,
    own.low, own.high,
    case when own.bucket_start is not null then coalesce(beside.price between own.low and own.high, false) and not own.is_empty end
        as is_inside
from beside
left join buckets as own
    on beside.symbol = own.symbol and beside.filled_at >= own.bucket_start and beside.filled_at < own.bucket_end
order by beside.filled_at, beside.order_id;
