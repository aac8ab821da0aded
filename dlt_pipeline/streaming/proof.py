"""Compares what a stream said with what REST gave, id by id. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from dlt_pipeline.kraken.heard import IdRange, Stretch


@dataclass(frozen=True)
class Loaded:
    """What the warehouse holds of a symbol: which ids of the stretches judged, and spans of ids that the ledger proves.

    A span goes from the first to the last id of an unbroken stretch of coverage. `begins_ns` is where the first one
    begins (None: nothing is loaded), which is all there is to know where nobody traded since.
    """

    ids: Collection[int]
    spans: tuple[IdRange, ...]
    begins_ns: int | None

    @property
    def reach(self) -> int:
        """Highest id that a complete load came to; 0 if there is none."""
        return max((last for _, last in self.spans), default=0)

    def has_seen(self, trade_id: int, time_ns: int) -> bool:
        """Whether loads came to this trade, or began behind it."""
        return trade_id <= self.reach or self.is_before(time_ns)

    def is_before(self, time_ns: int) -> bool:
        """Whether a trade of this time (ns) is older than what was asked to be loaded."""
        return self.begins_ns is not None and time_ns < self.begins_ns


@dataclass(frozen=True)
class Proof:
    """A stretch against the record; `not_in_rest` are ids that were heard, and that a load reached and did not get."""

    stretch: Stretch
    completed_from_rest: int
    """Ids that the stream left out and a load brought."""
    not_loaded_yet: int
    """Ids heard that no load has come to so far."""
    outside_load: int
    """Ids heard of before what was asked to be loaded: a snapshot looks back further than a load may."""
    not_in_rest: tuple[int, ...]

    @property
    def is_done(self) -> bool:
        """Whether later loads can add nothing to it."""
        return not self.not_loaded_yet


def prove(stretch: Stretch, loaded: Loaded) -> Proof:
    """Judge each id of a stretch; an id is known to be missing at REST only if a load went on behind it."""
    waiting = outside = 0
    lost: list[int] = []
    is_all_before = loaded.is_before(stretch.newest_time_ns)
    for each in _ids(stretch.heard):
        if each in loaded.ids:
            continue
        if any(first <= each <= last for first, last in loaded.spans):
            lost.append(each)
        elif each > loaded.reach and not is_all_before:
            waiting += 1
        else:
            outside += 1
    completed = sum(each in loaded.ids for each in _ids(stretch.missing))
    return Proof(stretch, completed, waiting, outside, tuple(lost))


def _ids(ranges: Iterable[IdRange]) -> Iterator[int]:
    for first, last in ranges:
        yield from range(first, last + 1)
