"""A load: a chain of bounded dlt runs, each committing trades, ledger and cursor together, until nothing is missing."""

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import dlt

from dlt_pipeline.common.exceptions import KrakenCandlesError
from dlt_pipeline.common.time import When, utc
from dlt_pipeline.kraken.ledger_store import LedgerStore, place_of
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.request import Request, make_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, exchange_kind, load_settings
from dlt_pipeline.warehouse.pipeline import Place, drop_old_packages, has_waiting_packages

if TYPE_CHECKING:
    from dlt_pipeline.kraken.chunk import Chunk
    from dlt_pipeline.kraken.extract import Progress

_T = TypeVar("_T")
# `market_status` says when a status was seen last: by loads that bring nothing, to the day.
_LONGEST_UNWRITTEN: Final = timedelta(days=1)
GoingOn = Callable[[Sequence[str]], Collection[str]]


class Listener(Protocol):
    """Hears how a load goes; called from the threads of several symbols.

    One with a method `committing` also hears how many trades are about to be committed, which takes a while.
    Of a load that finds all of it loaded nothing is heard.
    """

    def begin(self, session: Session, request: Request) -> None:
        """Hear that the exchange answered and the request is sound."""

    def page(self, progress: "Progress") -> None:
        """Hear of a page taken in."""

    def committed(self, done: set[str]) -> None:
        """Hear that a chunk is in the warehouse, and which symbols are complete."""


def tell_committing(listener: Listener | None, trades: int) -> None:
    """Tell a listener that so many trades will now be committed, if it is one that hears it."""
    hear = getattr(listener, "committing", None)
    if hear and trades:
        hear(trades)


@dataclass
class LoadReport:
    """How a load ended, by symbol: trades added, missing ids, errors, calls; `unfinished` if it was stopped.

    `place` is where the trades are, the warehouse or the lake. `reached` is up to when (ns, UTC) the last answer of a
    symbol led; nothing for one that brought none.
    """

    place: Place
    request: Request
    trades: dict[str, int] = field(default_factory=dict)
    missing_ids: dict[str, int] = field(default_factory=dict)
    failures: dict[str, KrakenCandlesError] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    reached: dict[str, int] = field(default_factory=dict)


