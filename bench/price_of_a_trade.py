"""What a trade and a pair's day cost: bytes in the warehouse and in the published files, seconds to build.

    python bench/price_of_a_trade.py

Loads from a local exchange and builds, once with few trades a day and once with many, and solves for the share of a
trade and the share of a day. The figures stand in `dlt_pipeline/jobs/settings.py`.
"""

import argparse
import os
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
from one_more_day import build

from dlt_pipeline import load
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed

NOW = datetime(2026, 11, 8, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Measured:
    """One warehouse: what went in, and what came of it, in bytes and seconds."""

    days: int
    trades: int
    loaded_bytes: int
    loaded_used: int
    built_bytes: int
    built_used: int
    published_bytes: int
    published_candles: int
    build_seconds: float
    build_cpu_seconds: float
    load_seconds: float


def used(warehouse: Path) -> int:
    """Return the bytes of the file's blocks that hold data; the others wait for new rows."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        size, blocks = connection.execute("select block_size, used_blocks from pragma_database_size()").fetchone()
    return size * blocks


def measure(folder: Path, days: int, trades_a_day: int) -> Measured:
    """Load so many days of one pair into a new warehouse and build it."""
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
        began = time.perf_counter()
        report = load(["BTC/USD"], NOW - timedelta(days=days), NOW, warehouse=warehouse)
        load_seconds = time.perf_counter() - began
    loaded, loaded_used = warehouse.stat().st_size, used(warehouse)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = build(warehouse).whole
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    files = list((warehouse.parent / "exports" / "candles").rglob("*.parquet"))
    candles = duckdb.sql(f"select count(*) from read_parquet('{warehouse.parent}/exports/candles/**/*.parquet')")
    return Measured(
        days,
        report.trades["BTC/USD"],
        loaded,
        loaded_used,
        warehouse.stat().st_size,
        used(warehouse),
        sum(path.stat().st_size for path in files),
        candles.fetchall()[0][0],
        seconds,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        load_seconds,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--shapes", nargs="+", default=["3x50", "60x50", "60x5000", "20x50000"], help="days x trades a day"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for shape in chosen.shapes:
            days, trades = map(int, shape.split("x"))
            print(measure(Path(place), days, trades), flush=True)
