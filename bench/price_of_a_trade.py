"""What a trade and a pair's day cost: bytes in the warehouse and in the published files, seconds to build.

    python bench/price_of_a_trade.py

Bytes: a local exchange is loaded and built, with hardly a trade a day and with many. Seconds: warehouses filled by SQL
are built, with many days and with many trades. The figures stand in `dlt_pipeline/estimates/settings.py`.
"""

import os
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
from filled_warehouse import FilledWarehouse
from one_more_day import build

from dlt_pipeline import load
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed

NOW = datetime(2026, 11, 8, tzinfo=timezone.utc)
DAYS = 60


@dataclass(frozen=True)
class Size:
    """Bytes in use after the load and after the build, and of the published files; `trades` were loaded."""

    trades: int
    loaded: int
    built: int
    published: int


def used(warehouse: Path) -> int:
    """Return the bytes of the file's blocks that hold data; the others wait for new rows."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        size, blocks = connection.execute("select block_size, used_blocks from pragma_database_size()").fetchone()
    return size * blocks


def measure_size(folder: Path, days: int, trades_a_day: int) -> Size:
    """Load so many days of one pair into a new warehouse, build and publish."""
    feed = SyntheticFeed(1, Clock(NOW), days=days, trades_per_day={"BTC/USD": trades_a_day}, burst=False)
    warehouse = folder / f"{days}_{trades_a_day}" / "warehouse.duckdb"
    warehouse.parent.mkdir()
    with LocalExchange(feed, Clock(NOW)) as exchange:
        os.environ.update(
            SOURCES__KRAKEN__BASE_URL=exchange.base_url,
            SOURCES__KRAKEN__SECONDS_PER_CALL="0",
            RUNTIME__DLTHUB_TELEMETRY="false",
            DLT_DATA_DIR=str(warehouse.parent / "dlt"),
        )
        report = load(["BTC/USD"], NOW - timedelta(days=days), NOW, warehouse=warehouse)
    loaded = used(warehouse)
    build(warehouse)
    files = (warehouse.parent / "exports" / "candles").rglob("*.parquet")
    return Size(report.trades["BTC/USD"], loaded, used(warehouse), sum(path.stat().st_size for path in files))


def measure_build(folder: Path, days: int, trades_a_day: int) -> tuple[float, float]:
    """Return seconds of CPU and by the clock of a first build of so many days of one pair."""
    place = folder / f"build_{days}_{trades_a_day}"
    place.mkdir()
    warehouse = FilledWarehouse(place / "warehouse.duckdb", 1, trades_a_day)
    warehouse.add_days(days)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    build(warehouse.path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.perf_counter() - began


def report_sizes(folder: Path) -> None:
    """Print the bytes of a trade and of a day, from four loads."""
    short, quiet = measure_size(folder, 2, 50), measure_size(folder, DAYS, 50)
    busy, busier = measure_size(folder, DAYS, 5_000), measure_size(folder, DAYS, 20_000)
    print(f"duckdb_bytes_per_trade      {(busier.loaded - quiet.loaded) / (busier.trades - quiet.trades):12,.1f}")
    quiet_day = ((quiet.built - quiet.loaded) - (short.built - short.loaded)) / (DAYS - 2)
    busy_day = quiet_day + ((busier.built - busier.loaded) - (quiet.built - quiet.loaded)) / DAYS
    print(f"duckdb_bytes_per_quiet_day  {quiet_day:12,.0f}")
    print(f"duckdb_bytes_per_busy_day   {busy_day:12,.0f}")
    print(f"parquet_bytes_per_quiet_day {quiet.published / DAYS:12,.0f}")
    print(
        f"parquet_bytes_per_busy_day  {busier.published / DAYS:12,.0f}   ({busy.published / DAYS:,.0f} of 5,000 trades)"
    )
    print(f"an empty warehouse          {short.built:12,.0f}")


def report_builds(folder: Path) -> None:
    """Print the seconds of a build's start, of a trade and of a day, from three builds: CPU, and by the clock."""
    shapes = [(1, 5_000), (400, 5_000), (8, 500_000)]
    spent = {shape: measure_build(folder, *shape) for shape in shapes}
    for shape, (cpu, clock) in spent.items():
        print(f"{shape[0]:4} days of {shape[1]:9,} trades: {cpu:6.1f} s of CPU, {clock:6.1f} s by the clock")
    for which, name in enumerate(("CPU", "clock")):
        few, days, trades = (spent[shape][which] for shape in shapes)
        # few = start; days = start + 399 days + 1.995 M trades; trades = start + 7 days + 3.995 M trades
        per_trade = ((trades - few) - (days - few) * 7 / 399) / (3_995_000 - 1_995_000 * 7 / 399)
        per_day = ((days - few) - 1_995_000 * per_trade) / 399
        print(f"{name:6} start {few:5.1f} s, {1 / per_trade:12,.0f} trades a second, {per_day:.4f} s a day")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        report_builds(Path(place))
        report_sizes(Path(place))
