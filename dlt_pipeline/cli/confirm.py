"""The price of a load as people read it, and the question before a costly one."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import typer

from dlt_pipeline.cli.console import Console, Rows, duration, size
from dlt_pipeline.common.exceptions import BadInputError, ExchangeError, LoadStoppedError
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.estimates.estimate import price_of
from dlt_pipeline.estimates.plan import ARCHIVE_SIZES, archive_end, rest_timeframes
from dlt_pipeline.estimates.price import Costs, Estimate, Total, load_job_settings, total_of, until
from dlt_pipeline.kraken.ledger_store import place_of
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import KrakenSettings, load_settings
from dlt_pipeline.warehouse.errors import MEMORY_NAME
from dlt_pipeline.warehouse.pipeline import Place


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
