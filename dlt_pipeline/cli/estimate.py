"""What `estimate` and `plan` do and say."""

import threading
from collections.abc import Sequence

from dlt_pipeline.cli.confirm import count, price_table, remarks
from dlt_pipeline.cli.console import Console, Rows, duration, print_json, tell_next, typed
from dlt_pipeline.cli.load import timeframes_of
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.estimates.estimate import estimate
from dlt_pipeline.estimates.plan import ARCHIVE_SIZES, Plan, PlanRange, plan
from dlt_pipeline.estimates.price import Costs, load_job_settings
from dlt_pipeline.kraken.settings import load_settings

_STATES = {"trades": "proven trades", "archive": "archive", "rest": "Kraken's candles", "missing": "MISSING"}


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
