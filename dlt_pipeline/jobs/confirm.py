"""A costly load is shown and asked about before anything of it begins."""

import time
from collections.abc import Callable, Sequence

import typer

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.console import Console
from dlt_pipeline.estimate.plan_ways import ARCHIVE_SIZES, archive_end, rest_timeframes
from dlt_pipeline.estimate.price import Costs, Estimate, total_of, until
from dlt_pipeline.estimate.settings import load_job_settings
from dlt_pipeline.jobs.show import duration, price_table, remarks, size
from dlt_pipeline.kraken.settings import load_settings


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
    ask: Callable[[str], bool] = typer.confirm,
) -> bool:
    """Tell whether a load may begin: at once if it costs little or `yes` was said, else as `ask` answers.

    A costly one is shown first, with cheaper ways where there are any as of `now_ns` (the exchange's time, ns; by
    default this machine's). Raises BadInputError where nobody can be asked.
    """
    costs = Costs(load_settings(), load_job_settings())
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
