"""Where published files go, and the limits of a publish, each with its reason."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlt_pipeline.common.exceptions import BadInputError

EXPORTS: Final = "KRAKEN_CANDLES_EXPORTS"
KEEP_REPLACED: Final = "KRAKEN_CANDLES_KEEP_REPLACED_SECONDS"
WAIT: Final = "KRAKEN_CANDLES_PUBLISH_WAIT_SECONDS"
# Sorting a year of 1s candles (31 million rows) takes 2.6 GB without a limit; with this one, 1.2 GB and 1.1 times
# as long, spilling to disk.
MEMORY: Final = "1GB"
# Rows of a row group: large enough to compress well, small enough that a reader of one day skips the rest.
ROW_GROUP: Final = 131_072
# Rows that one query sorts for the files of several partitions: a query each took four times as long, for each scans
# the warehouse, and one for all of them sorts on disk.
ROWS_AT_ONCE: Final = 1_000_000


@dataclass(frozen=True)
class PublishSettings:
    """Where to publish and how long to wait; `load_settings` reads the environment."""

    exports: Path
    # A query that began on the old published.duckdb may still open old files; the longest of ours take a minute.
    keep_replaced_seconds: float = 600.0
    # A load takes the warehouse for seconds when it commits a chunk, and often right after the build it waited for.
    wait_seconds: float = 60.0

    @property
    def tree(self) -> Path:
        """The folder that readers of Parquet open; nothing but whole files lies in it."""
        return self.exports / "candles"

    @property
    def versions(self) -> Path:
        """The folder of the immutable files that published.duckdb reads."""
        return self.exports / ".versions"

    @property
    def partial(self) -> Path:
        """The folder of whatever is being written; emptied when a publish begins and ends."""
        return self.exports / ".partial"

    @property
    def database(self) -> Path:
        """published.duckdb, beside the exports folder."""
        return self.exports.parent / "published.duckdb"


def load_settings(warehouse: Path, exports: str | Path | None = None) -> PublishSettings:
    """Return the settings by argument, then environment, then default: `exports/` beside the warehouse.

    Raises BadInputError for a number of seconds that is none.
    """
    folder = Path(exports or os.environ.get(EXPORTS) or warehouse.parent / "exports").absolute()
    return PublishSettings(
        folder,
        _seconds(KEEP_REPLACED, PublishSettings.keep_replaced_seconds),
        _seconds(WAIT, PublishSettings.wait_seconds),
    )


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name) or str(default)
    try:
        seconds = float(text) if text.isascii() else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise BadInputError(f"{name} is {text!r}; it must be a number of seconds from 0.")
    return seconds
