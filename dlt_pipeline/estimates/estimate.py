"""The price of a load before it begins: two calls a symbol tell the number of trades, arithmetic the rest.

Trades are counted without loading them: by the ids at the range's edges, or by pages spread over it.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from dlt_pipeline.common.exceptions import ExchangeError, LoadStoppedError, StalledCursorError
from dlt_pipeline.common.time import When
from dlt_pipeline.estimates.price import Costs, Estimate, days_between, load_job_settings, price_trades, until
from dlt_pipeline.kraken.answers import TradePage
from dlt_pipeline.kraken.ledger import Range
from dlt_pipeline.kraken.ledger_store import Lacking, LedgerStore, place_of
from dlt_pipeline.kraken.request import Request, make_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import (
    DISPLAY_REWIND_NS,
    REST_TIMEFRAMES,
    START_REWIND_NS,
    exchange_kind,
    load_settings,
)
from dlt_pipeline.warehouse.ops import REMOVED_DAYS
from dlt_pipeline.warehouse.pipeline import Place

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
    store: LedgerStore, symbol: str, ranges: Sequence[Range], bounds: Iterable[int | None]
) -> dict[int | None, Edge]:
    """Return the edges at those bounds (ns) that lie within or behind what is proven, so that nobody need be asked."""
    found: dict[int | None, Edge] = {}
    for bound in {bound for bound in bounds if bound is not None}:
        for known in ranges:
            if not known.from_ns <= bound <= known.to_ns:
                continue
            edge = _first_proven(store, symbol, bound, known.to_ns) if bound < known.to_ns else None
            until = known.to_ns if edge is None or edge.time_ns is None else edge.time_ns
            if bound < known.to_ns and _are_removed(store, symbol, bound, until):
                continue
            cursor = known.cursor
            if edge is None and cursor.known_trade_id is not None and not cursor.idless_since_id:
                edge = Edge(cursor.known_trade_id + 1, bound)
            if edge is not None:
                found[bound] = edge
    return found


def _first_proven(store: LedgerStore, symbol: str, from_ns: int, to_ns: int) -> Edge | None:
    rows = store.rows(
        "select trade_id, time_ns from {trades} "
        "where symbol = %s and time_ns >= %s and time_ns < %s order by time_ns, trade_id limit 1",
        *(symbol, from_ns, to_ns),
    )
    return Edge(rows[0][0] or None, rows[0][1]) if rows else None


def _are_removed(store: LedgerStore, symbol: str, from_ns: int, to_ns: int) -> bool:
    """Whether trades of the time, or of its days, were removed: then what lies there does not tell the first one."""
    query = (
        f"select 1 from {REMOVED_DAYS} where symbol = %s and state = 'removed' "  # noqa: S608 - own names only
        "and removed_on between make_timestamp(%s // 1000)::date and make_timestamp(%s // 1000)::date limit 1"
    )
    return bool(store.rows(query, symbol, from_ns, to_ns))


@dataclass(frozen=True)
class Sample:
    """[from_ns, to_ns) holds `count` trades, counted; `first_id` is the first one's id, None where it has none."""

    from_ns: int
    to_ns: int
    count: int
    first_id: int | None

    @property
    def density(self) -> float:
        """Trades a nanosecond."""
        return self.count / max(1, self.to_ns - self.from_ns)


@dataclass(frozen=True)
class Sampled:
    """The number of trades, and whether it is only by the density of time in a part of the range."""

    trades: int
    is_approximate: bool


def take_sample(page: TradePage, page_size: int, from_ns: int, end_ns: int) -> Sample:
    """Return what a page asked for at `from_ns` shows of [from_ns, end_ns)."""
    rows = [row for row in page.rows if row.time_ns >= from_ns]
    is_whole = len(page.rows) < page_size or (bool(rows) and rows[-1].time_ns >= end_ns)
    # Trades that share the page's last moment may stand on the next page, so it ends before that moment.
    to_ns = end_ns if is_whole else min(end_ns, max(rows[-1].time_ns if rows else from_ns, from_ns + 1))
    count = sum(1 for row in rows if row.time_ns < to_ns)
    first_id = rows[0].trade_id or None if rows and rows[0].time_ns < end_ns else None
    return Sample(from_ns, to_ns, count, first_id)


def by_samples(samples: Sequence[Sample], end_ns: int, end_id: int | None) -> Sampled:
    """Return the trades from the first sample's beginning to `end_ns`; `end_id` is the id at the end, if known.

    Between two samples that know their ids, the ids tell. Elsewhere what a page did not reach is filled by the mean
    density of the samples at its two sides; the first sample tells nothing of what follows it, for trading often
    begins with a burst.
    """
    trades, is_approximate = 0.0, False
    for number, sample in enumerate(samples):
        following = samples[number + 1] if number + 1 < len(samples) else None
        stretch_end = following.from_ns if following else end_ns
        next_id = following.first_id if following else end_id
        if sample.first_id is not None and next_id is not None and next_id >= sample.first_id:
            trades += next_id - sample.first_id
            continue
        trades += sample.count
        rest_ns = stretch_end - sample.to_ns
        if rest_ns > 0:
            is_approximate = True
            beside = [sample] if number or following is None else []
            beside += [following] if following else []
            trades += rest_ns * sum(one.density for one in beside) / len(beside)
    return Sampled(round(trades), is_approximate)


