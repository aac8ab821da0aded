"""What the parts of a file prove: from when up to when nothing is missing. Pure; times in ns, UTC."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

SECOND_NS: Final = 10**9
DAY_NS: Final = 86_400 * SECOND_NS

Bounds = tuple[int | None, int | None]
"""The first moment wanted and the first not wanted any more, each None where there is none."""


def provable(kind: str, bounds: Bounds) -> Bounds:
    """Return the bounds up to which a file can prove anything: rows without ids know whole seconds alone."""
    if kind == "trades_with_ids":
        return bounds
    start, end = bounds
    return None if start is None else -(
        -start // SECOND_NS
    ) * SECOND_NS, None if end is None else end // SECOND_NS * SECOND_NS


class Stretch(NamedTuple):
    """An unbroken run of rows by their numbers in the file, with their earliest and latest time."""

    first_row: int
    last_row: int
    first_time_ns: int
    last_time_ns: int


class Others(NamedTuple):
    """Rows of a block that are not taken in, by number: the refused ones, ascending; the last one before the bounds,
    above all that is taken in; the first one behind the bounds, below all of it. 0: there is none."""

    refused: Sequence[int] = ()
    before: int = 0
    behind: int = 0


@dataclass
class Coverage:
    """What the runs of one file prove, block by block.

    A border within a file lies where a second (or the ns, where times have a fraction) may still go on. Nobody knows
    what a refused row was, so the seconds from the row before it to the row behind it are proven by nothing.
    """

    kind: str
    size_ns: int  # of candles, the length of a bucket; else 0
    bounds: Bounds
    is_whole_days: bool
    from_ns: int | None = None
    to_ns: int = 0
    last_row: int = 0  # of what was taken in; 0 before the first
    latest_ns: int = 0
    _clear_ns: int = 0  # the moment from which no refused row stands in the way
    _refused_row: int = 0
    _before_row: int = 0
    _is_closed: bool = False  # a row behind the bounds follows the last one taken in, and nothing refused between them

    def covers(self, runs: Sequence[Stretch], others: Others, is_file_end: bool) -> list[tuple[int, int]]:
        """Return from and to (half-open) of the next block's runs of rows."""
        refused = others.refused
        if not self.last_row:
            self._before_row = max(self._before_row, others.before)
        found = []
        for place, run in enumerate(runs):
            ahead = bisect_left(refused, run.first_row)
            self._refused_row = refused[ahead - 1] if ahead else self._refused_row
            is_last = place == len(runs) - 1
            limit = runs[place + 1].first_row if not is_last else others.behind
            broken_by = refused[ahead] if ahead < len(refused) else 0
            is_broken = bool(broken_by) and (not limit or broken_by < limit)
            self._is_closed = is_last and bool(others.behind) and not is_broken
            start = self._start(run)
            self.latest_ns = max(self.latest_ns, run.last_time_ns)
            end = self._end(is_broken, is_last and is_file_end)
            self.from_ns = start if self.from_ns is None else self.from_ns
            self.to_ns, self.last_row = end, run.last_row
            found.append((start, end))
        if not runs and others.behind and self._refused_row <= self.last_row:
            self._is_closed = self._is_closed or not refused or others.behind < refused[0]
        self._refused_row = refused[-1] if refused else self._refused_row
        return found

    def end(self) -> int:
        """Return up to where the file has everything, once it is read."""
        return self.bounds[1] if self._is_closed and self.bounds[1] is not None else self.to_ns

    def _start(self, run: Stretch) -> int:
        is_broken = self._refused_row > (self.last_row or self._before_row)
        if self.last_row and not is_broken:
            return max(self.to_ns, self._clear_ns)
        if self.kind == "candles":
            return run.first_time_ns
        if is_broken:
            self._clear_ns = self._floor(max(run.first_time_ns, self.latest_ns)) + self._grain
            return self._clear_ns
        if self._before_row and self.bounds[0] is not None:
            return self.bounds[0]
        return run.first_time_ns // DAY_NS * DAY_NS if self.is_whole_days else self._floor(run.first_time_ns)

    def _end(self, is_broken: bool, is_file_end: bool) -> int:
        last_ns = self.latest_ns  # a file whose times go back does not take back what it proved
        if self.kind == "candles":
            return last_ns + self.size_ns
        if self._is_closed and self.bounds[1] is not None:
            return self.bounds[1]
        if is_broken or not is_file_end:
            return self._floor(last_ns)
        return (last_ns // DAY_NS + 1) * DAY_NS if self.is_whole_days else self._floor(last_ns) + self._grain

    @property
    def _grain(self) -> int:
        """The finest border there can be: whole seconds where the file has no fractions."""
        return 1 if self.kind == "trades_with_ids" else SECOND_NS

    def _floor(self, time_ns: int) -> int:
        return time_ns // self._grain * self._grain
