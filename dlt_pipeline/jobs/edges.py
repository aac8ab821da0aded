"""Where a range of trades begins and ends: the id of the first trade at or after a moment. Talks only through `ask`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dlt_pipeline.common.exceptions import StalledCursorError
from dlt_pipeline.kraken.page import TradePage
from dlt_pipeline.kraken.settings import DISPLAY_REWIND_NS, START_REWIND_NS

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
