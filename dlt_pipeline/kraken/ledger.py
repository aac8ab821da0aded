"""What the ledger proves: merged ranges, and which ranges a load still has to ask for. Pure; times in ns, UTC."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from dlt_pipeline.kraken.cursor import Cursor, start_at

Place = tuple[int, int, int | None]


def place_of(cursor: Cursor) -> Place:
    """Return what links an answer to the one before it: it was asked for with just that one's cursor."""
    return cursor.since, cursor.tail_count, cursor.known_trade_id


@dataclass(frozen=True)
class LedgerRow:
    """One committed answer: it proves [covered_from_ns, cursor.covered_to_ns); the cursor stands behind it.

    Of the trades at its very first instant it holds only those that the cursor it was asked with did not know yet, so
    that instant is proven together with the row before it, whose cursor stood at `asked_from`.
    """

    covered_from_ns: int
    asked_from: Place
    cursor: Cursor

    @property
    def is_beginning(self) -> bool:
        """Whether nothing was known before it, so that its first instant is whole."""
        _, tail_count, known_trade_id = self.asked_from
        return known_trade_id is None and tail_count == 0


@dataclass(frozen=True)
class Range:
    """A time range proven loaded, half-open, with the cursor that goes on from its end.

    Its first instant is whole only if it `is_beginning`; else the row before it is missing. `ends` are the places of
    all rows that end where it ends: loads that were cut off may have left several.
    """

    from_ns: int
    cursor: Cursor
    is_beginning: bool
    ends: frozenset[Place]

    @property
    def to_ns(self) -> int:
        """End of the range, exclusive."""
        return self.cursor.covered_to_ns

    def meets(self, row: LedgerRow) -> bool:
        """Whether the row goes on where this range ends, or begins inside it."""
        return row.covered_from_ns < self.to_ns or (
            row.covered_from_ns == self.to_ns and (row.is_beginning or row.asked_from in self.ends)
        )

    def joined(self, row: LedgerRow) -> "Range":
        """Return the range with the row."""
        ends = frozenset({place_of(row.cursor)})
        if row.cursor.covered_to_ns < self.to_ns:
            ends = self.ends
        elif row.cursor.covered_to_ns == self.to_ns:
            ends |= self.ends
        return Range(self.from_ns, max(self.cursor, row.cursor, key=_reach), self.is_beginning, ends)


@dataclass(frozen=True)
class Wanted:
    """A range to ask for: from the cursor's `covered_to_ns` up to `end_ns` (exclusive; None: the newest trade)."""

    cursor: Cursor
    end_ns: int | None


def _reach(cursor: Cursor) -> tuple[int, ...]:
    """What tells which of two cursors goes on from further; of two that end together, the one that knows more."""
    return (
        cursor.covered_to_ns,
        cursor.known_trade_id or 0,
        cursor.tail_time_ns,
        cursor.tail_count,
        cursor.idless_since_id,
        cursor.since,
    )


def merge(rows: Iterable[LedgerRow]) -> list[Range]:
    """Join overlapping ledger rows, and touching ones that follow each other, to ranges, ascending.

    Several rows may begin at one instant, each going on from another one of them; so they are joined until none fits.
    """
    ranges: list[Range] = []
    for _, group in groupby(sorted(rows, key=_start), key=_start):
        waiting = list(group)
        while waiting:
            fitting = [row for row in waiting if ranges and ranges[-1].meets(row)]
            if not fitting:
                first = next((row for row in waiting if row.is_beginning), waiting[0])
                ends = frozenset({place_of(first.cursor)})
                ranges.append(Range(first.covered_from_ns, first.cursor, first.is_beginning, ends))
                fitting = [first]
            else:
                for row in fitting:
                    ranges[-1] = ranges[-1].joined(row)
            waiting = [row for row in waiting if row not in fitting]
    return ranges


def _start(row: LedgerRow) -> int:
    return row.covered_from_ns


def missing(ranges: list[Range], start_ns: int, end_ns: int | None) -> list[Wanted]:
    """Return what [start_ns, end_ns) still lacks, ascending; without an end the newest trades are always asked for.

    A missing range that begins where a known one ends goes on from its cursor, so that the seam is proven by ids. One
    that ends where a known one begins takes that very instant in too, for it may be proven by the missing row alone.
    """
    wanted: list[Wanted] = []
    position = start_at(start_ns)
    for known in ranges:
        if known.to_ns < position.covered_to_ns or known.to_ns == known.from_ns:
            continue
        if end_ns is not None and known.from_ns > end_ns:
            break
        seam_ns = known.from_ns if known.is_beginning else known.from_ns + 1
        if seam_ns > position.covered_to_ns:
            wanted.append(Wanted(position, known.from_ns + 1))
        position = known.cursor
    if end_ns is None or position.covered_to_ns < end_ns:
        wanted.append(Wanted(position, end_ns))
    return wanted
