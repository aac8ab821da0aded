"""Where to split a range of trades so that ids prove the seams. Pure; times in ns since the epoch, UTC.

`since` is a time and ids are a sequence, so the time of an id is found by interpolation between trades that are known.
"""

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from dlt_pipeline.kraken.page import TradeRow

# A seam within a twentieth of a window's trades is near enough.
_TOLERANCE: Final = 20
# Interpolation that meets a burst creeps; every third guess halves the time instead, which always ends.
_HALVE_EVERY: Final = 3
# What is not found near enough by then is split where the nearest seam is known.
MOST_GUESSES: Final = 12


class Seam(NamedTuple):
    """An instant at which nobody traded: `trade_id` is the first trade after it, `trade_id` - 1 the last before."""

    time_ns: int
    trade_id: int


class _Known(NamedTuple):
    trade_id: int
    time_ns: int


def seams_of(rows: Sequence[TradeRow]) -> list[Seam]:
    """Return every seam inside a page: between neighbours with ids that follow each other and an instant between."""
    return [
        Seam((before.time_ns + after.time_ns) // 2, after.trade_id)
        for before, after in pairwise(rows)
        if before.trade_id and after.trade_id == before.trade_id + 1 and after.time_ns > before.time_ns + 1
    ]


@dataclass
class SeamSearch:
    """Looks for `windows` - 1 seams between two known trades that lie about as many trades apart.

    `first` and `last` are (trade id, time in ns): the first trade of the range, and the first one after it. A question
    brings `page_size` trades.
    """

    first: tuple[int, int]
    last: tuple[int, int]
    windows: int
    page_size: int
    _asked: set[int] = field(default_factory=set, init=False)
    _known: list[_Known] = field(init=False)
    _seams: set[Seam] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        """Begin with the two trades that are known."""
        self._known = [_Known(*self.first), _Known(*self.last)]

    @property
    def targets(self) -> list[int]:
        """The ids at which windows of equal size would begin."""
        total = self.last[0] - self.first[0]
        return [self.first[0] + total * number // self.windows for number in range(1, self.windows)]

    @property
    def tolerance(self) -> int:
        """How many trades a seam may lie away from where it should."""
        return max(1, (self.last[0] - self.first[0]) // self.windows // _TOLERANCE)

    def hear(self, rows: Sequence[TradeRow]) -> None:
        """Take in a page of trades of the range, with or without ids."""
        numbered = [row for row in rows if row.trade_id]
        for row in (numbered[0], numbered[-1]) if numbered else ():
            if self.first[0] < row.trade_id < self.last[0]:
                insort(self._known, _Known(row.trade_id, row.time_ns))
        self._seams.update(seam for seam in seams_of(rows) if self.first[0] < seam.trade_id < self.last[0])

    def nearest(self, target: int) -> Seam | None:
        """Return the seam nearest to an id, if any is known."""
        return min(self._seams, key=lambda seam: (abs(seam.trade_id - target), seam.trade_id), default=None)

    def is_found(self, target: int) -> bool:
        """Whether a seam near enough to the id is known."""
        seam = self.nearest(target)
        return seam is not None and abs(seam.trade_id - target) <= self.tolerance

    def guess(self, target: int, number: int) -> int | None:
        """Return the time at which guess `number` (from 1) looks for an id; None where no time is left to look at."""
        place = next(index for index, known in enumerate(self._known) if known.trade_id > target)
        before, after = self._known[place - 1], self._known[place]
        span_ns, ids = after.time_ns - before.time_ns, after.trade_id - before.trade_id
        share = (1, 2) if number % _HALVE_EVERY == 0 else (target - before.trade_id, ids)
        guesses = [before.time_ns + span_ns * share[0] // share[1], before.time_ns + span_ns // 2]
        if target - before.trade_id < self.page_size:
            guesses.insert(0, before.time_ns)  # the page from there reaches the id, also inside a burst
        found = next((time_ns for time_ns in guesses if time_ns not in self._asked), None)
        if found is not None:
            self._asked.add(found)
        return found

    def chosen(self) -> list[Seam]:
        """Return the seams to split at, ascending: the nearest to each target, none twice."""
        found = {seam for target in self.targets if (seam := self.nearest(target))}
        return sorted(found)


def find_seams(
    first: tuple[int, int],
    last: tuple[int, int],
    windows: int,
    page_size: int,
    ask: Callable[[int], Sequence[TradeRow]],
) -> list[Seam]:
    """Return the seams of a `SeamSearch` after at most 12 questions each.

    `ask` gives the trades from a time (ns) on, `page_size` at most.
    """
    search = SeamSearch(first, last, windows, page_size)
    for target in search.targets:
        for number in range(1, MOST_GUESSES + 1):
            guess_ns = None if search.is_found(target) else search.guess(target, number)
            if guess_ns is None:
                break
            search.hear(ask(guess_ns))
    return search.chosen()
