"""The raw tables: their schemas, and the rows of them that checked answers make; decimals stay text up to Arrow."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import accumulate
from operator import lt
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.common import SCHEMA_VERSION, program
from dlt_pipeline.common.time import utc, utc_of_ns
from dlt_pipeline.kraken.answers import RestCandle, RestSnapshot, TradePage, TradeRow
from dlt_pipeline.kraken.cursor import Cursor, Hole, NewTrade, Step, rows_of
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.settings import exchange_kind, without_password
from dlt_pipeline.warehouse.database import NO_EXCHANGE

Batch = dict[str, pa.Table]
"""Rows of one yield, by raw table."""

DECIMAL: Final = pa.decimal128(38, 12)
_TIMESTAMP: Final = pa.timestamp("us")  # naive, holding UTC: no session's time zone can shift it

_TEXT, _BIGINT, _BOOL, DATE = pa.string(), pa.int64(), pa.bool_(), pa.date32()


def _schema(required: Mapping[str, pa.DataType], optional: Sequence[str] = ()) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=name in optional) for name, kind in required.items()])


SCHEMAS: Final[dict[str, pa.Schema]] = {
    "trades": _schema(
        {
            "symbol": _TEXT,
            "trade_id": _BIGINT,
            "idless_time_ns": _BIGINT,
            "place": _BIGINT,
            "after_trade_id": _BIGINT,
            "time_ns": _BIGINT,
            "traded_at": _TIMESTAMP,
            "traded_on": DATE,
            "price": DECIMAL,
            "volume": DECIMAL,
            "side": _TEXT,
            "order_type": _TEXT,
            "misc": _TEXT,
            "more_items": _TEXT,
        },
        optional=("more_items",),
    ),
    "pages": _schema(
        {
            "symbol": _TEXT,
            "market_id": _TEXT,
            "since": _BIGINT,
            "asked_tail_count": _BIGINT,
            "asked_known_trade_id": _BIGINT,
            "last": _BIGINT,
            "trade_count": _BIGINT,
            "new_trade_count": _BIGINT,
            "idless_count": _BIGINT,
            "stepped_back_count": _BIGINT,
            "first_trade_id": _BIGINT,
            "last_trade_id": _BIGINT,
            "first_time_ns": _BIGINT,
            "last_time_ns": _BIGINT,
            "covered_from_ns": _BIGINT,
            "covered_to_ns": _BIGINT,
            "is_full": _BOOL,
            "is_backfill": _BOOL,
            "next_since": _BIGINT,
            "known_trade_id": _BIGINT,
            "idless_since_id": _BIGINT,
            "tail_time_ns": _BIGINT,
            "tail_count": _BIGINT,
            "missing_id_count": _BIGINT,
            "asked_at": _TIMESTAMP,
            "answered_at": _TIMESTAMP,
            "exchange_at": _TIMESTAMP,
        },
        optional=(
            "stepped_back_count",
            "asked_known_trade_id",
            "last",
            "first_trade_id",
            "last_trade_id",
            "first_time_ns",
            "last_time_ns",
            "known_trade_id",
        ),
    ),
    "id_holes": _schema(
        {
            "symbol": _TEXT,
            "first_missing_id": _BIGINT,
            "last_missing_id": _BIGINT,
            "from_time_ns": _BIGINT,
            "to_time_ns": _BIGINT,
            "times_asked": _BIGINT,
            "found_at": _TIMESTAMP,
        }
    ),
    "rest_candles": _schema(
        {
            "symbol": _TEXT,
            "timeframe": _TEXT,
            "timeframe_seconds": _BIGINT,
            "bucket_start": _TIMESTAMP,
            "open": DECIMAL,
            "high": DECIMAL,
            "low": DECIMAL,
            "close": DECIMAL,
            "vwap": DECIMAL,
            "base_volume": DECIMAL,
            "trade_count": _BIGINT,
            "fetched_at": _TIMESTAMP,
        }
    ),
    "markets": _schema(
        {
            "symbol": _TEXT,
            "market_id": _TEXT,
            "altname": _TEXT,
            "wsname": _TEXT,
            "base": _TEXT,
            "quote": _TEXT,
            "asset_class": _TEXT,
            "price_decimals": _BIGINT,
            "volume_decimals": _BIGINT,
            "status": _TEXT,
            "fetched_at": _TIMESTAMP,
        },
        optional=("wsname", "status", "asset_class"),
    ),
    "market_statuses": _schema(
        {
            "symbol": _TEXT,
            "asset_class": _TEXT,
            "status": _TEXT,
            "seen_at": _TIMESTAMP,
            "previous_seen_at": _TIMESTAMP,
        },
        optional=("status", "previous_seen_at"),
    ),
    "warehouse_versions": _schema(
        {"schema_version": _BIGINT, "exchange": _TEXT, "base_url": _TEXT, "written_by": _TEXT, "written_at": _TIMESTAMP}
    ),
}

KEYS: Final[dict[str, tuple[str, ...]]] = {
    # Identity is (symbol, trade_id); the other two tell apart rows that Kraken shows without an id (trade_id 0).
    "trades": ("symbol", "trade_id", "idless_time_ns", "place"),
    "pages": ("symbol", "asked_at", "since"),
    "id_holes": ("symbol", "first_missing_id", "last_missing_id", "found_at"),
    "rest_candles": ("symbol", "timeframe", "bucket_start", "fetched_at"),
    "markets": ("symbol",),
    "market_statuses": ("symbol", "seen_at"),
    "warehouse_versions": ("schema_version", "exchange"),
}


def hints(table: str) -> dict[str, Any]:
    """Return dlt's resource hints of a raw table: name, key, insert-only merge, typed columns."""
    return merged(table, SCHEMAS[table], KEYS[table], "upsert" if table == "markets" else "insert-only")


