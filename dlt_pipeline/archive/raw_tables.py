"""The raw tables of Kraken's official downloads: Arrow schemas and keys.

Rows of `archive_trades` and `archive_candles` count only if their part stands in `archive_parts` with a complete load.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from dlt_pipeline.kraken.raw_tables import DATE, DECIMAL

_TIMESTAMP: Final = pa.timestamp("us")  # naive, holding UTC
_TEXT, _BIGINT, _BOOL = pa.string(), pa.int64(), pa.bool_()


def _schema(columns: Mapping[str, pa.DataType], optional: Sequence[str] = ()) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=name in optional) for name, kind in columns.items()])


ARCHIVE_SCHEMAS: Final[dict[str, pa.Schema]] = {
    # One row for each row of a time and sales file without trade ids.
    "archive_trades": _schema(
        {
            "symbol": _TEXT,
            "edition_id": _BIGINT,
            "part_id": _BIGINT,
            "row_number": _BIGINT,
            "time_ns": _BIGINT,
            "traded_on": DATE,
            "price": DECIMAL,
            "volume": DECIMAL,
        }
    ),
    # One row for each row of an OHLCVT file.
    "archive_candles": _schema(
        {
            "symbol": _TEXT,
            "edition_id": _BIGINT,
            "part_id": _BIGINT,
            "row_number": _BIGINT,
            "timeframe": _TEXT,
            "timeframe_seconds": _BIGINT,
            "bucket_start": _TIMESTAMP,
            "open": DECIMAL,
            "high": DECIMAL,
            "low": DECIMAL,
            "close": DECIMAL,
            "base_volume": DECIMAL,  # rounded to 8 decimals
            "trade_count": _BIGINT,
            "base_volume_text": _TEXT,  # as it is written; NULL in rows of older programs
        },
        optional=("base_volume_text",),
    ),
    # One row for each unbroken run of rows that was committed at once: the ledger, and where an import goes on.
    "archive_parts": _schema(
        {
            "edition_id": _BIGINT,
            "part_id": _BIGINT,
            "symbol": _TEXT,
            "format": _TEXT,  # trades, trades_with_ids or candles
            "timeframe": _TEXT,
            "first_row": _BIGINT,
            "last_row": _BIGINT,
            "row_count": _BIGINT,
            "idless_count": _BIGINT,
            "base_volume": DECIMAL,
            "first_time_ns": _BIGINT,
            "last_time_ns": _BIGINT,
            "first_trade_id": _BIGINT,
            "last_trade_id": _BIGINT,
            "covered_from_ns": _BIGINT,
            "covered_to_ns": _BIGINT,
            "next_row": _BIGINT,
            "next_byte": _BIGINT,
            "taken_at": _TIMESTAMP,
        },
        optional=("timeframe", "first_trade_id", "last_trade_id"),
    ),
    # One row for each file that was imported to its end.
    "archive_files": _schema(
        {
            "edition_id": _BIGINT,
            "symbol": _TEXT,
            "altname": _TEXT,
            "format": _TEXT,
            "timeframe": _TEXT,
            "archive": _TEXT,
            "member": _TEXT,
            "size_bytes": _BIGINT,
            "crc32": _BIGINT,
            "content_hash": _TEXT,
            "row_count": _BIGINT,
            "refused_count": _BIGINT,
            "left_out_count": _BIGINT,
            "base_volume": DECIMAL,
            "first_time_ns": _BIGINT,
            "last_time_ns": _BIGINT,
            "wanted_from_ns": _BIGINT,
            "wanted_to_ns": _BIGINT,
            "covered_from_ns": _BIGINT,
            "covered_to_ns": _BIGINT,
            "is_ascending": _BOOL,
            "is_whole_days": _BOOL,
            "imported_at": _TIMESTAMP,
        },
        optional=("timeframe", "first_time_ns", "last_time_ns", "wanted_from_ns", "wanted_to_ns"),
    ),
    # One row for each row of a file that could not be taken in.
    "archive_refused_rows": _schema(
        {
            "edition_id": _BIGINT,
            "symbol": _TEXT,
            "archive": _TEXT,
            "member": _TEXT,
            "row_number": _BIGINT,
            "line_number": _BIGINT,
            "reason": _TEXT,
            "line": _TEXT,
            "refused_at": _TIMESTAMP,
        }
    ),
}

ARCHIVE_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "archive_trades": ("edition_id", "row_number"),
    "archive_candles": ("edition_id", "row_number"),
    "archive_parts": ("part_id",),
    "archive_files": ("edition_id",),
    "archive_refused_rows": ("edition_id", "row_number"),
}
