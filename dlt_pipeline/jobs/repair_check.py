"""What came of a repair: what is proven after the build, what stays a gap and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from dlt_pipeline.jobs.repair_windows import Repair
from dlt_pipeline.jobs.spans import Span, cut, without
from dlt_pipeline.jobs.unproven import Gap, Unproven, read_unproven
from dlt_pipeline.warehouse import open_warehouse

_HOLES: Final = "select symbol, from_time_ns, to_time_ns, times_asked from kraken_raw.id_holes where found_at >= ?"


@dataclass(frozen=True)
class Stays:
    """A stretch, [start, end) in ns UTC, that is still not proven, by the reason of `kraken.gaps`.

    The ids are the first and last between its neighbours, None where unknown; `times_asked` is how often Kraken was
    asked for it this time.
    """

    span: Span
    reason: str
    first_missing_id: int | None
    last_missing_id: int | None
    times_asked: int


@dataclass(frozen=True)
class Outcome:
    """How a repair ended: filled, unfilled (`stays` says what), or failed (`error` says why Kraken was not asked)."""

    repair: Repair
    outcome: str
    stays: tuple[Stays, ...] = ()
    error: str | None = None


def check_repairs(
    path: Path, repairs: Sequence[Repair], began_at: datetime, failures: Mapping[str, Exception] | None = None
) -> list[Outcome]:
    """Read of each repair what the last build made of it; `began_at` (naive UTC) is when its load began.

    `failures` are the errors of symbols whose load failed.
    """
    known = read_unproven(path, None, 1)
    with open_warehouse(path, read_only=True) as connection:
        holes = connection.execute(_HOLES, [began_at]).fetchall()
    asked = [(symbol, (start, end + 1), times) for symbol, start, end, times in holes]
    return [outcome_of(each, known, asked, (failures or {}).get(each.symbol)) for each in repairs]


def outcome_of(
    repair: Repair, known: Unproven, asked: Iterable[tuple[str, Span, int]], failure: Exception | None = None
) -> Outcome:
    """Judge one repair; `asked` are the holes met while loading and how often each was asked for. Pure."""
    times = [(span, count) for symbol, span, count in asked if symbol == repair.symbol]
    gaps = [gap for gap in known.gaps if gap.symbol == repair.symbol]
    stays = [
        _stays(part, gap, max([count for span, count in times if cut(part, [span])], default=1))
        for open_part in without(repair.span, known.covered.get(repair.symbol, []))
        for part, gap in _by_gap(open_part, gaps)
    ]
    if not stays:
        return Outcome(repair, "filled")
    if failure is not None:
        return Outcome(repair, "failed", tuple(stays), str(failure))
    return Outcome(repair, "unfilled", tuple(stays))


def _by_gap(span: Span, gaps: Sequence[Gap]) -> list[tuple[Span, Gap | None]]:
    """Cut a span by the gaps it lies in; before the first and after the last covered instant there are none."""
    within: list[tuple[Span, Gap | None]] = [(part, gap) for gap in gaps for part in cut(span, [gap.span])]
    outside: list[tuple[Span, Gap | None]] = [(part, None) for part in without(span, [gap.span for gap in gaps])]
    return sorted(within + outside, key=lambda found: found[0])


def _stays(part: Span, gap: Gap | None, times_asked: int) -> Stays:
    if gap is None:
        return Stays(part, "never_loaded", None, None, times_asked)
    if gap.id_before is None or gap.id_after is None or gap.id_after - gap.id_before < 2:
        return Stays(part, gap.reason, None, None, times_asked)
    return Stays(part, gap.reason, gap.id_before + 1, gap.id_after - 1, times_asked)
