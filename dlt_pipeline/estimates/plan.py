"""Which time is covered and by what, what is missing, and the cheapest way to fill it."""

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from dlt_pipeline.common.time import NS_PER_DAY, Span, When, show_ns, timeframe_seconds, without
from dlt_pipeline.estimates.estimate import Counter, edges_of
from dlt_pipeline.estimates.price import Costs, Estimate, calls_of, days_between, iso, load_job_settings, price_trades
from dlt_pipeline.kraken.ledger import missing
from dlt_pipeline.kraken.ledger_store import LedgerStore
from dlt_pipeline.kraken.request import Request, Window, make_window
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_CANDLES, REST_TIMEFRAMES, exchange_kind, load_settings
from dlt_pipeline.warehouse.database import check_usable, warehouse_path

State = Literal["trades", "archive", "rest", "missing"]
# As Kraken offers them in 2026.
ARCHIVE_SIZES: Final = "some 5 GB a quarter zipped, the whole history 47 GB unzipped"
Way = Literal["rest", "trades", "zip"]


@dataclass(frozen=True)
class PlannedSpan:
    """[start_ns, end_ns) is covered by `state`, the best there is of it, or missing."""

    start_ns: int
    end_ns: int
    state: State


def cut(
    start_ns: int, end_ns: int, covered: Sequence[tuple[State, Iterable[Span]]], borders: Iterable[int]
) -> list[PlannedSpan]:
    """Cut [start_ns, end_ns) into stretches that follow each other without overlap and leave nothing out.

    `covered` names the spans of each state, the best first: where two overlap, the better one counts. What no span
    holds is missing, and cut at each of the `borders` too.
    """
    spans = [(state, list(each)) for state, each in covered]
    inner = {time for _, each in spans for span in each for time in span if start_ns < time < end_ns}
    split = {time for time in borders if start_ns < time < end_ns}
    points = [start_ns, *sorted(inner | split), end_ns]
    cursors = dict.fromkeys(range(len(spans)), 0)
    found: list[PlannedSpan] = []
    for left, right in pairwise(points):
        state = _state(left, spans, cursors)
        previous = found[-1] if found else None
        if previous and previous.state == state and not (state == "missing" and left in split):
            found[-1] = PlannedSpan(previous.start_ns, right, state)
        elif right > left:
            found.append(PlannedSpan(left, right, state))
    return found


def _state(time_ns: int, spans: Sequence[tuple[State, Sequence[Span]]], cursors: dict[int, int]) -> State:
    """Return the best state of the moment; the cursors only ever move on, as the moments do."""
    best: State = "missing"
    for number, (state, each) in enumerate(spans):
        while cursors[number] < len(each) and each[cursors[number]][1] <= time_ns:
            cursors[number] += 1
        is_inside = cursors[number] < len(each) and each[cursors[number]][0] <= time_ns
        if is_inside and best == "missing":
            best = state
    return best


def rest_reach(seconds: int, now_ns: int) -> tuple[int, int]:
    """Return the time for which the OHLC endpoint has committed candles of so many seconds: [start, end)."""
    size_ns = seconds * NS_PER_SECOND
    open_ns = now_ns // size_ns * size_ns
    return max(0, open_ns - (REST_CANDLES - 1) * size_ns), open_ns


def rest_timeframes(start_ns: int, end_ns: int, now_ns: int) -> list[str]:
    """Return Kraken's timeframes whose candles reach back over all of [start, end), at least one of them whole."""
    return [
        name
        for name, seconds in REST_TIMEFRAMES.items()
        if rest_reach(seconds, now_ns)[0] <= start_ns and end_ns - start_ns >= seconds * NS_PER_SECOND
    ]


