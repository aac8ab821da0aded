"""Typed columns of a file as rows of the raw table that they belong to."""

from collections.abc import Mapping
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.archive.coverage import DAY_NS
from dlt_pipeline.archive.file_names import TIMEFRAMES
from dlt_pipeline.archive.tables import ARCHIVE_SCHEMAS
from dlt_pipeline.kraken.raw_tables import SCHEMAS

_SCHEMAS: Final = ARCHIVE_SCHEMAS | SCHEMAS
_MINUTES: Final = {name: length for length, name in TIMEFRAMES.items()}
_TABLES: Final = {"trades": "archive_trades", "trades_with_ids": "trades", "candles": "archive_candles"}


class Kind(Protocol):
    """What all rows of a file share; see Reading."""

    symbol: str
    format: str
    timeframe: str | None
    edition_id: int


def raw_rows(
    kind: Kind, columns: Mapping[str, pa.Array], numbers: pa.Array, part_ids: pa.Array
) -> tuple[str, pa.Table]:
    """Return the raw table's name and its rows. Prices in quote, volumes in base units; times ns and UTC."""
    name = _TABLES[kind.format]
    count = len(numbers)
    values: dict[str, pa.Array] = {
        "symbol": pa.repeat(kind.symbol, count),
        "edition_id": pa.repeat(pa.scalar(kind.edition_id, pa.int64()), count),
        "part_id": part_ids,
        "row_number": numbers,
        **columns,
    }
    values |= _of_candles(kind, values, count) if kind.format == "candles" else _of_trades(values)
    if kind.format == "trades_with_ids":
        values |= _of_ids(values)
    schema = _SCHEMAS[name]
    return name, pa.Table.from_arrays([values[column.name] for column in schema], schema=schema)


def _of_trades(values: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    days = pc.divide(values["time_ns"], DAY_NS)
    return {"traded_on": days.cast(pa.int32()).cast(pa.date32())}


def _of_candles(kind: Kind, values: Mapping[str, pa.Array], count: int) -> dict[str, pa.Array]:
    minutes = _MINUTES[kind.timeframe or ""]
    return {
        "timeframe": pa.repeat(kind.timeframe, count),
        "timeframe_seconds": pa.repeat(pa.scalar(minutes * 60, pa.int64()), count),
        "bucket_start": pc.divide(values["time_ns"], 1_000).cast(pa.timestamp("us")),
        "base_volume": values["volume"],
        "base_volume_text": values["volume_text"],
    }


def _of_ids(values: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    has_no_id = pc.equal(values["trade_id"], 0)
    return {
        "more_items": pa.nulls(len(has_no_id), pa.string()),
        "idless_time_ns": pc.if_else(has_no_id, values["time_ns"], 0),
        "traded_at": pc.divide(values["time_ns"], 1_000).cast(pa.timestamp("us")),
    }
