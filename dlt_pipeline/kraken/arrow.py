"""From checked answers to Arrow tables; decimals stay text until Arrow reads them exactly."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from dlt_pipeline.kraken.cursor import NewTrade
from dlt_pipeline.kraken.tables import DATE, DECIMAL, SCHEMAS


def to_table(table: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Turn dicts into an Arrow table of the raw table's schema; decimals may be exact text."""
    schema = SCHEMAS[table]
    columns = [_array([row[field.name] for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if kind == DECIMAL:
        return pa.array(values, pa.string()).cast(DECIMAL)  # the cast refuses to round
    if kind == DATE and values and isinstance(values[0], int):
        return pa.array(values, pa.int32()).cast(DATE)  # days since the epoch
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
        "more_items": [trade.row.more_items for trade in listed],
    }
    schema = SCHEMAS["trades"]
    return pa.Table.from_arrays([_array(values[field.name], field.type) for field in schema], schema=schema)