def load(
    symbols: Sequence[str],
    start: When,
    end: When | None = None,
    *,
    timeframes: Sequence[str] = tuple(REST_TIMEFRAMES),
    exact: bool = False,
    also_archived: bool = False,
    warehouse: str | Path | None = None,
    lake: str | Path | None = None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> LoadReport:
    """Load what [start, end) of the symbols still lacks in the warehouse, and Kraken's own candles beside it.

    Arguments as of `kraken_source`; `warehouse` is the DuckDB file (default: KRAKEN_CANDLES_WAREHOUSE or
    warehouse.duckdb here), `lake` a folder, or the address of a place in a bucket, to load Parquet into instead.
    Whole UTC days that imported archives hold are not asked for, unless `also_archived`.
    Setting `stop` ends the load after the page in hand; the chunk is committed. A symbol that fails is in the report
    and leaves the others alone. Raises KrakenCandlesError for what concerns the whole load.
    """
    request = make_request(symbols, start, end, timeframes, exact, also_archived)
    return load_request(request, warehouse=place_of(warehouse, lake), listener=listener, stop=stop)


def load_request(
    request: Request,
    *,
    warehouse: str | Path | Place | None = None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
    going_on: GoingOn = tuple,
    session: Session | None = None,
) -> LoadReport:
    """Load what the request's windows lack, as `load` does, for windows that differ by symbol.

    `going_on` is asked between chunks which of the remaining symbols are still wanted; the others are `unfinished`.
    A `session` that asked for the price, or of an earlier load, saves asking for the clock and the markets once more;
    its settings and its `stop` are then the load's, and its connections stay open. Without it the load opens one.
    """
    if session is None:
        with closing(Session(load_settings(), stop)) as own:
            return load_request(request, warehouse=warehouse, listener=listener, going_on=going_on, session=own)
    place = place_of(warehouse)
    asked = request.symbols
    try:
        with place.holding(asked):
            kind = exchange_kind(session.settings.base_url)
            is_looked_at = bool(session.markets)  # by whoever opened the session, for the price or an earlier load
            if not is_looked_at:
                place.patiently(lambda: place.check(kind), session.stop)
            session.open(request)
            report = LoadReport(place, session.request)
            is_waiting = has_waiting_packages(place.pipeline_name(asked))
            if not is_waiting and place.patiently(lambda: _brings_nothing(place, kind, session), session.stop):
                report.calls = _calls(session)
                return report
            if is_looked_at:
                place.patiently(lambda: place.check(kind), session.stop)
            if listener:
                listener.begin(session, session.request)
            pipeline = place.patiently(lambda: place.pipeline(asked), session.stop)
            return _chain(pipeline, place, session, report, listener, going_on)
    except Exception as error:
        known = place.explain(error)
        if known is None or known is error:
            raise
        raise known from error


def _brings_nothing(place: Place, kind: str, session: Session) -> bool:
    """Whether the place holds all of the session's request, and the markets and statuses as they are listed now.

    Then no step of dlt would move a row but the list of markets, which is written anew once it is a day old.
    """
    request = session.request
    is_open = any(each.end_ns is None for windows in request.windows.values() for each in windows)
    if is_open or request.timeframes or not request.windows or not place.is_there():
        return False
    with LedgerStore.of(place) as store:
        holds_all = (
            store.has_loads_of(kind)
            and not any(each.missing for each in store.lacking(session, request).values())
            and _lists_same(store, session)
        )
        if not holds_all:
            return False
        statuses = store.statuses()
    return not session.status_changes(statuses)


def _lists_same(store: LedgerStore, session: Session) -> bool:
    """Whether each market stands in the warehouse as it is listed, for less than a day, and is the one asked for."""
    market_ids = store.market_ids(session.request.symbols)
    if any(session.refusal(symbol, market_ids.get(symbol, {})) for symbol in session.request.symbols):
        return False
    known = store.listed([field.name for field in fields(Market)])
    oldest = utc(session.listed_at) - _LONGEST_UNWRITTEN
    return all(
        market.symbol in known and known[market.symbol][0] == astuple(market) and known[market.symbol][1] > oldest
        for market in session.markets
    )


def _calls(session: Session) -> dict[str, int]:
    return {name: session.calls(name) for name in session.request.symbols}


def _chain(
    pipeline: dlt.Pipeline,
    place: Place,
    session: Session,
    report: LoadReport,
    listener: Listener | None,
    going_on: GoingOn,
) -> LoadReport:
    from dlt_pipeline.kraken.chunk import Chunk  # noqa: PLC0415 - pyarrow, which a load that brings nothing wants not
    from dlt_pipeline.kraken.reader import Readers  # noqa: PLC0415

    remaining = list(report.request.symbols)
    given_up: list[str] = []

    def hear(progress: "Progress") -> None:
        report.reached[progress.symbol] = progress.covered_to_ns
        report.trades[progress.symbol] = report.trades.get(progress.symbol, 0) + progress.new_trades
        report.missing_ids[progress.symbol] = report.missing_ids.get(progress.symbol, 0) + progress.missing_ids
        if listener:
            listener.page(progress)

    def patiently(call: Callable[[], _T]) -> _T:
        return place.patiently(call, session.stop)

    with Readers() as readers:
        is_only_listing = not remaining  # no symbol is left of those asked for: what is listed is kept all the same
        # What was asked while the chunk before was committed is kept, also when the user stops meanwhile.
        while is_only_listing or (remaining and (not session.stop.is_set() or readers.have_waiting(remaining))):
            is_only_listing = False
            part = report.request.part(remaining)
            chunk = Chunk(session, part, hear, report.failures.__setitem__, patiently, readers)
            before = sum(report.trades.values())
            _extract(pipeline, chunk)
            tell_committing(listener, sum(report.trades.values()) - before)
            pipeline.normalize()
            patiently(lambda: place.load_packages(pipeline))
            drop_old_packages(pipeline)
            if listener:
                listener.committed(chunk.done)
            remaining = [name for name in remaining if name not in chunk.done and name not in report.failures]
            wanted = going_on(remaining)
            given_up += [name for name in remaining if name not in wanted]
            readers.drop(given_up)
            remaining = [name for name in remaining if name in wanted]
    report.unfinished = remaining + given_up
    report.calls = _calls(session)
    return report


def _extract(pipeline: dlt.Pipeline, chunk: "Chunk") -> None:
    """Ask for one chunk: a thread a symbol, because each waits for its own pace."""
    from dlt_pipeline.kraken.source import source_of  # noqa: PLC0415 - pyarrow

    side_by_side = len(chunk.request.symbols) + 2
    pipeline.extract(source_of(chunk), workers=side_by_side, max_parallel_items=side_by_side)
