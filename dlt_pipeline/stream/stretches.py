"""Stretches of time and ids that the stream heard without a break, and what of them REST gave afterwards."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Final

EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as everywhere in the warehouse
# Ids of months of the busiest pair: one that lies further ahead is a slip of the exchange's.
_FARTHEST: Final = 10_000_000
IdRange = tuple[int, int]  # first and last id, both inclusive


@dataclass(frozen=True)
class StreamedRange:
    """Trades heard over one connection, or a piece of it; times of hearing are our clock's, naive UTC.

    `after_trade_id` is the newest id heard before it (None: nothing was): what follows it belongs to this stretch,
    also what nobody heard because there was no connection. So stretches follow each other and never overlap.
    """

    symbol: str
    connection: int
    connected_at: datetime
    disconnected_at: datetime | None
    after_trade_id: int | None
    heard: tuple[IdRange, ...]
    """Ascending runs of ids without a hole."""
    first_heard_at: datetime
    last_heard_at: datetime
    from_time_ns: int
    """No trade of it is older: the time of the trade before it, or of the oldest one heard."""
    newest_time_ns: int
    """Of the newest trade itself, to the microsecond: the stream shows no more."""
    is_open: bool

    @property
    def first_trade_id(self) -> int:
        """Lowest id heard."""
        return self.heard[0][0]

    @property
    def last_trade_id(self) -> int:
        """Highest id heard."""
        return self.heard[-1][1]

    @property
    def trade_count(self) -> int:
        """How many trades were heard, each once."""
        return sum(last - first + 1 for first, last in self.heard)

    @property
    def missing(self) -> tuple[IdRange, ...]:
        """Ids that were not heard: between the stretch before and this one, and inside it."""
        ends = [last for _, last in self.heard]
        starts = [first for first, _ in self.heard]
        before = self.first_trade_id - 1 if self.after_trade_id is None else self.after_trade_id
        return tuple(
            (end + 1, start - 1) for end, start in zip([before, *ends], starts, strict=False) if end + 1 < start
        )

    @property
    def missing_count(self) -> int:
        """How many ids were not heard."""
        return sum(last - first + 1 for first, last in self.missing)


@dataclass
class _Piece:
    """A stretch that grows."""

    connection: int
    connected_at: datetime
    after_trade_id: int | None
    first_heard_at: datetime
    last_heard_at: datetime
    from_time_ns: int
    newest_time_ns: int
    disconnected_at: datetime | None = None
    is_open: bool = True
    runs: list[IdRange] = field(default_factory=list)

    def shown(self, symbol: str) -> StreamedRange:
        values = {name: value for name, value in vars(self).items() if name != "runs"}
        return StreamedRange(symbol=symbol, heard=tuple(self.runs), **values)


class Stretches:
    """Everything heard of one symbol that is not forgotten yet."""

    def __init__(self, symbol: str) -> None:
        """Nothing heard yet."""
        self.symbol = symbol
        self.newest: tuple[int, int] | None = None
        """Highest id heard, and its trade's time in ns."""
        self._pieces: list[_Piece] = []
        self._connection, self._connected_at = 0, EPOCH

    def connect(self, at: datetime) -> None:
        """A connection begins to tell of this symbol."""
        self.close()
        self._connection, self._connected_at = self._connection + 1, at

    def close(self, disconnected_at: datetime | None = None) -> None:
        """End the open stretch: the connection ended then, or (None) what is heard next is to be a piece of its own."""
        if not self._pieces:
            return
        newest = self._pieces[-1]
        if newest.is_open or newest.connection == self._connection:
            newest.is_open = False
            newest.disconnected_at = newest.disconnected_at or disconnected_at

    def take(self, trades: Iterable[tuple[int, int]], at: datetime) -> int:
        """Take trades as (id, time in ns), in any order and any number of times; returns how many were news.

        An id that lies too far ahead of the newest one is news, for REST to be asked, and nothing else.
        """
        return sum(self._take(trade_id, time_ns, at) for trade_id, time_ns in sorted(trades))

    def _take(self, trade_id: int, time_ns: int, at: datetime) -> bool:
        if self.newest is not None and trade_id > self.newest[0] + _FARTHEST:
            return True
        if not (self._pieces and self._pieces[-1].is_open):
            if self.newest is not None and trade_id <= self.newest[0]:
                return self._fill(trade_id)
            after_id, after_ns = self.newest or (None, time_ns)
            self._pieces.append(_Piece(self._connection, self._connected_at, after_id, at, at, after_ns, time_ns))
        piece = self._pieces[-1]
        if piece.after_trade_id is not None and trade_id <= piece.after_trade_id:
            return self._fill(trade_id)
        if not add(piece.runs, trade_id):
            return False
        piece.last_heard_at = at
        piece.from_time_ns = min(piece.from_time_ns, time_ns)
        piece.newest_time_ns = max(piece.newest_time_ns, time_ns)
        if self.newest is None or trade_id > self.newest[0]:
            self.newest = (trade_id, time_ns)
        return True

    def _fill(self, trade_id: int) -> bool:
        """Take an id from before the newest stretch: a snapshot repeats what was said, and what was missed."""
        for piece in reversed(self._pieces):
            if piece.after_trade_id is None or trade_id > piece.after_trade_id:
                return trade_id <= piece.runs[-1][1] and add(piece.runs, trade_id)
        return False

    def stretches(self) -> list[StreamedRange]:
        """What was heard, ascending."""
        return [piece.shown(self.symbol) for piece in self._pieces]

    def forget(self, up_to_id: int) -> None:
        """Drop closed stretches that end at this id or before."""
        self._pieces = [piece for piece in self._pieces if piece.is_open or piece.runs[-1][1] > up_to_id]


def add(runs: list[IdRange], trade_id: int) -> bool:
    """Put an id into ascending runs, which stay without overlap; whether it was new."""
    place = bisect_right(runs, (trade_id, trade_id))
    is_before = place > 0 and runs[place - 1][1] >= trade_id
    if is_before or (place < len(runs) and runs[place][0] == trade_id):
        return False
    first = last = trade_id
    if place < len(runs) and runs[place][0] == trade_id + 1:
        last = runs.pop(place)[1]
    if place and runs[place - 1][1] == trade_id - 1:
        place -= 1
        first = runs.pop(place)[0]
    runs.insert(place, (first, last))
    return True


@dataclass(frozen=True)
class LoadedIds:
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
class StreamProof:
    """A stretch against the record; `not_in_rest` are ids that were heard, and that a load reached and did not get."""

    stretch: StreamedRange
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


def prove(stretch: StreamedRange, loaded: LoadedIds) -> StreamProof:
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
    missing = stretch.missing  # may be many, where what is loaded is not
    completed = sum(is_within(missing, each) for each in loaded.ids)
    return StreamProof(stretch, completed, waiting, outside, tuple(lost))


def is_within(ranges: Sequence[IdRange], trade_id: int) -> bool:
    """Whether one of ascending ranges without overlap has the id."""
    place = bisect_right(ranges, trade_id, key=itemgetter(0))
    return place > 0 and trade_id <= ranges[place - 1][1]


def _ids(ranges: Iterable[IdRange]) -> Iterator[int]:
    for first, last in ranges:
        yield from range(first, last + 1)