def merged(table: str, schema: pa.Schema, key: Sequence[str], strategy: str = "insert-only") -> dict[str, Any]:
    """Return the hints of a table of this schema and key."""
    return {
        "table_name": table,
        "primary_key": list(key),
        "write_disposition": {"disposition": "merge", "strategy": strategy},
        "columns": {field.name: _column(field) for field in schema},
        # A warehouse of an earlier version lacks columns of this one; no others can come, for rows have the schema's.
        "schema_contract": {"tables": "evolve", "columns": "evolve", "data_type": "freeze"},
    }


def _column(field: pa.Field) -> dict[str, Any]:
    column: dict[str, Any] = {"nullable": field.nullable}
    if field.type == DECIMAL:
        return column | {"data_type": "decimal", "precision": 38, "scale": 12}
    if field.type == _TIMESTAMP:
        return column | {"data_type": "timestamp", "precision": 6, "timezone": False}
    return column | {"data_type": {_TEXT: "text", _BIGINT: "bigint", _BOOL: "bool", DATE: "date"}[field.type]}


def part_of(table: str) -> Callable[[Batch], pa.Table | None]:
    """Return what takes a table's rows out of a batch: a function, on which dlt can put an attribute."""

    def part(batch: Batch) -> pa.Table | None:
        return batch.get(table)

    return part


