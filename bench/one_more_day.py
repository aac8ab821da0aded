"""What one more day costs to build on 1, 10 and 95 days of history, beside a full refresh of all of it.

    python bench/one_more_day.py [--days 1 10 95] [--trades-per-day 2000000] [--symbols 20] [--rounds 5]

The whole command each time: models, tests, publishing. Days are not alike, for weeks end on some and DuckDB tidies up
its files on others, so a figure is the median of some days in succession. The full refresh of the longest history is
held to 2 GiB of memory. 200 million trades take some 5 GB of disk, twice with what is built of them.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from filled_warehouse import LEAST_TRADES, FilledWarehouse
from ratios import Figure, Run, command, median, mib, print_figures, run_process, told_seconds

_HELD_TO = "2GiB"


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


def measure(folder: Path, days: list[int], trades_per_day: int, symbols: int = 20, rounds: int = 5) -> list[Figure]:
    """Grow one warehouse; from each number of days of history on build day after day, at the last one refresh all."""
    place = folder / "one_more_day"
    place.mkdir()
    warehouse = FilledWarehouse(place / "warehouse.duckdb", symbols, trades_per_day)
    more: dict[str, Run] = {}
    for history in days:
        warehouse.add_days(history - warehouse.days)
        build(warehouse.path)
        runs = []
        for _ in range(rounds):
            warehouse.add_days(1)
            runs.append(build(warehouse.path))
            print(f"one more day after {warehouse.days - 1:,}: {told_seconds(runs[-1].seconds)}", flush=True)
        more[f"{history} to {warehouse.days - 1} days" if rounds > 1 else f"{history} days"] = median(runs)
    trades = warehouse.days * trades_per_day
    held = build(warehouse.path, "--full-refresh", memory=_HELD_TO)
    free = build(warehouse.path, "--full-refresh")
    size = warehouse.path.stat().st_size
    shutil.rmtree(place)
    (begun, first), *_, (ended, last) = more.items()
    flat = last.seconds / first.seconds
    told_free, told_last = told_seconds(free.seconds), told_seconds(last.seconds)
    of_all = f"full refresh of {trades / 10**6:,.0f} M trades, {warehouse.days} days of {symbols} symbols"
    both = f"{told_last} and {told_seconds(first.seconds)}"
    of_held = f"{of_all}, DuckDB held to {_HELD_TO}"
    return [
        Figure(f"one more day after {ended} over after {begun}", flat, "at most 1.3", detail=both),
        *(
            Figure(f"one more day after {history}: CPU", run.cpu, unit="s", detail=told_seconds(run.seconds))
            for history, run in more.items()
        ),
        Figure(
            f"{of_all}, over one more day",
            free.seconds / last.seconds,
            "at least 50",
            detail=f"{told_free} and {told_last}",
        ),
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
