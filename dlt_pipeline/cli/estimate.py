"""What `estimate` and `plan` say, the price of a load as people read it, and the question before a costly one."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import typer

from dlt_pipeline.cli.console import Console, Rows, duration, print_json, size, tell_next, typed
from dlt_pipeline.common.exceptions import BadInputError, ExchangeError, LoadStoppedError
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.estimates.estimate import estimate, price_of
from dlt_pipeline.estimates.plan import ARCHIVE_SIZES, Plan, PlanRange, archive_end, plan, rest_timeframes
from dlt_pipeline.estimates.price import Costs, Estimate, Total, load_job_settings, total_of, until
from dlt_pipeline.kraken.ledger_store import place_of
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, KrakenSettings, load_settings
from dlt_pipeline.warehouse.errors import MEMORY_NAME
from dlt_pipeline.warehouse.pipeline import Place

_STATES = {"trades": "proven trades", "archive": "archive", "rest": "Kraken's candles", "missing": "MISSING"}


def timeframes_of(text: str | None) -> tuple[str, ...]:
    """Return Kraken's timeframes of an option: all where it was not given, none for `none`."""
    if text is None:
        return tuple(REST_TIMEFRAMES)
    return tuple(name.strip() for name in text.split(",")) if text != "none" else ()


def run_estimate(
    console: Console,
    stop: threading.Event,
    symbols: Sequence[str],
    start: str,
    end: str | None,
    exact: bool,
    timeframes: str | None,
    as_json: bool,
) -> int:
    """Print the price of a load as a table or as JSON, and return the exit code."""
    wanted = timeframes_of(timeframes)
    estimates = beside_main(
        lambda: estimate(symbols, start, end, exact=exact, timeframes=wanted, stop=stop), stop, lambda: None
    )
    if as_json:
        print_json(one.as_json() for one in estimates)
        return 0
    costs = Costs(load_settings(), load_job_settings())
    console.print(price_table(estimates, costs))
    console.print("\n".join(remarks(estimates, costs)), markup=False)
    tell_next(console, typed("load") if any(one.calls for one in estimates) else "list")
    return 0


def run_plan(
    console: Console,
    stop: threading.Event,
    symbol: str,
    timeframe: str,
    start: str,
    end: str | None,
    exact: bool,
    offline: bool,
    as_json: bool,
) -> int:
    """Print the plan of a symbol as a table or as JSON, and return the exit code."""
    made = beside_main(
        lambda: plan(symbol, timeframe, start, end, exact=exact, offline=offline, stop=stop), stop, lambda: None
    )
    if as_json:
        print_json(one.as_json() for one in made.ranges)
        return 0
    console.print(plan_table(made))
    for line in _plan_lines(made, offline):
        console.print(line, markup=False)
    if not any(one.command for one in made.ranges):
        tell_next(console, typed(without="--offline") if any(one.state == "missing" for one in made.ranges) else "list")
    return 0


def plan_table(made: Plan) -> Rows:
    """Return a row a range: what covers it, or the cheapest way to fill it."""
    numbers = ("trades", "calls", "time")
    names = ("from", "to (UTC)", f"{made.symbol} {made.timeframe}")
    is_whole = not any(one.way for one in made.ranges)
    table = Rows(*names) if is_whole else Rows(*names, "cheapest", *numbers, numbers=numbers)
    for one in made.ranges:
        bounds = (show_ns(each).removesuffix(":00") for each in (one.start_ns, one.end_ns))
        table.add(*bounds, _STATES[one.state], *(() if is_whole else _way(one)))
    return table


def _way(one: PlanRange) -> list[str]:
    if one.way is None:
        return [""] * 4
    name = {"rest": "OHLC endpoint", "trades": "trades", "zip": "Kraken's ZIP"}[one.way]
    if one.price is None or one.way == "rest":
        trades, calls = "", "" if one.calls is None else f"{one.calls:,}"
        return [name, trades, calls, _seconds(one)]
    return [
        name,
        count(one.price.trades, one.price.is_approximate),
        f"{one.price.calls:,}",
        duration(one.price.seconds),
    ]


def _seconds(one: PlanRange) -> str:
    if one.price is None or one.calls is None or not one.price.calls:
        return ""
    return duration(one.price.seconds / one.price.calls * one.calls)


def _plan_lines(made: Plan, offline: bool) -> list[str]:
    lacking = [one for one in made.ranges if one.state == "missing"]
    if not lacking:
        return ["Nothing is missing."]
    found = []
    if offline:
        found.append("Without the exchange nobody knows the price; leave out --offline for it.")
    if any(one.way == "rest" for one in lacking):
        found.append(
            "OHLC endpoint: Kraken's own candles, not proven by trades; it serves the newest 720 of a timeframe, which "
            "come with any load."
        )
    if any(one.way == "zip" for one in lacking):
        found.append(
            f"Kraken's ZIP: its downloads of time and sales ({ARCHIVE_SIZES}) hold this time, and take less than so "
            "many calls. PATH is where they lie; the load behind the import asks for the days that they do not hold."
        )
    found += ["", "What fills it:" if len(lacking) > 1 else "To fill it:"]
    return found + [f"  {command}" for command in dict.fromkeys(one.command for one in lacking) if command]


def count(trades: int, is_approximate: bool) -> str:
    """Return a number of trades, marked where it is only about right."""
    return f"about {trades:,}" if is_approximate else f"{trades:,}"


def price_table(estimates: Sequence[Estimate], costs: Costs) -> Rows:
    """Return a row a symbol and a total; loads run side by side, so the slowest symbol is the total's time."""
    numbers = ("trades", "calls", "load", "warehouse", "published", "build")
    table = Rows("symbol", *numbers, numbers=numbers)
    for one in estimates:
        table.add(one.symbol, *_cells(one))
    table.add("total", *_cells(total_of(estimates, costs.jobs)), is_total=len(estimates) != 1)
    return table


