"""What a build on a Spark cluster takes, by one worker and by two, and of one more day; each worker has one core.

    .venv-spark/bin/python bench/spark_cluster.py [--trades-per-day 1000000] [--days 10] [--symbols 20]

A lake of invented trades, a master and workers on loopback addresses of their own (as the tests have), the whole
`kraken-candles build --target spark` each time. Some five seconds a node whatever the trades: make them many.
"""

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from filled_warehouse import LEAST_TRADES, FilledWarehouse
from ratios import Figure, Run, command, print_figures, run_process, told_seconds

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.spark.cluster import running
from tests.spark.tape import write_table

_ONE, _TWO = ("127.0.0.2",), ("127.0.0.2", "127.0.0.3")
_API = "http://127.0.0.1:4040/api/v1/applications"
_MIB = 2**20


def write_lake(warehouse: Path, lake: Path, day: int = -1) -> None:
    """Write the raw tables, or what load number `day` brought, as a load into the lake would have left them."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = "select table_name from duckdb_tables() where schema_name = 'kraken_raw'"
        for (name,) in connection.execute(tables).fetchall():
            rows = f"from kraken_raw.{name}"
            if day >= 0:
                newest = "select load_id from kraken_raw._dlt_loads order by load_id desc limit 1"
                rows += f" where {'load_id' if name == '_dlt_loads' else '_dlt_load_id'} = ({newest})"
            write_table(connection, lake, name, rows, f"load{day}")


@dataclass
class Watched(threading.Thread):
    """What Spark's REST API last said of a build: tasks by machine, bytes shuffled."""

    tasks: Counter[str] = field(default_factory=Counter)
    shuffled: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Make the thread."""
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Ask every other second."""
        while not self.ended.wait(2):
            with suppress(OSError, ValueError, IndexError):
                (application, *_) = _asked(_API)
                executors = _asked(f"{_API}/{application['id']}/allexecutors")
                self.shuffled = sum(each["totalShuffleWrite"] for each in executors)
                self.tasks = Counter()
                for each in executors:
                    self.tasks[each["hostPort"].partition(":")[0]] += each["completedTasks"]


def _asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def build(folder: Path, workers: tuple[str, ...], catalog: Path) -> tuple[Run, Watched]:
    """Build the lake of the folder on a cluster of these workers, into a catalog; SystemExit if it is red."""
    place = folder / f"cluster{time.monotonic_ns()}"
    with running(place, workers) as cluster:
        watched = Watched()
        watched.start()
        run = run_process(
            command("build", "--target", "spark"),
            cwd=folder,
            KRAKEN_CANDLES_LAKE=str(folder / "lake"),
            KRAKEN_CANDLES_SPARK_MASTER=cluster.master,
            KRAKEN_CANDLES_SPARK_WAREHOUSE=str(catalog),
            KRAKEN_CANDLES_SPARK_UI="true",
        )
        watched.ended.set()
        watched.join()
    shutil.rmtree(place)
    return run, watched


def files_of(catalog: Path) -> dict[Path, int]:
    """Return the data files of all tables, with the time of their last change."""
    return {path: path.stat().st_mtime_ns for path in catalog.rglob("*.parquet")}


def measure(folder: Path, trades_per_day: int, days: int, symbols: int) -> list[Figure]:
    """Build all of it on two workers, then one day more, then all of it on one."""
    warehouse = FilledWarehouse(folder / "warehouse.duckdb", symbols, trades_per_day)
    warehouse.add_days(days)
    write_lake(warehouse.path, folder / "lake")
    both, seen = build(folder, _TWO, folder / "two")
    print(f"two workers: {told_seconds(both.seconds)} {dict(seen.tasks)}", flush=True)
    before = files_of(folder / "two")
    warehouse.add_days(1)
    write_lake(warehouse.path, folder / "lake", days)
    more, seen_more = build(folder, _TWO, folder / "two")
    print(f"one more day: {told_seconds(more.seconds)}", flush=True)
    after = files_of(folder / "two")
    new = [path for path, changed in after.items() if before.get(path) != changed]
    alone, seen_alone = build(folder, _ONE, folder / "one")
    trades = days * trades_per_day
    what = f"{trades / 10**6:,.0f} M trades of {symbols} symbols"
    told = ", ".join(f"{address}: {count:,} tasks" for address, count in sorted(seen.tasks.items()))
    detail = f"{told_seconds(alone.seconds)} of {trades + trades_per_day:,} trades and {told_seconds(both.seconds)}"
    return [
        Figure(f"{what}, two workers: trades a second", trades / both.seconds, unit="1/s", detail=told),
        Figure(f"{what}, two workers: shuffled", seen.shuffled / _MIB, unit="MiB"),
        Figure(f"{what}: one worker over two", alone.seconds / both.seconds, detail=detail),
        Figure(f"{what}, one worker: tasks", float(sum(seen_alone.tasks.values())), unit=""),
        Figure(f"one more day after {days}: of all", more.seconds / both.seconds, detail=told_seconds(more.seconds)),
        Figure(f"one more day after {days}: shuffled", seen_more.shuffled / _MIB, unit="MiB"),
        Figure(f"one more day after {days}: files written", float(len(new)), unit="", detail=f"{len(after):,} in all"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trades-per-day", type=int, default=1_000_000, help="of all symbols together")
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--symbols", type=int, default=20)
    chosen = parser.parse_args()
    if chosen.trades_per_day < LEAST_TRADES * chosen.symbols:
        parser.error(f"at least {LEAST_TRADES} trades a day are needed for each symbol")
    with tempfile.TemporaryDirectory() as place:
        print_figures(measure(Path(place), chosen.trades_per_day, chosen.days, chosen.symbols))
