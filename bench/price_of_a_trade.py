"""What a trade and a pair's day cost: bytes in the warehouse and in the published files, seconds to build.

    python bench/price_of_a_trade.py

Bytes: a local exchange is loaded and built, with hardly a trade a day and with many. Seconds: warehouses filled by SQL
are built, with many days and with many trades. The figures stand in `dlt_pipeline/estimates/settings.py`.
"""

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import numpy as np
from filled_warehouse import FilledWarehouse
from one_more_day import build
from ratios import Figure, Run, mib, print_figures

from dlt_pipeline import load
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.warehouse.lake import WRITTEN_ANEW

NOW = datetime(2026, 11, 8, tzinfo=timezone.utc)
DAYS = 60


@dataclass(frozen=True)
class Size:
    """Bytes in use after the load and after the build, of the published files, and of the trades as Parquet."""

    trades: int
    loaded: int
    built: int
    published: int
    parquet: int


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
    published = sum(path.stat().st_size for path in files)
    copy = warehouse.parent / "trades.parquet"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(f"copy (from kraken_raw.trades order by trade_id) to '{copy}' {WRITTEN_ANEW}")
    return Size(report.trades["BTC/USD"], loaded, used(warehouse), published, copy.stat().st_size)


def measure_build(folder: Path, days: int, trades_a_day: int) -> Run:
    """Build so many days of one pair for the first time."""
    place = folder / f"build_{days}_{trades_a_day}"
    place.mkdir()
    warehouse = FilledWarehouse(place / "warehouse.duckdb", 1, trades_a_day)
    warehouse.add_days(days)
    return build(warehouse.path)


def size_figures(folder: Path, days: int) -> list[Figure]:
    """Return the bytes of a trade and of a day, from four loads."""
    short, quiet = measure_size(folder, 2, 50), measure_size(folder, days, 50)
    busier = measure_size(folder, days, 20_000)
    busy = measure_size(folder, days, 5_000)
    trades = busier.trades - quiet.trades
    quiet_day = ((quiet.built - quiet.loaded) - (short.built - short.loaded)) / (days - 2)
    busy_day = quiet_day + ((busier.built - busier.loaded) - (quiet.built - quiet.loaded)) / days
    of = f"of {busier.trades:,} trades"
    in_warehouse = (busier.loaded - quiet.loaded) / trades
    return [
        Figure(
            "a trade in the warehouse, with its ledger",
            in_warehouse,
            "at most 15",
            "bytes",
            of,
        ),
        Figure("a trade in Parquet (zstd, sorted)", busier.parquet / busier.trades, "at most 13", "bytes", of),
        Figure("a pair's day built, nine timeframes, 50 trades: warehouse", quiet_day, unit="bytes"),
        Figure("a pair's day built, nine timeframes, 20,000 trades: warehouse", busy_day, unit="bytes"),
        Figure("a pair's day built, nine timeframes, 50 trades: published", quiet.published / days, unit="bytes"),
        Figure("a pair's day built, nine timeframes, 5,000 trades: published", busy.published / days, unit="bytes"),
        Figure("a pair's day built, nine timeframes, 20,000 trades: published", busier.published / days, unit="bytes"),
        Figure("an empty warehouse", short.built, unit="bytes"),
    ]


def build_figures(folder: Path, shapes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]) -> list[Figure]:
    """Return CPU seconds and memory of a build's start, a trade and a day, from builds of days x trades a day.

    The first shape is small, the second has many days and the third many trades.
    """
    runs = [measure_build(folder, *shape) for shape in shapes]
    rows = [[days, days * trades] for days, trades in shapes]

    def parts(values: list[float]) -> tuple[float, float, float]:
        (few, many, busy), (a, b, c) = values, rows
        # value = start + days * a day + trades * a trade, less the small build
        day, trade = np.linalg.solve([[b[0] - a[0], b[1] - a[1]], [c[0] - a[0], c[1] - a[1]]], [many - few, busy - few])
        return few - a[0] * day - a[1] * trade, float(day), float(trade)

    start, day, trade = parts([run.cpu for run in runs])
    memory, bytes_a_day, bytes_a_trade = parts([float(run.peak) for run in runs])
    detail = ", ".join(
        f"{d:,} x {t:,}: {run.cpu:.1f} s, {run.peak / 2**20:,.0f} MiB" for (d, t), run in zip(shapes, runs, strict=True)
    )
    return [
        Figure("a build's start: CPU, all tests and publishing in it", start, unit="s", detail=detail),
        Figure("a build: trades in a second of CPU", 1 / trade, unit="trades"),
        Figure("a build: CPU of a pair's day, in thousandths", 1000 * day, unit="s"),
        mib("a build's start: peak memory", memory),
        mib("a build: peak memory of a pair's day", bytes_a_day),
        mib("a build: peak memory of a million trades", bytes_a_trade * 10**6),
    ]


def measure(folder: Path, is_quick: bool) -> list[Figure]:
    """Return the bytes, seconds and memory that a price is reckoned with."""
    shapes = ((1, 5_000), (20, 5_000), (2, 50_000)) if is_quick else ((1, 5_000), (400, 5_000), (8, 1_000_000))
    return size_figures(folder, 4 if is_quick else DAYS) + build_figures(folder, shapes)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print_figures(measure(Path(place), is_quick=False))
