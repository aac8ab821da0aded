"""How many trades a window holds: by the ids at its two ends, or by samples where Kraken gives no ids."""

from collections.abc import Mapping
from dataclasses import dataclass

from dlt_pipeline.common.exceptions import LoadStoppedError
from dlt_pipeline.jobs.edges import Edge, find_edge, newest_edge
from dlt_pipeline.jobs.sampling import sample_range
from dlt_pipeline.kraken.answers import TradePage
from dlt_pipeline.kraken.session import Session


@dataclass(frozen=True)
class Counted:
    """Trades of one window; ids are those of its first and last trade, None where there are none."""

    trades: int
    is_approximate: bool
    first_trade_id: int | None
    last_trade_id: int | None


class Counter:
    """Counts the trades of one symbol's windows; `calls` says how many answers that took."""

    def __init__(self, session: Session, symbol: str, sample_pages: int, known: Mapping[int | None, Edge]) -> None:
        """`known` are edges by their bound (ns) that the warehouse tells, so that nobody need be asked for them."""
        self._session, self._symbol, self._sample_pages = session, symbol, sample_pages
        self._edges: dict[int | None, Edge] = dict(known)
        self.calls = 0

    def count(self, start_ns: int, end_ns: int | None) -> Counted:
        """Count the trades displayed in [start_ns, end_ns) (ns, UTC; None: up to the newest)."""
        is_open = end_ns is None or end_ns > self._session.now_ns
        start = self._edge(start_ns)
        if start.time_ns is None or (end_ns is not None and start.time_ns >= end_ns):
            return Counted(0, False, None, None)
        end = self._edge(None if is_open else end_ns)
        if start.next_id is not None and end.next_id is not None:
            trades = max(0, end.next_id - start.next_id)
            ids = (start.next_id, end.next_id - 1) if trades else (None, None)
            return Counted(trades, False, *ids)
        until_ns = self._session.now_ns + 1 if end_ns is None or is_open else end_ns
        page_size = self._session.settings.page_size
        sampled = sample_range(self._ask, start, until_ns, end, self._sample_pages, page_size)
        return Counted(sampled.trades, sampled.is_approximate, start.next_id, end.next_id and end.next_id - 1)

    def _edge(self, bound_ns: int | None) -> Edge:
        if bound_ns not in self._edges:
            page_size = self._session.settings.page_size
            found = newest_edge(self._ask) if bound_ns is None else find_edge(self._ask, bound_ns, page_size)
            self._edges[bound_ns] = found
        return self._edges[bound_ns]

    def _ask(self, since: int | None, count: int) -> TradePage:
        if self._session.stop.is_set():
            raise LoadStoppedError("Stopped while the price was asked for; nothing was begun.")
        self.calls += 1
        client = self._session.client(self._symbol)
        return client.trades(self._session.market(self._symbol), since, count)