def archive_end(now_ns: int) -> int:
    """Return how far Kraken's ZIP downloads reach: it publishes a file for each quarter after the quarter's end."""
    now = datetime.fromtimestamp(now_ns // NS_PER_SECOND, tz=timezone.utc)
    quarter = datetime(now.year, (now.month - 1) // 3 * 3 + 1, 1, tzinfo=timezone.utc)
    return int(quarter.timestamp()) * NS_PER_SECOND


@dataclass(frozen=True)
class PlanRange:
    """[start_ns, end_ns) (ns, UTC) and what covers it; where it is missing, the cheapest `way`, its price, a command.

    `price` is what loading the trades takes, None where nobody was asked. `calls` are those of the way; None for a
    download. `command` fills the range: by the OHLC endpoint where the way is `rest`; by an import of
    downloads and a load of what they lack where it is `zip`; else by trades.
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
class Planner:
    """Finds the way, the price and the command of each stretch that is missing.

    `trades` are the spans proven loaded, `reach` the time that the OHLC endpoint has candles of (None: never any);
    without a `counter` nobody is asked for prices.
    """

    symbol: str
    timeframe: str
    trades: list[Span]
    reach: Span | None
    now_ns: int
    costs: Costs
    counter: Counter | None

    def ranges(self, stretches: list[PlannedSpan]) -> list[PlanRange]:
        """Return the stretches as ranges of the plan; neighbours that are filled in the same way become one."""
        found: list[PlanRange] = []
        for one in stretches:
            made = self._range(one)
            previous = found[-1] if found else None
            if previous and made.way is not None and previous.way == made.way:
                found[-1] = self._range(PlannedSpan(previous.start_ns, made.end_ns, "missing"))
            else:
                found.append(made)
        return found

    def _range(self, one: PlannedSpan) -> PlanRange:
        return self._missing(one) if one.state == "missing" else PlanRange(one.start_ns, one.end_ns, one.state)

    def _missing(self, one: PlannedSpan) -> PlanRange:
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
        if is_zip:
            command = f"{self._import_command(one.start_ns, one.end_ns)} && {command}"
        calls = None if is_zip or price is None else price.calls
        return PlanRange(one.start_ns, one.end_ns, "missing", "zip" if is_zip else "trades", calls, price, command)

    def _price(self, one: PlannedSpan) -> Estimate | None:
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
        for start, end in reversed(self.trades):
            last = end // minute_ns * minute_ns
            if last - minute_ns >= start:
                return self._load_command(last - minute_ns, last, self.timeframe), 1
        last = self.now_ns // minute_ns * minute_ns
        calls = calls_of(0, self.costs.kraken.page_size) + 1
        return self._load_command(last - minute_ns, last, self.timeframe), calls

    def _import_command(self, start_ns: int, end_ns: int) -> str:
        """Return the import that fills the time from downloads; a load behind it asks for what these lack."""
        start, end = show_ns(start_ns)[:10], show_ns(end_ns - 1 + NS_PER_DAY)[:10]
        return f"kraken-candles import PATH --symbols {self.symbol} --start {start} --end {end}"

    def _load_command(self, start_ns: int, end_ns: int, timeframes: str) -> str:
        """Return the load of just this time; bounds that no clock of microseconds shows are widened to one."""
        start = iso(start_ns - start_ns % 1_000).removesuffix("Z")
        end = iso(-(-end_ns // 1_000) * 1_000).removesuffix("Z")
        return f"kraken-candles load {self.symbol} --start {start} --end {end} --exact --timeframes {timeframes}"


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
    prices, this machine's clock, and a warehouse of either kind of exchange. Raises KrakenCandlesError for bad input,
    no network, a locked warehouse.
    """
    seconds = timeframe_seconds(timeframe)
    window = make_window(start, end, exact)
    path = warehouse_path(warehouse)
    with closing(Session(load_settings(), stop)) as session:
        check_usable(path, None if offline else exchange_kind(session.settings.base_url), read_only=True)
        if offline:
            session.now_ns = time.time_ns()
            session.check_past(window)
        else:
            (symbol,) = session.open(Request({symbol: (window,)}, ())).request.symbols
        start_ns, end_ns = _bounds(window, seconds, session.now_ns)
        with LedgerStore.of_file(path) as store:
            ledger = store.ledger([symbol])[symbol]
            lacking = [(one.cursor.covered_to_ns, one.end_ns or end_ns) for one in missing(ledger, start_ns, end_ns)]
            trades = without((start_ns, end_ns), lacking)
            covered: list[tuple[State, list[Span]]] = [
                ("trades", trades),
                ("archive", store.archived_spans().get(symbol, [])),
                ("rest", store.rest_spans(symbol, timeframe)),
            ]
            reach = rest_reach(seconds, session.now_ns) if timeframe in REST_TIMEFRAMES else None
            # What is missing is cut where another way begins to reach.
            stretches = cut(start_ns, end_ns, covered, {archive_end(session.now_ns), *(reach or ())})
            bounds = {bound for one in stretches if one.state == "missing" for bound in (one.start_ns, one.end_ns)}
            edges = edges_of(store, symbol, ledger, bounds)
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
