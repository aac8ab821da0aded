"""What of a symbol's time is covered and by what, what is missing, and the cheapest way to fill it with its price."""

import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from dlt_pipeline.dates import When
from dlt_pipeline.jobs.cheaper import archive_end, rest_reach
from dlt_pipeline.jobs.counting import Counter
from dlt_pipeline.jobs.known import archive_spans, edges_of, ledger_of, reading, rest_spans
from dlt_pipeline.jobs.plan_ranges import Span, State, Stretch, cut, timeframe_seconds, uncovered
from dlt_pipeline.jobs.price import Costs, Estimate, calls_of, days_between, iso, price_trades
from dlt_pipeline.jobs.settings import load_job_settings
from dlt_pipeline.kraken.arrow import utc
from dlt_pipeline.kraken.ledger import Range, missing
from dlt_pipeline.kraken.session import Request, Session, Window, make_window
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_TIMEFRAMES, load_settings
from dlt_pipeline.kraken.source import exchange_kind
from dlt_pipeline.warehouse import check_usable, warehouse_path

Way = Literal["rest", "trades", "zip"]


@dataclass(frozen=True)
class PlanRange:
    """[start_ns, end_ns) (ns, UTC) and what covers it; where it is missing, the cheapest `way`, its price, a command.

    `price` is what loading the trades takes, None where nobody was asked. `calls` are those of the way; None for a
    download. `command` fills the range: by the OHLC endpoint where the way is `rest`, else by trades.
    """

    start_ns: int
    end_ns: int
    state: State
    way: Way | None = None
    calls: int | None = None
    price: Estimate | None = None
    command: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the fields for machines: times as ISO 8601 UTC."""
        fields = asdict(self)
        bounds = {"start": iso(fields.pop("start_ns")), "end": iso(fields.pop("end_ns"))}
        return bounds | fields | {"price": self.price.as_json() if self.price else None}


@dataclass(frozen=True)
class Plan:
    """The ranges of [start_ns, end_ns) in order, without overlap and without anything left out."""

    symbol: str
    timeframe: str
    start_ns: int
    end_ns: int
    ranges: tuple[PlanRange, ...]


@dataclass(frozen=True)
class _Known:
    ledger: list[Range]
    trades: list[Span]
    archive: list[Span]
    rest: list[Span]


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
    check_usable(path, exchange_kind(session.settings.base_url))
    if offline:
        session.now_ns = time.time_ns()
        session.check_past(window)
    else:
        session.open(Request({symbol: (window,)}, ()))
    start_ns, end_ns = _bounds(window, seconds, session.now_ns)
    with reading(path) as connection:
        ledger = ledger_of(connection, [symbol], utc(time.time()))[symbol]
        lacking = [(one.cursor.covered_to_ns, one.end_ns or end_ns) for one in missing(ledger, start_ns, end_ns)]
        known = _Known(
            ledger,
            uncovered(start_ns, end_ns, lacking),
            archive_spans(connection, symbol),
            rest_spans(connection, symbol, timeframe),
        )
        reach = rest_reach(seconds, session.now_ns) if timeframe in REST_TIMEFRAMES else None
        stretches = _stretches(start_ns, end_ns, known, reach, session.now_ns)
        bounds = {bound for one in stretches if one.state == "missing" for bound in (one.start_ns, one.end_ns)}
        edges = edges_of(connection, symbol, ledger, bounds)
    costs = Costs(session.settings, load_job_settings())
    counter = Counter(session, symbol, costs.jobs.sample_pages, edges)
    planner = _Planner(symbol, timeframe, known, reach, session.now_ns, costs, None if offline else counter)
    return Plan(symbol, timeframe, start_ns, end_ns, tuple(planner.ranges(stretches)))


def _bounds(window: Window, seconds: int, now_ns: int) -> tuple[int, int]:
    """Return the window up to now; the running candle is left out unless the user asked for a part of it."""
    if window.end_ns is not None and window.end_ns <= now_ns:
        return window.start_ns, window.end_ns
    running_ns = now_ns // (seconds * NS_PER_SECOND) * seconds * NS_PER_SECOND
    return window.start_ns, running_ns if running_ns > window.start_ns else now_ns


def _stretches(start_ns: int, end_ns: int, known: _Known, reach: Span | None, now_ns: int) -> list[Stretch]:
    """Cut the time by what covers it, and what is missing by how far archives and the OHLC endpoint reach."""
    covered: list[tuple[State, list[Span]]] = [
        ("trades", known.trades),
        ("archive", known.archive),
        ("rest", known.rest),
    ]
    return cut(start_ns, end_ns, covered, {archive_end(now_ns), *(reach or ())})


@dataclass(frozen=True)
class _Planner:
    """Finds the way, the price and the command of each stretch that is missing."""

    symbol: str
    timeframe: str
    known: _Known
    reach: Span | None
    now_ns: int
    costs: Costs
    counter: Counter | None

    def ranges(self, stretches: list[Stretch]) -> list[PlanRange]:
        """Return the stretches as ranges of the plan; neighbours that are filled in the same way become one."""
        found: list[PlanRange] = []
        for one in stretches:
            made = self._range(one)
            previous = found[-1] if found else None
            if previous and made.way is not None and previous.way == made.way:
                found[-1] = self._range(Stretch(previous.start_ns, made.end_ns, "missing"))
            else:
                found.append(made)
        return found

    def _range(self, one: Stretch) -> PlanRange:
        return self._missing(one) if one.state == "missing" else PlanRange(one.start_ns, one.end_ns, one.state)

    def _missing(self, one: Stretch) -> PlanRange:
        price = self._price(one)
        is_in_reach = self.reach is not None and self.reach[0] <= one.start_ns and one.end_ns <= self.reach[1]
        if is_in_reach:
            command, rest_calls = self._rest_command()
            if price is None or rest_calls < price.calls:
                return PlanRange(one.start_ns, one.end_ns, "missing", "rest", rest_calls, price, command)
        command = self._load_command(one.start_ns, one.end_ns, "none")
        is_zip = (
            price is not None and price.calls > self.costs.jobs.archive_calls and one.end_ns <= archive_end(self.now_ns)
        )
        calls = None if is_zip or price is None else price.calls
        return PlanRange(one.start_ns, one.end_ns, "missing", "zip" if is_zip else "trades", calls, price, command)

    def _price(self, one: Stretch) -> Estimate | None:
        if self.counter is None:
            return None
        before = self.counter.calls
        counted = self.counter.count(one.start_ns, one.end_ns)
        return price_trades(
            self.costs,
            self.symbol,
            (one.start_ns, one.end_ns),
            [counted.trades],
            days=days_between(one.start_ns, one.end_ns),
            ids=(counted.first_trade_id, counted.last_trade_id),
            is_approximate=counted.is_approximate,
            asked_calls=self.counter.calls - before,
        )

    def _rest_command(self) -> tuple[str, int]:
        """Return the smallest load, which fetches the OHLC answer beside it, and its calls.

        A load inside what is proven asks for no trades; where nothing is, the last whole minute costs a call or two.
        """
        minute_ns = 60 * NS_PER_SECOND
        for start, end in reversed(self.known.trades):
            last = end // minute_ns * minute_ns
            if last - minute_ns >= start:
                return self._load_command(last - minute_ns, last, self.timeframe), 1
        last = self.now_ns // minute_ns * minute_ns
        calls = calls_of(0, self.costs.kraken.page_size) + 1
        return self._load_command(last - minute_ns, last, self.timeframe), calls

    def _load_command(self, start_ns: int, end_ns: int, timeframes: str) -> str:
        """Return the load of just this time; bounds that no clock of microseconds shows are widened to one."""
        start = iso(start_ns - start_ns % 1_000).removesuffix("Z")
        end = iso(-(-end_ns // 1_000) * 1_000).removesuffix("Z")
        return f"kraken-candles load {self.symbol} --start {start} --end {end} --exact --timeframes {timeframes}"
