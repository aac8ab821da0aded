"""What the ledger proves: merged ranges, and which ranges a load still has to ask for. Pure; times in ns, UTC."""

from collections.abc import Iterable
from dataclasses import dataclass

from dlt_pipeline.kraken.cursor import Cursor, start_at


@dataclass(frozen=True)
class LedgerRow:
    """One committed answer: it proves [covered_from_ns, cursor.covered_to_ns); the cursor stands behind it."""

    covered_from_ns: int
    cursor: Cursor


@dataclass(frozen=True)
class Range:
    """A time range proven loaded, half-open, with the cursor that goes on from its end."""

    from_ns: int
    cursor: Cursor

    @property
    def to_ns(self) -> int:
        """End of the range, exclusive."""
        return self.cursor.covered_to_ns


@dataclass(frozen=True)
class Wanted:
    """A range to ask for: from the cursor's `covered_to_ns` up to `end_ns` (exclusive; None: the newest trade)."""

    cursor: Cursor
    end_ns: int | None


def _order(row: LedgerRow) -> tuple[int, int, int, int]:
    """Ascending; of rows that end together the one that knows most comes last and gives its cursor."""
    cursor = row.cursor
    return row.covered_from_ns, cursor.covered_to_ns, cursor.known_trade_id or 0, cursor.since


def merge(rows: Iterable[LedgerRow]) -> list[Range]:
    """Join touching and overlapping ledger rows to ranges, ascending."""
    ranges: list[Range] = []
    for row in sorted(rows, key=_order):
        if ranges and row.covered_from_ns <= ranges[-1].to_ns:
            if row.cursor.covered_to_ns >= ranges[-1].to_ns:
                ranges[-1] = Range(ranges[-1].from_ns, row.cursor)
        else:
            ranges.append(Range(row.covered_from_ns, row.cursor))
    return ranges


def missing(ranges: list[Range], start_ns: int, end_ns: int | None) -> list[Wanted]:
    """Return what [start_ns, end_ns) still lacks, ascending; without an end the newest trades are always asked for.

    A missing range that begins where a known one ends goes on from its cursor, so that the seam is proven by ids.
    """
    wanted: list[Wanted] = []
    position = start_at(start_ns)
    for known in ranges:
        if known.to_ns < position.covered_to_ns:
            continue
        if end_ns is not None and known.from_ns >= end_ns:
            break
        if known.from_ns > position.covered_to_ns:
            wanted.append(Wanted(position, known.from_ns))
        position = known.cursor
    if end_ns is None or position.covered_to_ns < end_ns:
        wanted.append(Wanted(position, end_ns))
    return wanted
