"""What removing raw trades gives back: the file's size and its free part, and whether later loads use that again.

python bench/removed_space.py --days 20 --removed 15 --trades-per-day 200000
"""

import argparse
import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import duckdb
from filled_warehouse import FIRST_DAY, LEAST_TRADES, FilledWarehouse

from dlt_pipeline.jobs.build import build
from dlt_pipeline.retention import remove_trades, request_removal


def show(what: str, path: Path, since: float | None = None) -> None:
    """Print the file's size, how much of it is free inside, and that of a copy without what is free."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("checkpoint")
        block, free = connection.execute(
            "select block_size, free_blocks from pragma_database_size() where database_size <> '0 bytes'"
        ).fetchall()[0]
    took = "" if since is None else f"{time.perf_counter() - since:>9.1f} s"
    size = path.stat().st_size / 1e6
    print(
        f"{what:44} {size:>9.1f} MB {free * block / 1e6:>9.1f} MB free {size - free * block / 1e6:>9.1f} MB used{took}"
    )


def copied(path: Path) -> float:
    """Return how many MB a copy of everything has; the seconds that it takes are what a user would wait."""
    copy = path.with_name("copy.duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as source (read_only); attach '{copy}' as target")
        connection.execute("copy from database source to target")
    size = copy.stat().st_size / 1e6
    copy.unlink()
    return size


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Fill, build, remove the oldest days, load as many again; each with what the file then is."""
    os.chdir(folder)
    path = folder / "removed.duckdb"
    warehouse = FilledWarehouse(path, options.symbols, options.trades_per_day)
    warehouse.add_days(options.days)
    show(f"{options.days} days loaded", path)
    build(path, quiet=True)
    show("built", path)
    with duckdb.connect(str(path), read_only=True) as connection:
        symbols = [
            name for (name,) in connection.execute("select symbol from kraken_raw.markets order by 1").fetchall()
        ]
    for symbol in symbols:
        request_removal(path, symbol, FIRST_DAY, FIRST_DAY + timedelta(days=options.removed))
    build(path, quiet=True)
    show(f"candles of {options.removed} days kept", path)
    began = time.perf_counter()
    report = remove_trades(path)
    show(f"{report.trades:,} trades removed", path, began)
    began = time.perf_counter()
    size = copied(path)
    print(f"{'a copy of it':44} {size:>9.1f} MB {'':32}{time.perf_counter() - began:>9.1f} s")
    build(path, quiet=True)
    show("built from kept candles", path)
    warehouse.add_days(options.removed)
    show(f"{options.removed} days more loaded", path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=20, help="days of history")
    parser.add_argument("--removed", type=int, default=15, help="how many of them lose their trades, the oldest first")
    parser.add_argument("--trades-per-day", type=int, default=200_000, help="of all symbols together")
    parser.add_argument("--symbols", type=int, default=4)
    chosen = parser.parse_args()
    if chosen.trades_per_day < LEAST_TRADES * chosen.symbols:
        parser.error(f"at least {LEAST_TRADES} trades a day are needed for each symbol")
    with tempfile.TemporaryDirectory() as place:
        measure(Path(place), chosen)
