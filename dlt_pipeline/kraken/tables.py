"""The raw tables: Arrow schemas, keys and dlt hints."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

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
    """Return dlt's resource hints of a raw table: name, key, insert-only merge, typed columns."""
    strategy = "upsert" if table == "markets" else "insert-only"
    return {
        "table_name": table,
        "primary_key": list(KEYS[table]),
        "write_disposition": {"disposition": "merge", "strategy": strategy},
        "columns": column_hints(SCHEMAS[table]),
        # A warehouse of an earlier version lacks columns of this one; no others can come, for rows have SCHEMAS' own.
        "schema_contract": {"tables": "evolve", "columns": "evolve", "data_type": "freeze"},
    }


def column_hints(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """Return dlt's hints of the columns of an Arrow schema."""
    return {field.name: _column(field) for field in schema}


def _column(field: pa.Field) -> dict[str, Any]:
    column: dict[str, Any] = {"nullable": field.nullable}
    if field.type == DECIMAL:
        return column | {"data_type": "decimal", "precision": 38, "scale": 12}
    if field.type == _TIMESTAMP:
        return column | {"data_type": "timestamp", "precision": 6, "timezone": False}
    return column | {"data_type": {_TEXT: "text", _BIGINT: "bigint", _BOOL: "bool", DATE: "date"}[field.type]}
