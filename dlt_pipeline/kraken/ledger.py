"""What the ledger proves: merged ranges, and which ranges a load still has to ask for. Pure; times in ns, UTC."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dlt_pipeline.kraken.cursor import Cursor, start_at
from dlt_pipeline.kraken.settings import STEP_BACK_LIMIT_NS

Link = tuple[int, int, int | None]
# What a later load reads back of a ledger row, in this order: so many columns of asking, then the cursor behind it.
ASKED_COLUMNS = 4
LEDGER_COLUMNS = (
    "covered_from_ns",
    "since",
    "asked_tail_count",
    "asked_known_trade_id",
    "next_since",
    "covered_to_ns",
    "tail_time_ns",
    "tail_count",
    "known_trade_id",
    "idless_since_id",
)


def link_of(cursor: Cursor) -> Link:
    """Return what links an answer to the one before it: it was asked for with just that one's cursor."""
    return cursor.since, cursor.tail_count, cursor.known_trade_id


@dataclass(frozen=True)
class LedgerRow:
    """One committed answer: it proves [covered_from_ns, cursor.covered_to_ns); the cursor stands behind it.

    Of the trades at its very first instant, and as much later as times may step back, it holds only those that the
    cursor it was asked with did not know yet: so much is proven only together with the row before it, whose cursor
    stood at `asked_from`.
    """

    covered_from_ns: int
    asked_from: Link
    cursor: Cursor

    @property
    def is_beginning(self) -> bool:
        """Whether nothing was known before it, so that it is whole from its first instant on."""
        _, tail_count, known_trade_id = self.asked_from
        return known_trade_id is None and tail_count == 0


def ledger_row(values: tuple[Any, ...]) -> LedgerRow:
    """Turn the values of LEDGER_COLUMNS back into what it was made of."""
    covered_from_ns, *asked, since, covered_to_ns, tail_time_ns, tail_count, known_trade_id, idless = values
    cursor = Cursor(since, covered_to_ns, tail_time_ns, tail_count, known_trade_id, idless)
    return LedgerRow(covered_from_ns, (asked[0], asked[1], asked[2]), cursor)


@dataclass(frozen=True)
class Range:
    """A time range proven loaded, half-open and whole, with the cursor that goes on from its end."""

    from_ns: int
    cursor: Cursor

    @property
    def to_ns(self) -> int:
        """End of the range, exclusive."""
        return self.cursor.covered_to_ns


@dataclass(frozen=True)
class MissingRange:
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
    """Join overlapping and touching ledger rows to ranges, ascending: of each row what it proves with those before."""
    proven: list[Range] = []
    from_of: dict[Link, int] = {}
    for row in sorted(rows, key=lambda row: _reach(row.cursor)):
        from_ns = row.covered_from_ns
        if not row.is_beginning:
            before_ns = from_of.get(row.asked_from)
            from_ns = from_ns + STEP_BACK_LIMIT_NS + 1 if before_ns is None else max(from_ns, before_ns)
        place = link_of(row.cursor)
        from_of[place] = min(from_ns, from_of.get(place, from_ns))
        if from_ns <= row.cursor.covered_to_ns:
            proven.append(Range(from_ns, row.cursor))
    ranges: list[Range] = []
    for each in sorted(proven, key=lambda each: each.from_ns):
        if ranges and each.from_ns <= ranges[-1].to_ns:
            ranges[-1] = Range(ranges[-1].from_ns, max(ranges[-1].cursor, each.cursor, key=_reach))
        else:
            ranges.append(each)
    return ranges


def missing(ranges: list[Range], start_ns: int, end_ns: int | None) -> list[MissingRange]:
    """Return what [start_ns, end_ns) still lacks, ascending; without an end the newest trades are always asked for.

    A missing range that begins where a known one ends goes on from its cursor, so that the seam is proven by ids.
    """
    wanted: list[MissingRange] = []
    position = start_at(start_ns)
    for known in ranges:
        if known.to_ns < position.covered_to_ns or known.to_ns == known.from_ns:
            continue
        if end_ns is not None and known.from_ns > end_ns:
            break
        if known.from_ns > position.covered_to_ns:
            wanted.append(MissingRange(position, known.from_ns))
        position = known.cursor
    if end_ns is None or position.covered_to_ns < end_ns:
        wanted.append(MissingRange(position, end_ns))
    return wanted
