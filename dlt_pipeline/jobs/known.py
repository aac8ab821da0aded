"""What the warehouse already knows, read from its file without dlt: the ledger, ids at its seams, Kraken's candles."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dlt_pipeline.jobs.edges import Edge
from dlt_pipeline.kraken.archived import PARTS_QUERY, held_spans, whole_days
from dlt_pipeline.kraken.ledger import LedgerRow, Range, merge
from dlt_pipeline.kraken.rows import LEDGER_COLUMNS, ledger_row
from dlt_pipeline.warehouse import DATASET, open_warehouse

Span = tuple[int, int]
_ARCHIVE_TABLES = {"parts": "archive_parts", "files": "archive_files", "loads": "_dlt_loads"}


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """Open the warehouse read-only for a short while; None where there is no file yet. Raises a WarehouseError."""
    if not path.exists():
        yield None
        return
    with open_warehouse(path, read_only=True) as connection:
        yield connection


def _rows(connection: duckdb.DuckDBPyConnection, query: str, values: Any) -> list[tuple[Any, ...]]:
    """Return what a query finds; nothing where its tables were never made, or are made otherwise."""
    try:
        return connection.execute(query, values).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []


def ledger_of(
    connection: duckdb.DuckDBPyConnection | None,
    symbols: Sequence[str],
    holes_since: datetime | None = None,
    backfilled: Sequence[str] = (),
) -> dict[str, list[Range]]:
    """Return what complete loads prove, ranges by symbol, as `read_ledger` does in a load.

    Of the `backfilled` symbols, answers from before `holes_since` (naive UTC) that lacked ids do not count, for they
    will be asked for again.
    """
    rows: dict[str, list[LedgerRow]] = {symbol: [] for symbol in symbols}
    if connection is not None:
        columns = ", ".join(f"p.{name}" for name in LEDGER_COLUMNS)
        query = (
            f"select p.symbol, {columns} from {DATASET}.pages as p "  # noqa: S608 - own names only
            f"inner join {DATASET}._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0 "
            "where list_contains($symbols, p.symbol) "
            "and (not list_contains($backfilled, p.symbol) or p.missing_id_count = 0 or p.asked_at >= $holes_since)"
        )
        values = {"symbols": list(symbols), "backfilled": list(backfilled), "holes_since": holes_since}
        for symbol, *found in _rows(connection, query, values):
            rows[symbol].append(ledger_row(tuple(found)))
    return {symbol: merge(found) for symbol, found in rows.items()}


def edges_of(
    connection: duckdb.DuckDBPyConnection | None, symbol: str, ranges: Sequence[Range], bounds: Iterable[int]
) -> dict[int | None, Edge]:
    """Return the edges at those bounds (ns) that lie within or behind what is proven, so that nobody need be asked."""
    found: dict[int | None, Edge] = {}
    for bound in bounds:
        for known in ranges:
            if connection is None or not known.from_ns <= bound <= known.to_ns:
                continue
            edge = _first_proven(connection, symbol, bound, known.to_ns) if bound < known.to_ns else None
            until = known.to_ns if edge is None or edge.time_ns is None else edge.time_ns
            if bound < known.to_ns and _are_removed(connection, symbol, bound, until):
                continue
            cursor = known.cursor
            if edge is None and cursor.known_trade_id is not None and not cursor.idless_since_id:
                edge = Edge(cursor.known_trade_id + 1, bound)
            if edge is not None:
                found[bound] = edge
    return found


def _first_proven(connection: duckdb.DuckDBPyConnection, symbol: str, from_ns: int, to_ns: int) -> Edge | None:
    row = connection.execute(
        f"select trade_id, time_ns from {DATASET}.trades "  # noqa: S608 - own names only
        "where symbol = ? and time_ns >= ? and time_ns < ? order by time_ns, trade_id limit 1",
        [symbol, from_ns, to_ns],
    ).fetchone()
    return Edge(row[0] or None, row[1]) if row else None


def _are_removed(connection: duckdb.DuckDBPyConnection, symbol: str, from_ns: int, to_ns: int) -> bool:
    """Whether trades of the time, or of its days, were removed: then what lies there does not tell the first one."""
    query = (
        "select 1 from kraken_ops.removed_days where symbol = ? and state = 'removed' "
        "and removed_on between make_timestamp(? // 1000)::date and make_timestamp(? // 1000)::date limit 1"
    )
    return bool(_rows(connection, query, [symbol, from_ns, to_ns]))


def rest_spans(connection: duckdb.DuckDBPyConnection | None, symbol: str, timeframe: str) -> list[Span]:
    """Return the spans (ns, UTC) for which complete loads brought Kraken's own committed candles, ascending."""
    if connection is None:
        return []
    query = (
        "select distinct epoch_us(bucket_start) * 1000, timeframe_seconds * 1000000000 "  # noqa: S608 - own names only
        f"from {DATASET}.rest_candles as r "
        f"inner join {DATASET}._dlt_loads as l on r._dlt_load_id = l.load_id and l.status = 0 "
        "where symbol = ? and timeframe = ? order by 1"
    )
    return joined((start, start + size) for start, size in _rows(connection, query, [symbol, timeframe]))


def archived_days(connection: duckdb.DuckDBPyConnection | None) -> dict[str, list[Span]]:
    """Return by symbol the whole UTC days (spans of ns) that imported time and sales hold, which no load asks for."""
    return whole_days(_archive_parts(connection))


def archived_spans(connection: duckdb.DuckDBPyConnection | None) -> dict[str, list[Span]]:
    """Return by symbol all of the time (spans of ns) that imported time and sales hold, parts of days too."""
    return held_spans(_archive_parts(connection))


def _archive_parts(connection: duckdb.DuckDBPyConnection | None) -> list[tuple[Any, ...]]:
    if connection is None:
        return []
    tables = {name: f"{DATASET}.{table}" for name, table in _ARCHIVE_TABLES.items()}
    return _rows(connection, PARTS_QUERY.format(**tables), [])


def joined(spans: Iterable[Span]) -> list[Span]:
    """Join ascending spans that touch or overlap."""
    found: list[Span] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
