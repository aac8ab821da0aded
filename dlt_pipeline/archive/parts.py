"""The unbroken runs of rows that a block's columns hold. Pure."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

# A file whose ids jump more often than that within a block is no file of one market; then the models judge it.
_MOST_JUMPS: Final = 1_000


@dataclass(frozen=True)
class Run:
    """Rows [start, stop) of a block's columns, the first of which is the file's row `first_row`."""

    start: int
    stop: int
    first_row: int

    @property
    def length(self) -> int:
        """How many rows they are."""
        return self.stop - self.start

    @property
    def last_row(self) -> int:
        """The file's number of the last one."""
        return self.first_row + self.length - 1


def runs_of(numbers: pa.Array, trade_ids: pa.Array | None) -> list[Run]:
    """Return the unbroken runs of ascending row numbers; where trade ids jump, a run ends too."""
    if not len(numbers):
        return []
    cuts = _breaks(numbers)
    if trade_ids is not None and pc.min(trade_ids).as_py() > 0:
        jumps = _breaks(trade_ids)
        cuts = sorted({*cuts, *jumps}) if len(jumps) <= _MOST_JUMPS else cuts
    places = [0, *cuts, len(numbers)]
    return [Run(start, stop, numbers[start].as_py()) for start, stop in pairwise(places)]


def _breaks(ascending: pa.Array) -> list[int]:
    """Return the places whose value is not the one before plus 1."""
    if ascending[-1].as_py() - ascending[0].as_py() == len(ascending) - 1:
        return []
    steps = pc.subtract(ascending[1:], ascending[:-1])
    return [place + 1 for place in pc.indices_nonzero(pc.not_equal(steps, 1)).to_pylist()]
