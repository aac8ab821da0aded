"""What is to be published: a partition for each row of `export_partitions`, and the names of its files."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from dlt_pipeline.common.exceptions import PublishError

# Raised when the files of a partition change their form though its rows do not; all of them are then written anew.
_LAYOUT: Final = 2
# The sources that a warehouse has, and what their rows are called there and in published.duckdb.
SOURCES: Final = {"trades": "candles", "rest": "rest_candles", "archive": "archive_candles"}
_SAFE: Final = {
    "source": re.compile(r"[a-z_][a-z0-9_]*"),
    # Letters, digits, points and underscores of any script, and slashes between them. No "-", which is the slash's
    # name in a path; nothing that a reader of paths would take for a separator, a wildcard or an escape.
    "symbol": re.compile(r"\w[\w.]*(/\w[\w.]*)*"),
    "timeframe": re.compile(r"[0-9A-Za-z_]+"),
}


class Key(NamedTuple):
    """A partition's place in the tree: where its rows come from, their symbol (BTC/USD), timeframe and UTC year."""

    source: str
    symbol: str
    timeframe: str
    year: int

    @property
    def folder(self) -> Path:
        """The partition's folder in the tree; `symbol=BTC-USD` stands for BTC/USD and for nothing else."""
        symbol = self.symbol.replace("/", "-")
        return Path(f"source={self.source}", f"symbol={symbol}", f"timeframe={self.timeframe}", f"year={self.year}")

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.symbol} {self.timeframe} {self.year} from {self.source}"


class Column(NamedTuple):
    """A column of the files: its name, and its DuckDB type in the warehouse."""

    name: str
    type: str


@dataclass(frozen=True)
class Partition:
    """A partition as the warehouse wants it: all that `export_partitions` says of it, and its columns."""

    key: Key
    row_count: int
    stated: Mapping[str, str]
    columns: tuple[Column, ...]

    @cached_property
    def version(self) -> str:
        """The name of exactly this content: it changes with the rows and with anything that the file says of itself."""
        said = json.dumps([_LAYOUT, self.columns, sorted(self.stated.items())])
        return hashlib.sha256(said.encode()).hexdigest()[:32]


def make_partition(row: Mapping[str, object], columns: tuple[Column, ...]) -> Partition:
    """Make a partition from a row of `export_partitions`; PublishError for a name that a path cannot carry."""
    for name, pattern in _SAFE.items():
        if not pattern.fullmatch(str(row[name])):
            raise PublishError(
                f"The {name} {row[name]!r} cannot be published: readers could not tell it from another one by its "
                "path in the Parquet tree. Leave it out of export_partitions and exported_candles."
            )
    key = Key(str(row["source"]), str(row["symbol"]), str(row["timeframe"]), int(str(row["year"])))
    stated = {name: str(value) for name, value in row.items() if value is not None}
    return Partition(key, int(str(row["row_count"])), stated, columns)
