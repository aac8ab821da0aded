"""The raw tables: Arrow schemas, dlt hints, and the way from checked answers to Arrow batches."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pyarrow as pa

from dlt_pipeline.kraken.cursor import NewTrade

_DECIMAL: Final = pa.decimal128(38, 12)
_TIMESTAMP: Final = pa.timestamp("us")  # naive, holding UTC: no session's time zone can shift it
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive on purpose, see above

_TEXT, _BIGINT, _BOOL, _DATE = pa.string(), pa.int64(), pa.bool_(), pa.date32()


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
            "traded_on": _DATE,
            "price": _DECIMAL,
            "volume": _DECIMAL,
            "side": _TEXT,
            "order_type": _TEXT,
            "misc": _TEXT,
        }
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
            "open": _DECIMAL,
            "high": _DECIMAL,
            "low": _DECIMAL,
            "close": _DECIMAL,
            "vwap": _DECIMAL,
            "base_volume": _DECIMAL,
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
            "price_decimals": _BIGINT,
            "volume_decimals": _BIGINT,
            "status": _TEXT,
            "fetched_at": _TIMESTAMP,
        },
        optional=("wsname", "status"),
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
    "warehouse_versions": ("schema_version", "exchange"),
}


def hints(table: str) -> dict[str, Any]:
    """Return dlt's resource hints of a raw table: name, key, insert-only merge, typed columns, frozen contract."""
    strategy = "upsert" if table == "markets" else "insert-only"
    return {
        "table_name": table,
        "primary_key": list(KEYS[table]),
        "write_disposition": {"disposition": "merge", "strategy": strategy},
        "columns": {field.name: _column(field) for field in SCHEMAS[table]},
        "schema_contract": {"tables": "evolve", "columns": "freeze", "data_type": "freeze"},
    }


def _column(field: pa.Field) -> dict[str, Any]:
    column: dict[str, Any] = {"nullable": field.nullable}
    if field.type == _DECIMAL:
        return column | {"data_type": "decimal", "precision": 38, "scale": 12}
    if field.type == _TIMESTAMP:
        return column | {"data_type": "timestamp", "precision": 6, "timezone": False}
    return column | {"data_type": {_TEXT: "text", _BIGINT: "bigint", _BOOL: "bool", _DATE: "date"}[field.type]}


def to_table(table: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Turn dicts into an Arrow table of the raw table's schema; decimals may be exact text."""
    schema = SCHEMAS[table]
    columns = [_array([row[field.name] for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if kind == _DECIMAL:
        return pa.array(values, pa.string()).cast(_DECIMAL)  # the cast refuses to round
    if kind == _DATE and values and isinstance(values[0], int):
        return pa.array(values, pa.int32()).cast(_DATE)  # days since the epoch
    return pa.array(values, kind)  # timestamps may be microseconds since the epoch


def trades_table(symbol: str, trades: Iterable[NewTrade]) -> pa.Table:
    """Turn new trades into an Arrow table of `kraken_raw.trades`, column by column."""
    listed = list(trades)
    times = [trade.row.time_ns for trade in listed]
    values: dict[str, Sequence[Any]] = {
        "symbol": [symbol] * len(listed),
        "trade_id": [trade.row.trade_id for trade in listed],
        "idless_time_ns": [0 if trade.row.trade_id else trade.row.time_ns for trade in listed],
        "place": [trade.place for trade in listed],
        "after_trade_id": [trade.after_trade_id for trade in listed],
        "time_ns": times,
        "traded_at": [time // 1_000 for time in times],
        "traded_on": [time // 86_400_000_000_000 for time in times],
        "price": [trade.row.price for trade in listed],
        "volume": [trade.row.volume for trade in listed],
        "side": [trade.row.side for trade in listed],
        "order_type": [trade.row.order_type for trade in listed],
        "misc": [trade.row.misc for trade in listed],
    }
    schema = SCHEMAS["trades"]
    return pa.Table.from_arrays([_array(values[field.name], field.type) for field in schema], schema=schema)


def utc(seconds: float) -> datetime:
    """Return Unix seconds as a naive UTC datetime, as the raw tables hold it."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).replace(tzinfo=None)


def utc_of_ns(time_ns: int) -> datetime:
    """Return ns since the epoch as a naive UTC datetime, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=time_ns // 1_000)
