"""The peak memory of a whole rebuild job in a process of its own, for a range and for one with ten times its trades."""

import os
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
START, END = "2026-10-29", "2026-11-08"
DAYS = 10
TRADES_A_DAY = 10_000


def peak_of(trades_a_day: int) -> tuple[int, int]:
    """Run the job and return the trades of its range and the peak of its resident memory in bytes."""
    feed = SyntheticFeed(1, Clock(NOW), days=DAYS, trades_per_day={"BTC/USD": trades_a_day})
    with tempfile.TemporaryDirectory() as folder, LocalExchange(feed, Clock(NOW)) as exchange:
        environment = {
            **os.environ,
            "SOURCES__KRAKEN__BASE_URL": exchange.base_url,
            "SOURCES__KRAKEN__SECONDS_PER_CALL": "0.001",
            "SOURCES__KRAKEN__CHUNK_PAGES": "50",
            "DLT_DATA_DIR": str(Path(folder) / "dlt"),
            "KRAKEN_CANDLES_WAREHOUSE": str(Path(folder) / "warehouse.duckdb"),
        }
        command = [sys.executable, "-m", "dlt_pipeline", "rebuild", "BTC/USD", "--start", START, "--end", END, "--yes"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"the job ended with {os.waitstatus_to_exitcode(status)}")
        trades = len(feed.trades("BTC/USD", int(NOW.timestamp()) * 10**9))
    return trades, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    first = 0
    for size in (TRADES_A_DAY, 10 * TRADES_A_DAY):
        trades, peak = peak_of(size)
        first = first or peak
        print(f"{trades:10,} trades: {peak / 1e6:8,.0f} MB at the peak, {peak / first:.2f} x")