def sample_range(ask: Ask, start: Edge, end_ns: int, end: Edge, pages: int, page_size: int) -> Sampled:
    """Count what lies between two edges by the range's first page and `pages` more, spread over its time.

    A range that the pages reach through is counted exactly. `start.time_ns` is its first trade's (ns, UTC).
    """
    if start.time_ns is None or start.time_ns >= end_ns:
        return Sampled(0, False)
    first_ns = start.time_ns
    points = [first_ns, *(first_ns + (end_ns - first_ns) * (2 * step + 1) // (2 * pages) for step in range(pages))]
    samples: list[Sample] = []
    for point in points:
        from_ns = max(point, samples[-1].to_ns) if samples else point
        if from_ns >= end_ns:
            break
        page = ask(max(0, from_ns - DISPLAY_REWIND_NS), page_size)
        samples.append(take_sample(page, page_size, from_ns, end_ns))
    return by_samples(samples, end_ns, end.next_id)


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


OnFailure = Callable[[str, ExchangeError], object]


def estimate(
    symbols: Sequence[str],
    start: When,
    end: When | None = None,
    *,
    exact: bool = False,
    timeframes: Sequence[str] = tuple(REST_TIMEFRAMES),
    stop: threading.Event | None = None,
) -> list[Estimate]:
    """Price a load of all of [start, end) into an empty warehouse, a line a symbol in the order they were given.

    Arguments as of `load`; bounds are widened to whole UTC days unless `exact`. Asks two calls a symbol, or a few more
    where many trades share the moment before a bound, where the exchange is silent since, or where Kraken gives no ids
    and samples must do (`is_approximate`). Ids that Kraken lacks are counted as trades. Raises KrakenCandlesError.
    """
    request = make_request(symbols, start, end, timeframes, exact)
    with closing(Session(load_settings(), stop)) as session:
        return _priced(session.open(request), LedgerStore().lacking(session, session.request), {})


def price_of(
    request: Request,
    warehouse: str | Path | Place | None = None,
    session: Session | None = None,
    on_failure: OnFailure | None = None,
) -> list[Estimate]:
    """Price what a request's windows still lack in the warehouse, a line a symbol: what is loaded costs nothing.

    `session` may be kept for the load itself. The warehouse is only read. A symbol that the exchange has no good answer
    for is told to `on_failure` and left out; without it the error is raised. Raises KrakenCandlesError.
    """
    if session is None:
        with closing(Session(load_settings())) as own:
            return price_of(request, warehouse, own, on_failure)
    place = place_of(warehouse)
    place.check(exchange_kind(session.settings.base_url), read_only=True)
    session.open(request)
    with LedgerStore.of(place) as store:
        lacking = store.lacking(session, session.request)
        edges = {
            symbol: edges_of(store, symbol, each.proven, chain.from_iterable(each.spans))
            for symbol, each in lacking.items()
        }
    return _priced(session, lacking, edges, on_failure)


def _priced(
    session: Session,
    lacking: Mapping[str, Lacking],
    edges: Mapping[str, Mapping[int | None, Edge]],
    on_failure: OnFailure | None = None,
) -> list[Estimate]:
    """Price the symbols at the same time, because each waits for its own pace."""
    costs, request = Costs(session.settings, load_job_settings()), session.request

    def price(symbol: str) -> Estimate:
        counter = Counter(session, symbol, costs.jobs.sample_pages, edges.get(symbol, {}))
        counted = [counter.count(*piece) for piece in lacking[symbol].spans]
        ids = [one for one in counted if one.trades]
        windows = request.windows[symbol]
        return price_trades(
            costs,
            symbol,
            (windows[0].start_ns, windows[-1].end_ns),
            [one.trades for one in counted],
            days=sum(days_between(start, until(end, session.now_ns)) for start, end in lacking[symbol].spans),
            snapshots=len(request.timeframes),
            ids=(ids[0].first_trade_id, ids[-1].last_trade_id) if ids else (None, None),
            is_approximate=any(one.is_approximate for one in counted),
            asked_calls=counter.calls,
        )

    def price_or_tell(symbol: str) -> Estimate | None:
        try:
            return price(symbol)
        except ExchangeError as error:
            if on_failure is None:
                raise
            on_failure(symbol, error)
            return None

    with ThreadPoolExecutor(max_workers=len(request.symbols), thread_name_prefix="price") as pool:
        return [one for one in pool.map(price_or_tell, request.symbols) if one is not None]
