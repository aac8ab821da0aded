"""Which rows of a block count, in which unbroken runs, and what each run proves. Pure; times in ns, UTC."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

SECOND_NS: Final = 10**9
DAY_NS: Final = 86_400 * SECOND_NS
# A file whose ids jump more often than that within a block is no file of one market; then the models judge it.
_MOST_JUMPS: Final = 1_000

Bounds = tuple[int | None, int | None]


@dataclass
class Run:
    """Rows [start, stop) of a block's columns, the first of which is the file's row `first_row`."""

    start: int
    stop: int
    first_row: int

    @property
    def last_row(self) -> int:
        """The file's number of the last one."""
        return self.first_row + self.stop - self.start - 1


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


@dataclass
class Coverage:
    """What the runs of one file prove, one after the other. `last_row` is 0 before the first row taken in."""

    kind: str
    size_ns: int  # of candles, the length of a bucket; else 0
    bounds: Bounds
    is_whole_days: bool
    from_ns: int | None = None
    to_ns: int = 0
    last_row: int = 0
    last_refused_row: int = 0
    was_before: bool = False
    was_after: bool = False

    def covers(self, run: Run, first_ns: int, last_ns: int, is_end: bool, next_is_refused: bool) -> tuple[int, int]:
        """Return from and to (ns, half-open) of the next run of rows, with its earliest and latest time."""
        start = self._start(run, first_ns)
        end = self._end(last_ns, is_end, next_is_refused)
        if self.from_ns is None:
            self.from_ns = start
        self.to_ns, self.last_row = end, run.last_row
        return start, end

    def end(self) -> int:
        """Return up to where the file has everything, once it is read."""
        is_open = self.last_refused_row < self.last_row
        return self.bounds[1] if self.was_after and is_open and self.bounds[1] is not None else self.to_ns

    def _start(self, run: Run, first_ns: int) -> int:
        is_broken = self.last_refused_row > self.last_row
        if self.last_row and not is_broken:
            return self.to_ns
        if self.kind == "candles":
            return first_ns
        floor = first_ns if self.kind == "trades_with_ids" else first_ns // SECOND_NS * SECOND_NS
        if is_broken:
            return floor + (1 if self.kind == "trades_with_ids" else SECOND_NS)
        if self.was_before and self.bounds[0] is not None:
            return self.bounds[0]
        return first_ns // DAY_NS * DAY_NS if self.is_whole_days else floor

    def _end(self, last_ns: int, is_end: bool, next_is_refused: bool) -> int:
        if self.kind == "candles":
            return last_ns + self.size_ns
        if is_end and self.was_after and self.bounds[1] is not None and not next_is_refused:
            return self.bounds[1]
        floor = last_ns if self.kind == "trades_with_ids" else last_ns // SECOND_NS * SECOND_NS
        if next_is_refused or not is_end:
            return floor
        if self.is_whole_days:
            return (last_ns // DAY_NS + 1) * DAY_NS
        return floor + (1 if self.kind == "trades_with_ids" else SECOND_NS)
