"""How a file is to be read, where reading goes on, and what comes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from dlt_pipeline.archive.blocks import BLOCK_BYTES
from dlt_pipeline.archive.coverage import Bounds


@dataclass(frozen=True)
class Begun:
    """Where a file that was not read to its end goes on: behind the rows of its complete parts, of which these are the
    sums; times and coverage in ns."""

    last_row: int
    next_row: int
    next_byte: int
    row_count: int
    base_volume: Decimal
    first_time_ns: int
    last_time_ns: int
    covered_from_ns: int
    covered_to_ns: int
    refused_count: int = 0


@dataclass
class Reading:
    """How to read a file: its market and kind, the bounds asked for (ns, half-open), and where to go on."""

    symbol: str
    format: str
    timeframe: str | None
    edition_id: int
    bounds: Bounds
    is_whole_days: bool
    begun: Begun | None
    new_part_id: Callable[[], int]
    most_refused_rows: int = 10_000
    block_bytes: int = BLOCK_BYTES


@dataclass
class Taken:
    """What one block brought, by raw table, and how many bytes are read; the last one has the file's own row."""

    tables: Mapping[str, pa.Table]
    bytes_read: int
