"""The cost of the total order by which open and close are chosen, over 10 million trades to 1m candles."""

import duckdb
from ratios import compare

TRADES = """
    create table trades as
    select
        i::bigint as trade_id,
        0::bigint as place,
        (1762795433000000000 + i * 12345678)::bigint as time_ns,
        ((100000 + hash(i) % 10000) / 100.0)::decimal(38, 12) as price,
        ((hash(i + 1) % 1000000) / 100000.0)::decimal(38, 12) as volume
    from range(10000000) as r(i)
"""
CANDLES = """
    create or replace temp table candles as
    select
        time_ns // 60000000000 as bucket,
        arg_min(price, {key}) as open,
        arg_max(price, {key}) as close,
        max(price) as high,
        min(price) as low,
        sum(volume) as base_volume,
        sum(price * volume) as quote_volume,
        count(*) as trade_count
    from trades
    group by all
"""
KEYS = {
    "trade_id (no order without ids)": "trade_id",
    "HUGEINT of time, id and place": "time_ns::hugeint * 10000000000000000000 + trade_id::hugeint * 100000 + place",
    "DECIMAL(38, 0) of the same": (
        "time_ns::decimal(19, 0) * 10000000000000000000::decimal(20, 0) "
        "+ trade_id::decimal(19, 0) * 100000::decimal(6, 0) + place"
    ),
    "struct of time, id and place": "(time_ns, trade_id, place)",
}

if __name__ == "__main__":
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.execute(TRADES)
    compare(
        {name: lambda key=key: connection.execute(CANDLES.format(key=key)).fetchall() for name, key in KEYS.items()}
    )
