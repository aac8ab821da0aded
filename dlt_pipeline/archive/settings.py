"""How an import is cut into commits, each with its reason; dlt config section `sources.archive`."""

import os
from typing import Final

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.kraken.settings import resolved

_LIMITS: Final = {
    "chunk_rows": (1, 100_000_000),
    "batch_rows": (1, 10_000_000),
    "block_bytes": (1_000, 1 << 30),
    "most_unpacked_bytes": (1, 1 << 62),
    "most_ratio": (1, 1_000_000),
    "most_refused_rows": (0, 1_000_000),
    "readers": (1, 64),
}


@configspec
class ImportSettings(BaseConfiguration):
    """Settings of the import; `SOURCES__ARCHIVE__<NAME>` in the environment or `[sources.archive]` in config.toml."""

    # A chunk is what a kill can cost: some five seconds, of which dlt's own steps take less than a tenth.
    chunk_rows: int = 5_000_000
    # Files of a few rows each are put together: dlt takes about as long for a batch of ten rows as of 100,000.
    batch_rows: int = 200_000
    # Read at once, and committed as a part: some 130,000 rows. Memory is some thirty times as much for each reader.
    block_bytes: int = 4 << 20
    # A file of Kraken's has 5 GB unpacked at the most (130 million rows).
    most_unpacked_bytes: int = 64 * 1024**3
    # Kraken's files shrink to a third or a tenth; deflate's limit, which bombs come near to, is 1,032 times.
    most_ratio: int = 200
    # Broken rows in a file of Kraken's are single ones; a file full of them is another one.
    most_refused_rows: int = 10_000
    # Files read side by side; 0: as many as there are cores, up to 4, beyond which one writer is the limit.
    readers: int = 0

    @property
    def reader_count(self) -> int:
        """How many files are read at once."""
        return self.readers or min(4, os.cpu_count() or 1)


def load_import_settings() -> ImportSettings:
    """Resolve the settings from dlt's config; BadInputError if impossible."""
    settings = resolved(ImportSettings(), "sources", "archive")
    for name, (lowest, highest) in _LIMITS.items():
        value = getattr(settings, name)
        if not lowest <= value <= highest and not (name == "readers" and value == 0):
            raise BadInputError(f"sources.archive.{name} is {value}; it must lie between {lowest} and {highest}.")
    return settings
