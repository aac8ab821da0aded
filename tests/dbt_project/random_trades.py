"""Random trades of one symbol, and their candles by a second way: plain loops over exact integers."""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb

from dlt_pipeline.kraken.settings import STEP_BACK_LIMIT_NS
from tests.dbt_project import raw

SYMBOL = "random"
START, END = raw.ns("2024-02-27 21:13:07.5"), raw.ns("2024-03-16 03:47:11.25")
HOLE = (700, 702)  # ids that never came
TIMEFRAMES = {**raw.SECONDS, "15d": 1296000}


def trades() -> list[dict[str, Any]]:
    """Some 1500 trades in bursts, many at one instant; ids ascend with time."""
    chance = random.Random(20240227)
    time_ns, rows = START, []
    for trade_id in range(1, 1501):
        step = chance.choice([0, 0, 1, 999_999_999, 40 * 10**9, 1800 * 10**9, 60 * 10**9 - time_ns % (60 * 10**9)])
        time_ns = min(time_ns + step * chance.randint(1, 2), END - 1)
        price, volume = chance.randint(1, 10**9), chance.randint(1, 10**12)
        side = "buy" if volume % 2 else "sell"
        rows.append({"trade_id": trade_id, "time_ns": time_ns, "price": price, "volume": volume, "side": side})
    return [row for row in rows if not HOLE[0] <= row["trade_id"] <= HOLE[1]]


def ranges() -> list[tuple[int, int]]:
    """The coverage: all but the hole, the instants on both sides of it, and a millisecond."""
    times = {row["trade_id"]: row["time_ns"] for row in trades()}
    return [(START, times[HOLE[0] - 1] - STEP_BACK_LIMIT_NS), (times[HOLE[1] + 1] + STEP_BACK_LIMIT_NS + 1, END)]


def insert_random_trades(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert them, out of order, with one page and the hole."""
    rows = trades()
    random.Random(1).shuffle(rows)
    template = raw.trade(SYMBOL, {"trade_id": "1", "time": "2024-01-01 00:00:00", "price": "1", "volume": "1"})
    for row in rows:
        stamp = raw.timestamp(row["time_ns"])
        money = {"price": Decimal(row["price"]).scaleb(-4), "volume": Decimal(row["volume"]).scaleb(-8)}
        raw.insert(connection, "trades", [{**template, **row, "traded_at": stamp, "traded_on": stamp.date(), **money}])
    page = {"symbol": SYMBOL, "since": START, "covered_from_ns": START, "covered_to_ns": END, "first_trade_id": 1}
    page |= {"last_trade_id": 1500, "first_time_ns": START, "last_time_ns": END, "asked_at": raw.timestamp(0)}
    raw.insert(connection, "pages", [{**page, "_dlt_load_id": "complete"}])
    hole = {"symbol": SYMBOL, "first_missing_id": HOLE[0], "last_missing_id": HOLE[1], "_dlt_load_id": "complete"}
    from_ns, to_ns = ranges()[0][1] + STEP_BACK_LIMIT_NS, ranges()[1][0] - STEP_BACK_LIMIT_NS - 1
    hole |= {"from_time_ns": from_ns, "to_time_ns": to_ns, "found_at": raw.timestamp(0)}
    raw.insert(connection, "id_holes", [hole])


def candles() -> Iterator[tuple[Any, ...]]:
    """Every expected candle: timeframe, start, open, high, low, close, base, quote, vwap, count, id, bought, closed."""
    rows = trades()
    for timeframe, seconds in TIMEFRAMES.items():
        size = seconds * 10**9
        inside: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            inside.setdefault(row["time_ns"] // size, []).append(row)
        for covered_from, covered_to in ranges():
            for number in range(-(-covered_from // size), -(-covered_to // size)):
                is_closed = (number + 1) * size <= covered_to
                if is_closed or covered_to == END:
                    yield (timeframe, raw.timestamp(number * size), *_candle(inside.get(number, [])), is_closed)


def _candle(rows: list[dict[str, Any]]) -> tuple[Any, ...]:
    if not rows:
        return (None, None, None, None, 0, 0, None, 0, None, 0, 0, 0)
    prices = [Decimal(row["price"]).scaleb(-4) for row in rows]
    base, quote = sum(row["volume"] for row in rows), sum(row["price"] * row["volume"] for row in rows)
    vwap = Decimal(quote * 10**8 // base).scaleb(-12)  # quote is in units of 1e-12, base of 1e-8
    sums = (Decimal(base).scaleb(-8), Decimal(quote).scaleb(-12))
    bought = [row for row in rows if row["side"] == "buy"]
    taken = (
        Decimal(sum(row["volume"] for row in bought)).scaleb(-8),
        Decimal(sum(row["price"] * row["volume"] for row in bought)).scaleb(-12),
        len(bought),
    )
    return (prices[0], max(prices), min(prices), prices[-1], *sums, vwap, len(rows), rows[0]["trade_id"], *taken)
