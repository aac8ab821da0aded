"""Where a range of trades begins and ends: the id of the first trade at or after a moment. Talks only through `ask`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from dlt_pipeline.common.exceptions import StalledCursorError
from dlt_pipeline.kraken.answers import TradePage
from dlt_pipeline.kraken.ledger import Range
from dlt_pipeline.kraken.ledger_store import rows_found
from dlt_pipeline.kraken.settings import DISPLAY_REWIND_NS, START_REWIND_NS
from dlt_pipeline.warehouse.database import DATASET

Ask = Callable[[int | None, int], TradePage]
# The moment before a bound seldom holds more trades than this; a large order meets some dozen small ones.
FEW: Final = 50


@dataclass(frozen=True)
class Edge:
    """The first trade displayed at or after a bound: its id (None where Kraken gives none) and time (ns, UTC).

    Without such a trade `time_ns` is None and `next_id` the id that the next trade will have (0: none ever traded).
    """

    next_id: int | None
    time_ns: int | None


def find_edge(ask: Ask, bound_ns: int, page_size: int) -> Edge:
    """Find the first trade at or after `bound_ns` (ns, UTC), by the displayed time, as a load counts it.

    `ask(since, count)` returns a page from `since` (ns; None: the newest). One call does, or more where many trades
    share the millisecond before the bound, or where the exchange has been silent since. Raises StalledCursorError
    where the exchange cannot be read past one moment.
    """
    since, count = max(0, bound_ns - START_REWIND_NS), min(FEW, page_size)
    newest: TradePage | None = None
    while True:
        page = ask(since, count)
        for row in page.rows:
            if row.time_ns >= bound_ns:
                return Edge(row.trade_id or None, row.time_ns)
        newest = page if page.rows else newest
        if len(page.rows) < count:
            break
        moved = page.last - 1 if page.last is not None else page.rows[-1].time_ns - DISPLAY_REWIND_NS
        if moved <= since and count == page_size:
            raise StalledCursorError(
                f"A full page of {len(page.rows)} trades since {since} lies before {bound_ns} ns and leads no further: "
                "more trades share one moment than a page can show. Please report the pair and time."
            )
        since, count = max(since, moved), page_size
    return _after(newest or ask(None, 1))


def newest_edge(ask: Ask) -> Edge:
    """Return the edge behind the newest trade, by one call."""
    return _after(ask(None, 1))


def _after(page: TradePage) -> Edge:
    if not page.rows:
        return Edge(0, None)
    newest = page.rows[-1].trade_id
    return Edge(newest + 1 if newest else None, None)


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
    return bool(rows_found(connection, query, [symbol, from_ns, to_ns]))
