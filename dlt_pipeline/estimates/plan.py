"""What of a symbol's time is covered and by what, what is missing, and the cheapest way to fill it with its price."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from dlt_pipeline.common.time import When, utc
from dlt_pipeline.estimates.counter import Counter
from dlt_pipeline.estimates.edges import edges_of
from dlt_pipeline.estimates.plan_ways import (
    Planner,
    PlanRange,
    Span,
    State,
    archive_end,
    cut,
    rest_reach,
    timeframe_seconds,
    uncovered,
)
from dlt_pipeline.estimates.price import Costs
from dlt_pipeline.estimates.settings import load_job_settings
from dlt_pipeline.kraken.ledger import missing
from dlt_pipeline.kraken.ledger_store import archived_spans, ledger_of, reading, rest_spans
from dlt_pipeline.kraken.request import Request, Window, make_window
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_TIMEFRAMES, load_settings
from dlt_pipeline.kraken.source import exchange_kind
from dlt_pipeline.warehouse.database import check_usable, warehouse_path


@dataclass(frozen=True)
class Plan:
    """The ranges of [start_ns, end_ns) in order, without overlap and without anything left out."""

    symbol: str
    timeframe: str
    start_ns: int
    end_ns: int
    ranges: tuple[PlanRange, ...]


def plan(
    symbol: str,
    timeframe: str,
    start: When,
    end: When | None = None,
    *,
    exact: bool = False,
    offline: bool = False,
    warehouse: str | Path | None = None,
    stop: threading.Event | None = None,
) -> Plan:
    """Plan how [start, end) of a symbol gets candles of a timeframe, such as 1m, 1h or 12h.

    Bounds are widened to whole UTC days unless `exact`; an end that is open or lies in the future becomes the start of
    the running candle. The warehouse is only read, and need not be there. `offline` asks the exchange nothing: no
    prices, and this machine's clock. Raises KrakenCandlesError for bad input, no network, a locked warehouse.
    """
    seconds = timeframe_seconds(timeframe)
    window = make_window(start, end, exact)
    path = warehouse_path(warehouse)
    session = Session(load_settings(), stop)
    check_usable(path, exchange_kind(session.settings.base_url), read_only=True)
    if offline:
        session.now_ns = time.time_ns()
        session.check_past(window)
    else:
        session.open(Request({symbol: (window,)}, ()))
    start_ns, end_ns = _bounds(window, seconds, session.now_ns)
    with reading(path) as connection:
        ledger = ledger_of(connection, [symbol], utc(time.time()))[symbol]
        lacking = [(one.cursor.covered_to_ns, one.end_ns or end_ns) for one in missing(ledger, start_ns, end_ns)]
        trades = uncovered(start_ns, end_ns, lacking)
        covered: list[tuple[State, list[Span]]] = [
            ("trades", trades),
            ("archive", archived_spans(connection).get(symbol, [])),
            ("rest", rest_spans(connection, symbol, timeframe)),
        ]
        reach = rest_reach(seconds, session.now_ns) if timeframe in REST_TIMEFRAMES else None
        # What is missing is cut where another way begins to reach.
        stretches = cut(start_ns, end_ns, covered, {archive_end(session.now_ns), *(reach or ())})
        bounds = {bound for one in stretches if one.state == "missing" for bound in (one.start_ns, one.end_ns)}
        edges = edges_of(connection, symbol, ledger, bounds)
    costs = Costs(session.settings, load_job_settings())
    counter = Counter(session, symbol, costs.jobs.sample_pages, edges)
    planner = Planner(symbol, timeframe, trades, reach, session.now_ns, costs, None if offline else counter)
    return Plan(symbol, timeframe, start_ns, end_ns, tuple(planner.ranges(stretches)))


def _bounds(window: Window, seconds: int, now_ns: int) -> tuple[int, int]:
    """Return the window up to now; the running candle is left out unless the user asked for a part of it."""
    if window.end_ns is not None and window.end_ns <= now_ns:
        return window.start_ns, window.end_ns
    running_ns = now_ns // (seconds * NS_PER_SECOND) * seconds * NS_PER_SECOND
    return window.start_ns, running_ns if running_ns > window.start_ns else now_ns
