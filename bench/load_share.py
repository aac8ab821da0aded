"""A load of 300 pages into a new warehouse, against asking for the pages alone and a direct INSERT of the same rows.

What counts is the CPU of this process, which has one core; the exchange runs in another one, without a pace.
"""

import itertools
import os
import tempfile
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from unittest.mock import patch

import duckdb
import pyarrow as pa
from apart import exchange_apart, invented
from ratios import Figure, compare, cpu_ratio, median, print_figures

from dlt_pipeline import load
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.cursor import start_at, take
from dlt_pipeline.kraken.markets import find_market
from dlt_pipeline.kraken.settings import load_settings

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
START = datetime(2026, 11, 5, tzinfo=timezone.utc)
_DAYS = 3
_TRADES_A_DAY = 85_000  # 300 pages from START to NOW


def measure(folder: Path, quick: bool) -> list[Figure]:
    """Load, ask and insert, in turn, each time into a file of its own."""
    trades_a_day = {"BTC/USD": 3_000 if quick else _TRADES_A_DAY}
    numbers = itertools.count()
    counts: list[int] = []
    with exchange_apart(partial(invented, NOW, _DAYS, trades_a_day)) as base_url:
        settings = {
            "SOURCES__KRAKEN__BASE_URL": base_url,
            "SOURCES__KRAKEN__SECONDS_PER_CALL": "0",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_DATA_DIR": str(folder / "dlt"),
        }

        def ask() -> None:
            client = KrakenClient(load_settings())
            market = find_market(client.markets(), "BTC/USD")
            cursor, is_done = start_at(int(START.timestamp()) * 10**9), False
            while not is_done:
                step = take(cursor, client.trades(market, cursor.since, 1000), 1000, None, 0)
                cursor, is_done = step.cursor, step.is_done

        def whole() -> Path:
            path = folder / f"{next(numbers)}.duckdb"
            counts.append(load(["BTC/USD"], START, timeframes=(), warehouse=path).trades["BTC/USD"])
            return path

        def insert(batches: list[pa.RecordBatch]) -> None:
            with duckdb.connect(str(folder / f"{next(numbers)}.duckdb")) as connection:
                for number, batch in enumerate(batches):
                    connection.register("batch", pa.Table.from_batches([batch]))
                    made = "insert into trades" if number else "create table trades as"
                    connection.execute(f"{made} from batch")

        with patch.dict(os.environ, settings):
            with duckdb.connect(str(whole())) as connection:
                rows = connection.sql("from kraken_raw.trades order by trade_id").to_arrow_table()
            batches = rows.combine_chunks().to_batches(max_chunksize=load_settings().batch_trades)
            ways = {"insert the rows alone": lambda: insert(batches), "load": whole, "ask for the pages alone": ask}
            inserted, loaded, asked = compare(ways, 1 if quick else 5).values()
    assert set(counts) == {rows.num_rows}, counts
    spent = median(loaded)
    detail = f"{rows.num_rows:,} trades: {spent.cpu:.2f} s of CPU, {spent.seconds:.2f} s by the clock"
    return [
        Figure(
            "a load from HTTP to table, by CPU",
            rows.num_rows / spent.cpu,
            "at least 150000",
            unit="trades/s",
            detail=detail,
        ),
        Figure(
            "a load's trades a second, over a direct INSERT of the same rows from Arrow",
            cpu_ratio(inserted, loaded),
            "at least 0.28",
            detail=f"{median(inserted).cpu:.2f} s and {spent.cpu:.2f} s of CPU",
        ),
        Figure(
            "a load over asking for its pages alone, exact and checked",
            cpu_ratio(loaded, asked),
            detail=f"{spent.cpu:.2f} s and {median(asked).cpu:.2f} s of CPU",
        ),
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print_figures(measure(Path(place), quick=False))
