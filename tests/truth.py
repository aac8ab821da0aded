"""What the warehouse should hold, computed from the exchange's own list of trades and never from our code."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dlt_pipeline.exchange import Feed, displayed_ns

SIDES = {"b": "buy", "s": "sell"}
TYPES = {"m": "market", "l": "limit"}
Row = tuple[int, int, Decimal, Decimal, str, str, str]


def expected_trades(feed: Feed, symbol: str, now_ns: int, start_ns: int = 0, end_ns: int = 2**62) -> list[Row]:
    """The exchange's trades of [start, end) by displayed time, in its order."""
    key = next(market.key for market in feed.all_markets if market.symbol == symbol)
    return [
        (
            trade.trade_id or 0,
            displayed_ns(trade),
            Decimal(trade.price),
            Decimal(trade.volume),
            SIDES[trade.side],
            TYPES[trade.order_type],
            trade.misc,
        )
        for trade in feed.trades(key, now_ns)
        if start_ns <= displayed_ns(trade) < end_ns
    ]


def loaded_trades(warehouse: Path, symbol: str) -> list[Row]:
    """The warehouse's trades of a symbol in the exchange's order."""
    return query(
        warehouse,
        "select trade_id, time_ns, price, volume, side, order_type, misc from kraken_raw.trades "
        f"where symbol = '{symbol}' order by time_ns, trade_id, place",
    )


def query(warehouse: Path, sql: str) -> list[Any]:
    """Rows of a read-only query."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()