def to_table(table: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Turn dicts into an Arrow table of the raw table's schema; decimals may be exact text."""
    schema = SCHEMAS[table]
    # A field's name is made anew each time it is asked for.
    columns = [_array([row[name] for row in rows], kind) for name, kind in zip(schema.names, schema.types, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if kind == DECIMAL:
        return pa.array(values, pa.string()).cast(DECIMAL)  # the cast refuses to round
    if kind == DATE and values and isinstance(values[0], int):
        return pa.array(values, pa.int32()).cast(DATE)  # days since the epoch
    return pa.array(values, kind)  # timestamps may be microseconds since the epoch


def trades_table(symbol: str, trades: Sequence[NewTrade]) -> pa.Table:
    """Turn new trades into an Arrow table of `kraken_raw.trades`, column by column."""
    rows = rows_of(trades)
    values: dict[str, Sequence[Any]] = dict(zip(TradeRow._fields, rows.columns, strict=True))
    ids, times = pa.array(rows.ids, _BIGINT), pa.array(rows.times, _BIGINT)
    zeros = pa.repeat(pa.scalar(0, _BIGINT), len(rows))
    made = {
        "symbol": pa.repeat(pa.scalar(symbol, _TEXT), len(rows)),
        "trade_id": ids,
        "idless_time_ns": zeros,
        "place": zeros,
        "after_trade_id": zeros,
        "time_ns": times,
        "traded_at": pc.divide(times, 1_000).cast(_TIMESTAMP),
        "traded_on": pc.divide(times, 86_400_000_000_000).cast(pa.int32()).cast(DATE),
    }
    if not all(rows.ids):
        made["idless_time_ns"] = pc.if_else(pc.equal(ids, 0), times, zeros)
        made["place"] = pa.array([trade.place for trade in trades], _BIGINT)
        made["after_trade_id"] = pa.array([trade.after_trade_id for trade in trades], _BIGINT)
    schema = SCHEMAS["trades"]
    arrays = [made[field.name] if field.name in made else _array(values[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def page_row(
    market: Market, step: Step, page: TradePage, asked: Cursor, stamps: tuple[float, float], is_backfill: bool
) -> dict[str, Any]:
    """Return the ledger row of one answer; `stamps` are our clock before and after asking (Unix seconds)."""
    rows = rows_of(step.trades)
    ids, times = [*filter(None, rows.ids)], rows.times
    reached_ns = asked.tail_time_ns if asked.known_trade_id else 0
    steps_back = bool(rows) and (not rows.ascend or times[0] < reached_ns)
    highests = accumulate(times, max, initial=reached_ns)
    return {
        "symbol": market.symbol,
        "market_id": market.market_id,
        "since": asked.since,
        "asked_tail_count": asked.tail_count,
        "asked_known_trade_id": asked.known_trade_id,
        "last": page.last,
        "trade_count": len(page.rows),
        "new_trade_count": len(step.trades),
        "idless_count": len(step.trades) - len(ids),
        "stepped_back_count": sum(map(lt, times, highests)) if steps_back else 0,
        "first_trade_id": ids[0] if ids else None,
        "last_trade_id": ids[-1] if ids else None,
        "first_time_ns": min(times, default=None),
        "last_time_ns": max(times, default=None),
        "covered_from_ns": step.covered_from_ns,
        "covered_to_ns": step.cursor.covered_to_ns,
        "is_full": step.is_full,
        "is_backfill": is_backfill,
        "next_since": step.cursor.since,
        "known_trade_id": step.cursor.known_trade_id,
        "idless_since_id": step.cursor.idless_since_id,
        "tail_time_ns": step.cursor.tail_time_ns,
        "tail_count": step.cursor.tail_count,
        "missing_id_count": missing_ids(step),
        "asked_at": utc(stamps[0]),
        "answered_at": utc(stamps[1]),
        "exchange_at": utc_of_ns(page.exchange_ns),
    }


def missing_ids(step: Step) -> int:
    """Return how many ids a page lacks."""
    return sum(hole.last_id - hole.first_id + 1 for hole in step.holes)


def hole_row(symbol: str, hole: Hole, times_asked: int, found: float) -> dict[str, Any]:
    """Return the row of a hole that stayed after asking `times_asked` times; `found` is Unix seconds."""
    return {
        "symbol": symbol,
        "first_missing_id": hole.first_id,
        "last_missing_id": hole.last_id,
        "from_time_ns": hole.from_ns,
        "to_time_ns": hole.to_ns,
        "times_asked": times_asked,
        "found_at": utc(found),
    }


def rest_table(symbol: str, snapshot: RestSnapshot, fetched: float) -> pa.Table:
    """Turn one OHLC answer's committed candles into an Arrow table of `kraken_raw.rest_candles`.

    `fetched` is Unix seconds.
    """
    columns: Sequence[Sequence[Any]] = [*zip(*snapshot.candles, strict=True)] or [()] * len(RestCandle._fields)
    given: dict[str, Sequence[Any]] = dict(zip(RestCandle._fields, columns, strict=True))
    same = {
        "symbol": symbol,
        "timeframe": snapshot.timeframe,
        "timeframe_seconds": snapshot.timeframe_seconds,
        "fetched_at": utc(fetched),
    }
    schema, count = SCHEMAS["rest_candles"], len(snapshot.candles)
    made = {name: pa.repeat(pa.scalar(value, schema.field(name).type), count) for name, value in same.items()}
    made["bucket_start"] = pc.multiply(pa.array(given["start"], _BIGINT), 1_000_000).cast(_TIMESTAMP)
    made["base_volume"] = _array(given["volume"], DECIMAL)
    arrays = [
        made[name] if name in made else _array(given[name], kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def market_rows(markets: list[Market], fetched: float) -> list[dict[str, Any]]:
    """Return the rows of all pairs the exchange lists; `fetched` is Unix seconds."""
    fetched_at = utc(fetched)
    return [asdict(market) | {"fetched_at": fetched_at} for market in markets]


def version_row(base_url: str) -> dict[str, Any]:
    """Return the row that says which program writes, and trades of which exchange: of none without a `base_url`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "exchange": exchange_kind(base_url) if base_url else NO_EXCHANGE,
        "base_url": without_password(base_url),
        "written_by": program(),
        "written_at": utc(time.time()),
    }
