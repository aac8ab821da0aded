"""What one more day costs to load and to build on 1, 10 and 95 days of history, beside a full refresh of all of it.

    python bench/one_more_day.py [--days 1 10 95] [--trades-per-day 2000000] [--symbols 20] [--rounds 5]

The whole commands each time: the load, with all of Kraken's candles, from an exchange without a pace that has the other
core; the build with models, tests, publishing. What was asked for is all of the history, so that a load finds by itself
where to go on. Days are not alike, for weeks end on some and DuckDB tidies up its files on others, so a figure is the
median of some days in succession. The full refresh of the longest history is held to 2 GiB of memory. 200 million
trades take some 5 GB of disk, twice with what is built of them.
"""

import argparse
import os
import shutil
import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path

from apart import exchange_apart
from filled_warehouse import FIRST_DAY, LEAST_TRADES, FilledFeed, FilledWarehouse
from ratios import Figure, Run, command, median, mib, print_figures, run_process, told_seconds

_HELD_TO = "2GiB"
_SINCE_MIDNIGHT = timedelta(seconds=30)


def build(warehouse: Path, *arguments: str, memory: str = "") -> Run:
    """Run `kraken-candles build` in the warehouse's folder, watching what DuckDB spills; SystemExit if it is red."""
    os.sync()  # what was filled in before, some GB, is on the disk, so that the build waits for nothing but its own
    return run_process(
        command("build", *arguments),
        cwd=warehouse.parent,
        watched=warehouse.with_name(f"{warehouse.name}.tmp"),
        KRAKEN_CANDLES_WAREHOUSE=str(warehouse),
        KRAKEN_CANDLES_MEMORY=memory,
    )


def load_day(warehouse: FilledWarehouse) -> Run:
    """Run `kraken-candles load` for the day after the warehouse's last one; SystemExit if it fails."""
    end, place = warehouse.draw_day(), warehouse.path.parent
    os.sync()
    with exchange_apart(partial(FilledFeed, warehouse.path, end + _SINCE_MIDNIGHT)) as base_url:
        return run_process(
            command("load", *warehouse.symbols, "--start", FIRST_DAY, "--end", end.date(), "--yes"),
            cwd=place,
            KRAKEN_CANDLES_WAREHOUSE=str(warehouse.path),
            SOURCES__KRAKEN__BASE_URL=base_url,
            SOURCES__KRAKEN__SECONDS_PER_CALL="0",
            DLT_DATA_DIR=str(place / "dlt"),
        )


def measure(folder: Path, days: list[int], trades_per_day: int, symbols: int = 20, rounds: int = 5) -> list[Figure]:
    """Grow one warehouse; from each number of days of history on build day after day, at the last one refresh all."""
    place = folder / "one_more_day"
    place.mkdir()
    warehouse = FilledWarehouse(place / "warehouse.duckdb", symbols, trades_per_day)
    loads: dict[str, Run] = {}
    builds: dict[str, Run] = {}
    for history in days:
        warehouse.add_days(history - warehouse.days)
        build(warehouse.path)
        loaded, built = [], []
        for _ in range(rounds):
            loaded.append(load_day(warehouse))
            built.append(build(warehouse.path))
            took = f"load {told_seconds(loaded[-1].seconds)}, build {told_seconds(built[-1].seconds)}"
            print(f"one more day after {warehouse.days - 1:,}: {took}", flush=True)
        name = f"{history} to {warehouse.days - 1} days" if rounds > 1 else f"{history} days"
        loads[name], builds[name] = median(loaded), median(built)
    trades = warehouse.days * trades_per_day
    held = build(warehouse.path, "--full-refresh", memory=_HELD_TO)
    free = build(warehouse.path, "--full-refresh")
    size = warehouse.path.stat().st_size
    shutil.rmtree(place)
    begun, *_, ended = builds
    of_all = f"full refresh of {trades / 10**6:,.0f} M trades, {warehouse.days} days of {symbols} symbols"
    of_held = f"{of_all}, DuckDB held to {_HELD_TO}"

    def whole(history: str) -> float:
        return loads[history].seconds + builds[history].seconds

    def over(after: float, before: float) -> tuple[float, str]:
        return after / before, f"{told_seconds(after)} and {told_seconds(before)}"

    grown, of_whole = over(whole(ended), whole(begun))
    built_grown, of_build = over(builds[ended].seconds, builds[begun].seconds)
    refreshed, of_refresh = over(free.seconds, builds[ended].seconds)
    return [
        Figure(f"one more day after {ended} over after {begun}", grown, "at most 1.3", detail=of_whole),
        Figure(f"one more day after {ended} over after {begun}: the build", built_grown, detail=of_build),
        *(
            Figure(
                f"one more day after {history}: CPU of the {what}", run.cpu, unit="s", detail=told_seconds(run.seconds)
            )
            for what, runs in (("load", loads), ("build", builds))
            for history, run in runs.items()
        ),
        Figure(f"{of_all}, over one more day's build", refreshed, "at least 50", detail=of_refresh),
        mib(f"{of_all}: peak memory", free.peak),
        mib(f"{of_held}: peak memory", held.peak, told_seconds(held.seconds)),
        mib(f"{of_held}: spilled at the peak", held.spilled),
        mib(f"{of_all}: the warehouse, built", size),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, nargs="+", default=[1, 10, 95], help="days of history, a line each")
    parser.add_argument("--trades-per-day", type=int, default=2_000_000, help="of all symbols together")
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5, help="days in succession, from each of these on")
    chosen = parser.parse_args()
    if chosen.trades_per_day < LEAST_TRADES * chosen.symbols:
        parser.error(f"at least {LEAST_TRADES} trades a day are needed for each symbol")
    with tempfile.TemporaryDirectory() as place:
        print_figures(measure(Path(place), sorted(chosen.days), chosen.trades_per_day, chosen.symbols, chosen.rounds))
