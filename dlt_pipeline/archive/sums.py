"""What was read of a file so far. Volume in base units, times in ns UTC."""

from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Final

_EXACTLY: Final = Context(prec=60)  # sums of DECIMAL(38, 12); Python's own 28 digits would round them


@dataclass
class Sums:
    """Rows taken in, refused, and left out for lying outside the bounds; volume and times of those taken in."""

    row_count: int = 0
    refused_count: int = 0
    left_out_count: int = 0
    base_volume: Decimal = field(default_factory=Decimal)
    first_time_ns: int | None = None
    last_time_ns: int | None = None

    def add(self, row_count: int, base_volume: Decimal, first_time_ns: int, last_time_ns: int) -> None:
        """Add rows, with their earliest and latest time."""
        self.row_count += row_count
        self.base_volume = _EXACTLY.add(self.base_volume, base_volume)
        self.first_time_ns = first_time_ns if self.first_time_ns is None else min(self.first_time_ns, first_time_ns)
        self.last_time_ns = last_time_ns if self.last_time_ns is None else max(self.last_time_ns, last_time_ns)
