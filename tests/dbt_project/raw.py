"""A warehouse with hand-made raw rows: the loader's side of the tables, without the loader."""

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import duckdb

HERE = Path(__file__).parent
LOADS = {"complete": 0, "cut_off": 1}  # load id -> dlt's status; 0 is complete
SECONDS = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14400, "1d": 86400, "1w": 604800}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
Row = Mapping[str, Any]


def ns(text: str) -> int:
    """Nanoseconds since the epoch of `2024-01-01 00:00:00.123456789`, UTC."""
    whole, _, fraction = text.partition(".")
    since = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc) - EPOCH
    return (since.days * 86400 + since.seconds) * 10**9 + int(fraction.ljust(9, "0") or 0)


def timestamp(time_ns: int) -> datetime:
    """Naive UTC timestamp, cut to microseconds."""
    return (EPOCH + timedelta(microseconds=time_ns // 1000)).replace(tzinfo=None)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV; none where the file is not there. Lines that begin with # are remarks."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def create(path: Path) -> duckdb.DuckDBPyConnection:
    """Make a warehouse with empty raw tables and the two loads."""
    connection = duckdb.connect(str(path))
    connection.execute((HERE / "raw_tables.sql").read_text())
    for load_id, status in LOADS.items():
        connection.execute("insert into kraken_raw._dlt_loads values (?, 'kraken', ?, now(), '')", [load_id, status])
    return connection


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Row]) -> None:
    """Insert rows by column name; what a row leaves out is NULL."""
    for names, alike in groupby(rows, key=tuple):
        for part in iter(lambda same=alike: list(islice(same, 200)), []):  # one statement for each row takes a ms
            marks = ", ".join(["(" + ", ".join("?" * len(names)) + ")"] * len(part))
            values = [value for row in part for value in row.values()]
            connection.execute(f"insert into kraken_raw.{table} ({', '.join(names)}) values {marks}", values)


def trade(symbol: str, row: Row) -> Row:
    """A raw trade of trade_id (empty: none), place, after_trade_id, time, price, volume."""
    time_ns, trade_id = ns(row["time"]), int(row["trade_id"] or 0)
    return {
        "symbol": symbol,
        "trade_id": trade_id,
        "idless_time_ns": 0 if trade_id else time_ns,
        "place": int(row.get("place") or 0),
        "after_trade_id": int(row.get("after_trade_id") or 0),
        "time_ns": time_ns,
        "traded_at": timestamp(time_ns),
        "traded_on": timestamp(time_ns).date(),
        "price": Decimal(row["price"]),
        "volume": Decimal(row["volume"]),
        "side": "buy",
        "order_type": "limit",
        "misc": "",
        "_dlt_load_id": "complete",
    }


def page(symbol: str, number: int, row: Row) -> Row:
    """A ledger row of covered_from, covered_to and, where there were new trades, their first and last id and time."""
    covered_from_ns = ns(row["covered_from"])
    times = {name: ns(row[name]) if row.get(name) else None for name in ("first_time", "last_time")}
    return {
        "symbol": symbol,
        "since": covered_from_ns - 1,
        "first_trade_id": row.get("first_trade_id") or None,
        "last_trade_id": row.get("last_trade_id") or None,
        "first_time_ns": times["first_time"],
        "last_time_ns": times["last_time"],
        "covered_from_ns": covered_from_ns,
        "covered_to_ns": ns(row["covered_to"]),
        "asked_at": timestamp(number * 10**9),
        "_dlt_load_id": row.get("load") or "complete",
    }


def hole(symbol: str, row: Row) -> Row:
    """A recorded hole of first_missing_id, last_missing_id, from_time, to_time."""
    return {
        "symbol": symbol,
        "first_missing_id": int(row["first_missing_id"]),
        "last_missing_id": int(row["last_missing_id"]),
        "from_time_ns": ns(row["from_time"]),
        "to_time_ns": ns(row["to_time"]),
        "times_asked": 1,
        "found_at": timestamp(0),
        "_dlt_load_id": row.get("load") or "complete",
    }


def rest_candle(symbol: str, row: Row) -> Row:
    """A row of Kraken's OHLC answer; `load` may be left out."""
    columns = ("timeframe", "bucket_start", "open", "high", "low", "close", "vwap", "base_volume", "trade_count")
    return {
        "symbol": symbol,
        "timeframe_seconds": SECONDS[row["timeframe"]],
        **{name: row[name] for name in columns},
        "fetched_at": row["fetched_at"],
        "_dlt_load_id": row.get("load") or "complete",
    }


def market(symbol: str, price_decimals: int = 2) -> Row:
    """A market; only its symbol and decimals matter to the models."""
    return {"symbol": symbol, "price_decimals": price_decimals, "volume_decimals": 8, "_dlt_load_id": "complete"}


def statuses(symbol: str) -> list[Row]:
    """A market that was seen online twice, and then not."""
    row = {"symbol": symbol, "asset_class": "currency", "_dlt_load_id": "complete"}
    times = [timestamp(number * 10**9) for number in range(3)]
    return [
        row | {"status": "online", "seen_at": times[0], "previous_seen_at": None},
        row | {"status": "post_only", "seen_at": times[2], "previous_seen_at": times[1]},
    ]


def insert_rule(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Insert the rows of a golden folder; its name is their symbol."""
    symbol = folder.name
    insert(connection, "trades", [trade(symbol, row) for row in read_csv(folder / "trades.csv")])
    pages = enumerate(read_csv(folder / "pages.csv"))
    insert(connection, "pages", [page(symbol, number, row) for number, row in pages])
    insert(connection, "id_holes", [hole(symbol, row) for row in read_csv(folder / "id_holes.csv")])
    insert(connection, "rest_candles", [rest_candle(symbol, row) for row in read_csv(folder / "rest_candles.csv")])
    insert(connection, "markets", [market(symbol)])
    insert(connection, "market_statuses", statuses(symbol))
