"""The peak memory of processes whose work is large: loads and rebuilds, beside those of a tenth, candles of seconds."""

import json
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from filled_warehouse import FilledWarehouse
from one_more_day import build
from ratios import Figure, Run, command, mib, print_figures, run_process, told_seconds

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed

NOW = datetime(2026, 11, 8, tzinfo=timezone.utc)
START, END = "2026-10-29", "2026-11-08"
DAYS = 10
_SECONDS = {"kraken_candles_timeframes": [{"name": "1s", "seconds": 1}]}


def ask(folder: Path, name: str, trades: int, *arguments: str) -> Run:
    """Run a command that asks a local exchange for so many trades, into a new warehouse."""
    feed = SyntheticFeed(1, Clock(NOW), days=DAYS, trades_per_day={"BTC/USD": trades // DAYS})
    feed.trades("BTC/USD", int(NOW.timestamp()) * 10**9)  # made before anybody waits for them
    place = folder / f"{name}_{trades}"
    place.mkdir()
    with LocalExchange(feed, Clock(NOW)) as exchange:
        return run_process(
            command(name, "BTC/USD", "--start", START, "--end", END, *arguments),
            cwd=place,
            SOURCES__KRAKEN__BASE_URL=exchange.base_url,
            SOURCES__KRAKEN__SECONDS_PER_CALL="0",
            DLT_DATA_DIR=str(place / "dlt"),
            KRAKEN_CANDLES_WAREHOUSE=str(place / "warehouse.duckdb"),
        )


def of_ten(what: str, small: Run, large: Run) -> list[Figure]:
    """Return the peak, and over that of a tenth of the work."""
    return [
        mib(f"{what}: peak memory", large.peak, told_seconds(large.seconds)),
        Figure(f"{what} over one of a tenth: peak memory", large.peak / small.peak),
    ]


def measure(folder: Path, is_quick: bool) -> list[Figure]:
    """Return the peaks; with `is_quick` of a hundredth of the trades."""
    part = 100 if is_quick else 1
    loads = [ask(folder, "load", trades // part, "--yes") for trades in (200_000, 2_000_000)]
    rebuilds = [ask(folder, "rebuild", trades // part, "--yes") for trades in (100_000, 1_000_000)]
    warehouse = FilledWarehouse(folder / "seconds.duckdb", 1, 500_000 // part)
    warehouse.add_days(100 // part)
    seconds = build(warehouse.path, "--vars", json.dumps(_SECONDS))
    trades = 50 / part**2
    return [
        *of_ten(f"a load of {2 / part:g} M trades", *loads),
        *of_ten(f"a rebuild of {1 / part:g} M trades", *rebuilds),
        mib(f"a build of 1s candles of {trades:g} M trades: peak memory", seconds.peak, told_seconds(seconds.seconds)),
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print_figures(measure(Path(place), is_quick=False))
