"""How long after its close a 1m candle is readable in published.duckdb while `kraken-candles follow` runs.

    python bench/follow_delay.py --days 30 --minutes 10

A local exchange with a running clock, four symbols, Kraken's pace of one call a second a pair; `--days` of history are
loaded first, without a pace. `--trades` is a factor on the invented trades: 1 is 3,340 a day of all symbols together.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed

_POLL_SECONDS = 0.2
_COMMAND = (sys.executable, "-m", "dlt_pipeline")
_NEWEST = "select symbol, max(epoch_us(bucket_end)) from candles where timeframe = '1m' and is_closed group by symbol"


def newest(published: Path) -> dict[str, float]:
    """The end of each symbol's newest published minute, Unix seconds."""
    with duckdb.connect(str(published), read_only=True) as connection:
        return {symbol: end_us / 1e6 for symbol, end_us in connection.execute(_NEWEST).fetchall()}


def watch(published: Path, seconds: float) -> dict[str, dict[float, float]]:
    """By symbol and end of a minute, how many seconds later it was there; minutes before the first look left out."""
    while not published.exists():
        time.sleep(_POLL_SECONDS)
    last, delays = newest(published), defaultdict(dict)
    seen_from = time.time()
    while time.time() < seen_from + seconds:
        time.sleep(_POLL_SECONDS)
        for symbol, end in newest(published).items():
            ends = [last[symbol] + 60 * (n + 1) for n in range(round((end - last[symbol]) / 60))]
            delays[symbol].update({minute: time.time() - minute for minute in ends if minute > seen_from})
            last[symbol] = end
    return delays


def report(delays: dict[str, dict[float, float]]) -> None:
    print("\nseconds from a minute's close until it is readable")
    print(f"{'symbol':10} {'minutes':>8} {'min':>6} {'median':>7} {'max':>6}")
    for symbol, found in [*sorted(delays.items()), ("all", {(s, m): d for s in delays for m, d in delays[s].items()})]:
        each = sorted(found.values())
        if each:
            print(f"{symbol:10} {len(each):>8} {each[0]:>6.1f} {statistics.median(each):>7.1f} {each[-1]:>6.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30, help="days of history in the warehouse")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--trades", type=float, default=3.0, help="factor on the invented trades")
    parser.add_argument("--symbols", nargs="+", help="those to follow; all without it")
    parser.add_argument("--seconds-per-call", default="1.0")
    parser.add_argument(
        "--folder", type=Path, help="where to work; a folder with a warehouse of before is gone on with"
    )
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    clock = Clock()
    feed = SyntheticFeed(1, clock, days=chosen.days, trades_per_day=chosen.trades)
    symbols = chosen.symbols or sorted(market.symbol for market in feed.markets)
    start = str((datetime.now(timezone.utc) - timedelta(days=chosen.days)).date())
    with LocalExchange(feed, clock) as exchange:
        environment = {
            **os.environ,
            "SOURCES__KRAKEN__BASE_URL": exchange.base_url,
            "KRAKEN_CANDLES_WAREHOUSE": str(folder / "warehouse.duckdb"),
            "DLT_DATA_DIR": str(folder / "dlt"),
            "PYTHONUNBUFFERED": "1",
        }
        quick = {**environment, "SOURCES__KRAKEN__SECONDS_PER_CALL": "0.001"}
        subprocess.run([*_COMMAND, "load", *symbols, "--start", start, "--yes"], env=quick, cwd=folder, check=True)
        environment["SOURCES__KRAKEN__SECONDS_PER_CALL"] = chosen.seconds_per_call
        (folder / "published.duckdb").unlink(missing_ok=True)
        process = subprocess.Popen([*_COMMAND, "follow", *symbols], env=environment, cwd=folder)
        try:
            report(watch(folder / "published.duckdb", 60 * chosen.minutes))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
