"""What the warehouse says of streamed ids, and `kraken_ops.streamed_stretches`, to which proofs are only ever added."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb

from dlt_pipeline.common.time import utc_of_ns
from dlt_pipeline.kraken.ledger import LEDGER_COLUMNS, LedgerRow, Range, ledger_row, merge
from dlt_pipeline.kraken.settings import NS_PER_SECOND
from dlt_pipeline.stream.stretches import IdRange, Loaded, Proof, Stretch
from dlt_pipeline.warehouse.database import DATASET
from dlt_pipeline.warehouse.ops import COLUMNS, STREAMED_STRETCHES, ensure_table


def read_loaded(connection: duckdb.DuckDBPyConnection, symbol: str, stretches: Sequence[Stretch]) -> Loaded:
    """Read which ids of the stretches are loaded, and what the ledger proves around them."""
    from_ns = min(stretch.from_time_ns for stretch in stretches) - NS_PER_SECOND  # times are shown rounded
    first = min(_first_id(stretch) for stretch in stretches)
    last = max(stretch.last_trade_id for stretch in stretches)
    trades = (
        f"select trade_id from {DATASET}.trades where symbol = ? "  # noqa: S608 - own names only
        f"and traded_on >= date '{utc_of_ns(from_ns).date()}' and trade_id between ? and ?"
    )
    columns = ", ".join(f"p.{name}" for name in LEDGER_COLUMNS)
    pages = (
        f"select p.first_trade_id, {columns} from {DATASET}.pages as p "  # noqa: S608
        f"inner join {DATASET}._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0 "
        "where p.symbol = ? and p.covered_to_ns >= ?"
    )
    try:
        ids = {each for (each,) in connection.execute(trades, [symbol, first, last]).fetchall()}
        rows = [
            (each, ledger_row(tuple(values)))
            for each, *values in connection.execute(pages, [symbol, from_ns]).fetchall()
        ]
    except duckdb.CatalogException:
        return Loaded(frozenset(), (), None)
    ids |= _kept_ids(connection, symbol, first, last)
    ranges = merge(row for _, row in rows)
    return Loaded(ids, _spans(ranges, rows), ranges[0].from_ns if ranges else None)


def _kept_ids(connection: duckdb.DuckDBPyConnection, symbol: str, first: int, last: int) -> set[int]:
    """Return the ids of days whose trades were removed; such a day has all ids from its first to its last one."""
    query = (
        "select distinct unnest(range(greatest(first_trade_id, $first), least(last_trade_id, $last) + 1)) "
        "from kraken_kept.kept_days where symbol = $symbol and first_trade_id <= $last and last_trade_id >= $first"
    )
    try:
        found = connection.execute(query, {"symbol": symbol, "first": first, "last": last}).fetchall()
    except duckdb.CatalogException:  # nothing was ever removed here
        return set()
    return {each for (each,) in found}


def _first_id(stretch: Stretch) -> int:
    return stretch.first_trade_id if stretch.after_trade_id is None else stretch.after_trade_id + 1


def _spans(ranges: Sequence[Range], rows: Sequence[tuple[int | None, LedgerRow]]) -> tuple[IdRange, ...]:
    """Return the ids of each range of coverage: from the first trade of its rows to the last one known behind them."""
    spans = []
    for known in ranges:
        inside = [
            (first or row.cursor.known_trade_id, row.cursor.known_trade_id)
            for first, row in rows
            if row.cursor.known_trade_id and known.from_ns <= row.cursor.covered_to_ns <= known.to_ns
        ]
        if inside:
            spans.append((min(first for first, _ in inside if first), max(last for _, last in inside if last)))
    return tuple(spans)


def write_proofs(connection: duckdb.DuckDBPyConnection, proofs: Sequence[Proof], proven_at: datetime) -> None:
    """Add a row a proof, all or none; `proven_at` is naive UTC."""
    columns = COLUMNS[STREAMED_STRETCHES]
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    connection.execute("begin")
    ensure_table(connection, STREAMED_STRETCHES)
    for proof in proofs:
        row = _row(proof, proven_at)
        statement = f"insert into {STREAMED_STRETCHES} ({names}) values ({marks})"  # noqa: S608 - own names only
        connection.execute(statement, [row[name] for name in columns])
    connection.execute("commit")


def _row(proof: Proof, proven_at: datetime) -> dict[str, Any]:
    stretch, lost = proof.stretch, proof.not_in_rest
    return {
        "symbol": stretch.symbol,
        "first_trade_id": stretch.first_trade_id,
        "last_trade_id": stretch.last_trade_id,
        "heard_count": stretch.trade_count,
        "missing_in_stream": stretch.missing_count,
        "completed_from_rest": proof.completed_from_rest,
        "not_loaded_yet": proof.not_loaded_yet,
        "outside_load": proof.outside_load,
        "not_in_rest": len(lost),
        "first_not_in_rest": min(lost, default=None),
        "last_not_in_rest": max(lost, default=None),
        "connected_at": stretch.connected_at,
        "disconnected_at": stretch.disconnected_at,
        "first_heard_at": stretch.first_heard_at,
        "last_heard_at": stretch.last_heard_at,
        "proven_at": proven_at,
    }
