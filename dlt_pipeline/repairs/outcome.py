"""What came of a repair: what is proven after the build, what stays a gap and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from dlt_pipeline.common.time import Span, cut, without
from dlt_pipeline.repairs.gaps import Gap, Unproven, read_unproven
from dlt_pipeline.repairs.windows import Repair
from dlt_pipeline.warehouse.database import open_warehouse

_HOLES: Final = """
    select
        holes.symbol, holes.from_time_ns, holes.to_time_ns + 1, holes.first_missing_id, holes.last_missing_id,
        max(found.times_asked) filter (where found.found_at >= ?)
    from kraken.id_holes as holes
    left join kraken_raw.id_holes as found using (symbol, first_missing_id, last_missing_id)
    where not holes.is_lifted
    group by all
"""


@dataclass(frozen=True)
class OpenHole:
    """Trade ids that Kraken leaves out; `times_asked` while this repair was loading, None if it did not ask."""

    symbol: str
    span: Span
    first_id: int
    last_id: int
    times_asked: int | None


@dataclass(frozen=True)
class Stays:
    """A stretch, [start, end) in ns UTC, that is still not proven, by the reason of `kraken.gaps`.

    The ids are those that Kraken leaves out, else the first and last between its neighbours, None where unknown;
    `times_asked` is how often Kraken was asked for it this time.
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
        rows = connection.execute(_HOLES, [began_at]).fetchall()
    holes = [OpenHole(symbol, (start, end), *rest) for symbol, start, end, *rest in rows]
    return [outcome_of(each, known, holes, (failures or {}).get(each.symbol)) for each in repairs]


def outcome_of(repair: Repair, known: Unproven, holes: Iterable[OpenHole], failure: Exception | None = None) -> Outcome:
    """Judge one repair by the state of the build and the holes that stand in it. Pure."""
    gaps = [gap for gap in known.gaps if gap.symbol == repair.symbol]
    ours = [hole for hole in holes if hole.symbol == repair.symbol]
    stays = tuple(
        _stays(part, gap, [hole for hole in ours if cut(part, [hole.span])])
        for open_part in without(repair.span, known.covered.get(repair.symbol, []))
        for part, gap in _by_gap(open_part, gaps)
    )
    if not stays:
        return Outcome(repair, "filled")
    if failure is not None:
        return Outcome(repair, "failed", stays, str(failure))
    return Outcome(repair, "unfilled", stays)


def _by_gap(span: Span, gaps: Sequence[Gap]) -> list[tuple[Span, Gap | None]]:
    """Cut a span by the gaps it lies in; before the first and after the last covered instant there are none."""
    within: list[tuple[Span, Gap | None]] = [(part, gap) for gap in gaps for part in cut(span, [gap.span])]
    outside: list[tuple[Span, Gap | None]] = [(part, None) for part in without(span, [gap.span for gap in gaps])]
    return sorted(within + outside, key=lambda found: found[0])


def _stays(part: Span, gap: Gap | None, holes: Sequence[OpenHole]) -> Stays:
    reason = gap.reason if gap else "never_loaded"
    times_asked = max((hole.times_asked or 1 for hole in holes), default=1)
    if holes and reason == "ids_missing":
        first, last = min(hole.first_id for hole in holes), max(hole.last_id for hole in holes)
        return Stays(part, reason, first, last, times_asked)
    if gap is None or gap.id_before is None or gap.id_after is None or gap.id_after - gap.id_before < 2:
        return Stays(part, reason, None, None, times_asked)
    return Stays(part, reason, gap.id_before + 1, gap.id_after - 1, times_asked)
