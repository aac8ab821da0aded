"""A warehouse of made-up markets with whole days of trades, built, of which trades can be removed."""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dlt_pipeline.retention import RemovalReport, remove_trades, request_removal
from tests.dbt_project import raw
from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.random_loads import World, new_world
from tests.dbt_project.tape import DAY, START

FIRST = date(2023, 12, 18)  # the tapes begin at its noon
LAST = FIRST + timedelta(days=30)  # the tapes end before
SYMBOLS = ("IDS/USD", "OLD/EUR", "RARE/USD")
# What analysts read; candle_days without the moment of its build.
TABLES = {
    "candles": "*",
    "ohlcv": "*",
    "coverage": "*",
    "gaps": "*",
    "id_holes": "*",
    "candle_days": "* exclude (built_at)",
    "candle_revisions": "*",
    "check_rest_candles": "*",
}


def timeframes(**seconds: int) -> dict[str, Any]:
    """dbt's variable for timeframes by name, with the close before in empty buckets."""
    listed = [{"name": name.strip("_"), "seconds": each} for name, each in seconds.items()]
    return {"kraken_candles_timeframes": listed, "kraken_candles_empty_bucket_policy": "carry_forward"}


MINUTES = timeframes(_1m=60, _1h=3600, _1d=86400, _1w=604800)


class Kept:
    """The warehouse in a folder, nine days loaded."""

    def __init__(self, folder: Path, variables: dict[str, Any] = MINUTES) -> None:
        """Load and build."""
        self.path = folder / "warehouse.duckdb"
        self.project = DbtProject(folder / "target", self.path, variables)
        self.world: World = new_world(self.path, 5, self.build)
        self.world.now_ns = START + 9 * DAY
        self.load()
        self.build()

    def load(self, start_ns: int = START, end_ns: int | None = None) -> None:
        self.world.finish(self.world.make(SYMBOLS, start_ns, end_ns, random.Random(1), rest=True))

    def build(self, *arguments: str) -> None:
        self.project.run(self.path, *arguments)

    def want(self) -> None:
        """Want the trades of all markets removed; the next build says of which days they may go."""
        for symbol in SYMBOLS:
            request_removal(self.path, symbol, FIRST, LAST, "job")

    def remove(self) -> RemovalReport:
        """Remove the trades that were wanted away before the last build."""
        return remove_trades(self.path, "job")

    def shown(self) -> dict[str, pa.Table]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return {
                name: connection.sql(f"select {columns} from kraken.{name} order by all").to_arrow_table()
                for name, columns in TABLES.items()
            }

    def query(self, sql: str) -> list[Any]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def change(self, sql: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(sql)


def on(text: str) -> date:
    """The day of a text."""
    return raw.timestamp(raw.ns(f"{text} 00:00:00")).date()
