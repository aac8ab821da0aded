"""A load of 100 pages into a new warehouse, in one chunk and in small ones, against asking for the pages alone."""

import itertools
import os
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from ratios import compare

from dlt_pipeline import load
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.cursor import start_at, take
from dlt_pipeline.kraken.markets import find_market
from dlt_pipeline.kraken.settings import load_settings

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
START = datetime(2026, 11, 5, tzinfo=timezone.utc)

if __name__ == "__main__":
    feed = SyntheticFeed(1, Clock(NOW), days=3, trades_per_day={"BTC/USD": 28_000})
    with tempfile.TemporaryDirectory() as folder, LocalExchange(feed, Clock(NOW)) as exchange:
        os.environ.update(
            SOURCES__KRAKEN__BASE_URL=exchange.base_url,
            SOURCES__KRAKEN__SECONDS_PER_CALL="0",
            RUNTIME__DLTHUB_TELEMETRY="false",
            DLT_DATA_DIR=str(Path(folder) / "dlt"),
        )
        numbers = itertools.count()

        def ask() -> None:
            client = KrakenClient(load_settings())
            market = find_market(client.markets(), "BTC/USD")
            cursor, is_done = start_at(int(START.timestamp()) * 10**9), False
            while not is_done:
                step = take(cursor, client.trades(market, cursor.since, 1000), 1000, None, 0)
                cursor, is_done = step.cursor, step.is_done

        def run(pages: int) -> None:
            os.environ["SOURCES__KRAKEN__CHUNK_PAGES"] = str(pages)
            load(["BTC/USD"], START, timeframes=(), warehouse=Path(folder) / f"{next(numbers)}.duckdb")

        compare(
            {
                "ask for the pages alone": ask,
                "load, chunks of 200 pages": lambda: run(200),
                "load, chunks of 20 pages": lambda: run(20),
            },
            rounds=5,
        )
