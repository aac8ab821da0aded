"""The minutes that the exchange's own trades make, in plain Python, beside what is published."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dlt_pipeline.exchange import Feed
from tests.truth import expected_trades

MINUTE_NS = 60 * 10**9
Minute = tuple[Decimal, Decimal, Decimal, Decimal, Decimal, int]


def true_minutes(feed: Feed, symbol: str, start_ns: int, end_ns: int) -> dict[int, Minute | None]:
    """Every whole minute of [start, end) by its start; None where nothing traded."""
    trades = defaultdict(list)
    for _id, time_ns, price, volume, *_ in expected_trades(feed, symbol, end_ns, start_ns, end_ns):
        trades[time_ns // MINUTE_NS * MINUTE_NS].append((price, volume))
    return {start: _candle(trades.get(start, [])) for start in range(start_ns, end_ns - MINUTE_NS + 1, MINUTE_NS)}


def _candle(trades: list[tuple[Decimal, Decimal]]) -> Minute | None:
    if not trades:
        return None
    prices = [price for price, _ in trades]
    volume = sum((volume for _, volume in trades), Decimal(0))
    return prices[0], max(prices), min(prices), prices[-1], volume, len(trades)


def minutes_in(database: Path, symbol: str) -> dict[int, Minute | None]:
    """The closed minutes in published.duckdb or in the warehouse."""
    query = """
        select epoch_ns(bucket_start), is_empty, open, high, low, close, base_volume, trade_count
        from kraken.candles where symbol = ? and timeframe = '1m' and is_closed order by 1
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        rows: list[Any] = connection.execute(query, [symbol]).fetchall()
    return {start: None if is_empty else tuple(values) for start, is_empty, *values in rows}


def as_floats(minutes: dict[int, Minute | None]) -> dict[int, tuple[float, ...] | None]:
    """As published files have them by default."""
    return {start: None if candle is None else tuple(map(float, candle)) for start, candle in minutes.items()}
