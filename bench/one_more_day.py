"""What one more day costs to build on 1, 10 and 100 days of history, beside a full refresh of all of it.

    python bench/one_more_day.py --days 1 10 100 --trades-per-day 100000

200 million trades are `--days 100 --trades-per-day 2000000`: some 3 GB of disk for the raw trades alone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from filled_warehouse import LEAST_TRADES, FilledWarehouse


@dataclass(frozen=True)
class Build:
    """A `kraken-candles build`: seconds of the whole command, of all models and of all tests, and of each model."""

    whole: float
    models: dict[str, float]
    tests: float


def build(warehouse: Path, *arguments: str) -> Build:
    """Run the command in the warehouse's folder; SystemExit with its output where it is not green."""
    command = [sys.executable, "-m", "dlt_pipeline", "build", *arguments]
    environment = {**os.environ, "KRAKEN_CANDLES_WAREHOUSE": str(warehouse), "DBT_WRITE_JSON": "true"}
    began = time.perf_counter()
    done = subprocess.run(command, cwd=warehouse.parent, env=environment, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    results = json.loads((warehouse.parent / "target" / "run_results.json").read_text())["results"]
    models = {result["unique_id"].split(".")[2]: result["execution_time"] for result in results if _is_model(result)}
    return Build(whole, models, sum(result["execution_time"] for result in results if not _is_model(result)))


def _is_model(result: dict[str, object]) -> bool:
    return str(result["unique_id"]).startswith("model.")


def measure(folder: Path, days: int, options: argparse.Namespace) -> dict[str, Build]:
    """Fill a warehouse, build it, then time: nothing new, one more day, a full refresh of the same rows."""
    warehouse = FilledWarehouse(folder / f"days_{days}.duckdb", options.symbols, options.trades_per_day)
    warehouse.add_days(days)
    build(warehouse.path)
    builds = {"nothing new": build(warehouse.path)}
    warehouse.add_days(1)
    builds["one more day"] = build(warehouse.path)
    builds["full refresh"] = build(warehouse.path, "--full-refresh")
    warehouse.path.unlink()
    return builds


def report(measured: dict[int, dict[str, Build]], trades_per_day: int) -> None:
    """Print the table: seconds, and as ratio to the first line's days of history."""
    first = next(iter(measured.values()))["one more day"]
    print(
        f"{'history':>9} {'trades':>12} {'one more day':>13} {'ratio':>6} {'models':>8} {'ratio':>6} {'tests':>8} ",
        end="",
    )
    print(f"{'nothing new':>12} {'full refresh':>13}")
    for days, builds in measured.items():
        one = builds["one more day"]
        models, first_models = sum(one.models.values()), sum(first.models.values())
        print(
            f"{days:>4} days {days * trades_per_day:>12,} {one.whole:>11.1f} s {one.whole / first.whole:>6.2f} ", end=""
        )
        print(f"{models:>6.2f} s {models / first_models:>6.2f} {one.tests:>6.2f} s ", end="")
        print(f"{builds['nothing new'].whole:>10.1f} s {builds['full refresh'].whole:>11.1f} s")
    print(f"\nseconds of one more day, by model{'':7}" + "".join(f"{days:>9} d" for days in measured))
    for name in sorted(
        first.models, key=lambda model: -max(b["one more day"].models[model] for b in measured.values())
    ):
        print(f"{name:40}" + "".join(f"{b['one more day'].models[name]:>11.2f}" for b in measured.values()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, nargs="+", default=[1, 10, 100], help="days of history, a line each")
    parser.add_argument("--trades-per-day", type=int, default=100_000, help="of all symbols together")
    parser.add_argument("--symbols", type=int, default=4)
    chosen = parser.parse_args()
    if chosen.trades_per_day < LEAST_TRADES * chosen.symbols:
        parser.error(f"at least {LEAST_TRADES} trades a day are needed for each symbol")
    with tempfile.TemporaryDirectory() as place:
        report({days: measure(Path(place), days, chosen) for days in chosen.days}, chosen.trades_per_day)