def _cells(one: Estimate | Total) -> list[str]:
    return [
        count(one.trades, one.is_approximate),
        f"{one.calls:,}",
        duration(one.seconds),
        size(one.duckdb_bytes),
        size(one.parquet_bytes),
        duration(one.build_seconds),
    ]


def remarks(estimates: Sequence[Estimate], costs: Costs) -> list[str]:
    """Return what must be said beside the table, and how the figures came about."""
    found = []
    vague = [one.symbol for one in estimates if one.is_approximate]
    if vague:
        found.append(
            f"{', '.join(vague)}: Kraken gives no trade ids for a part of this time, so the number of trades is "
            "approximate: counted on a few pages spread over it, and by the density of time between them."
        )
    asked = sum(one.asked_calls for one in estimates)
    found.append(
        f"At {costs.seconds_per_call:.3g} s a call and pair, pairs side by side; the build is one core's work and "
        f"{size(total_of(estimates, costs.jobs).build_memory_bytes)} of memory, or what {MEMORY_NAME} leaves it. "
        f"Asking for this took {asked} call{'' if asked == 1 else 's'}."
    )
    return found


def is_costly(estimates: Sequence[Estimate], costs: Costs) -> bool:
    """Tell whether a load of all of them together passes the limits of calls or bytes in the settings."""
    total = total_of(estimates, costs.jobs)
    return total.calls > costs.jobs.warn_calls or total.bytes > costs.jobs.warn_bytes


def confirm(
    console: Console,
    estimates: Sequence[Estimate],
    yes: bool,
    is_terminal: bool,
    *,
    now_ns: int | None = None,
    settings: KrakenSettings | None = None,
    ask: Callable[[str], bool] = typer.confirm,
) -> bool:
    """Tell whether a load may begin: at once if it costs little or `yes` was said, else as `ask` answers.

    A costly one is shown first, with cheaper ways where there are any as of `now_ns` (the exchange's time, ns; by
    default this machine's); `settings` are the load's, by default as configured. Raises BadInputError where nobody can
    be asked.
    """
    costs = Costs(settings or load_settings(), load_job_settings())
    if not is_costly(estimates, costs):
        return True
    console.print(price_table(estimates, costs))
    for line in [*remarks(estimates, costs), *cheaper_ways(estimates, now_ns or time.time_ns())]:
        console.print(line, markup=False)
    if yes:
        return True
    total = total_of(estimates, costs.jobs)
    price = f"{total.calls:,} calls, {duration(total.seconds)} and {size(total.bytes)}"
    if not is_terminal:
        raise BadInputError(
            f"This load takes {price}, more than the {costs.jobs.warn_calls:,} calls or {size(costs.jobs.warn_bytes)} "
            "that go without asking, and there is no terminal to ask on: nothing was begun. Say --yes to load it."
        )
    return ask(f"Load it for {price}?")


def cheaper_ways(estimates: Sequence[Estimate], now_ns: int) -> list[str]:
    """Return a sentence for each way that costs fewer calls to candles of the time that the estimates span."""
    found = []
    start_ns = min((one.start_ns for one in estimates), default=now_ns)
    end_ns = max((until(one.end_ns, now_ns) for one in estimates), default=now_ns)
    timeframes = rest_timeframes(start_ns, end_ns, now_ns)
    if timeframes:
        found.append(
            f"Cheaper, if Kraken's own candles of {', '.join(timeframes)} will do: its OHLC endpoint still has all of "
            "this time, by one call a timeframe; `kraken-candles plan` says how."
        )
    archive_ns = archive_end(now_ns)
    if start_ns < archive_ns:
        reach = "all of this time" if end_ns <= archive_ns else f"this time up to {show_ns(archive_ns)[:10]}"
        found.append(
            f"Cheaper for much history: Kraken's ZIP downloads of time and sales hold {reach}, for all pairs at once "
            f"({ARCHIVE_SIZES}). `kraken-candles import` takes them in; a load then asks for the rest alone."
        )
    return found


def may_begin(console: Console, request: Request, session: Session, yes: bool, place: Place | None = None) -> bool:
    """Price what the request lacks in the warehouse, and ask if it costs much; False if the user does not want it.

    A warehouse in use is waited for, as by the load. Raises LoadStoppedError if the user stopped it, BadInputError
    where nobody can be asked, or what `price_of` does.
    """

    def leave_it_to_the_load(_symbol: str, _error: ExchangeError) -> None:
        """One symbol's failure is its own: the load will meet it too, and report it."""

    place = place or place_of()

    def price() -> list[Estimate]:
        return price_of(request, place, session, leave_it_to_the_load)

    estimates = beside_main(lambda: place.patiently(price, session.stop), session.stop, lambda: None)
    return may_begin_at(console, estimates, session, yes)


def may_begin_at(console: Console, estimates: Sequence[Estimate], session: Session, yes: bool) -> bool:
    """Ask if the prices are high, as `may_begin` does."""
    is_terminal = console.is_terminal and sys.stdin.isatty()
    ask = partial(_ask, is_on_stderr=console.stderr)
    return confirm(console, estimates, yes, is_terminal, now_ns=session.now_ns, settings=session.settings, ask=ask)


def _ask(question: str, is_on_stderr: bool) -> bool:
    with _ctrl_c_is_no():
        try:
            return typer.confirm(question, err=is_on_stderr)
        except (KeyboardInterrupt, typer.Abort, EOFError):
            raise LoadStoppedError("\nNothing was loaded.") from None


@contextmanager
def _ctrl_c_is_no() -> Iterator[None]:
    """Let Ctrl-C end the question, which the handlers of a running load would not do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
