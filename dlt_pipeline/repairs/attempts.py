"""What came of repairs, append-only in `kraken_ops.repair_attempts`, and when a gap is given up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.common.time import Span, cut, without
from dlt_pipeline.kraken.settings import resolved
from dlt_pipeline.repairs.gaps import CoverageState, Gap, Repair, read_coverage_state
from dlt_pipeline.warehouse.database import open_warehouse
from dlt_pipeline.warehouse.ops import REPAIR_ATTEMPTS, ensure_table

_LIMITS: Final[dict[str, tuple[float, float]]] = {"repair_attempts": (1, 1_000), "repair_hours_between": (0, 8_760)}
# Of an attempt, in the order of its fields.
_COLUMNS: Final = (
    "symbol, from_ns, to_ns, reason, first_missing_id, last_missing_id, times_asked, outcome, error, happened_at"
)
_HOLES: Final = """
    select
        holes.symbol, holes.from_time_ns, holes.to_time_ns + 1, holes.first_missing_id, holes.last_missing_id,
        coalesce(max(found.times_asked) filter (where found.found_at >= ?), 1)
    from kraken.id_holes as holes
    left join kraken_raw.id_holes as found using (symbol, first_missing_id, last_missing_id)
    where not holes.is_lifted
    group by all
"""


@configspec
class RepairSettings(BaseConfiguration):
    """Settings of a repair; `SOURCES__KRAKEN__<NAME>` in the environment or `[sources.kraken]` in config.toml."""

    # A lagging backend of Kraken's catches up within a day; what three days did not bring will not come.
    repair_attempts: int = 3
    # Tries within a day meet the same backends: they count once, and only --again asks sooner.
    repair_hours_between: float = 24.0


def load_repair_settings() -> RepairSettings:
    """Resolve the settings from dlt's config. BadInputError if impossible."""
    return resolved(RepairSettings(), "sources", "kraken", limits=_LIMITS)


@dataclass(frozen=True)
class Attempt:
    """One try at a stretch [start, end) in ns UTC, and what came of it; `happened_at` is naive UTC.

    `outcome` is filled, unfilled (Kraken answered, and still it is not proven) or failed (`error` says why Kraken could
    not be asked). The ids are those still missing, None where unknown.
    """

    symbol: str
    span: Span
    reason: str
    first_missing_id: int | None
    last_missing_id: int | None
    times_asked: int
    outcome: str
    error: str | None
    happened_at: datetime
    job_id: int | None = None


def read_attempts(path: Path) -> list[Attempt]:
    """Return all attempts, in the order in which they happened; none before the first repair."""
    with open_warehouse(path, read_only=True) as connection:
        try:
            query = f"select {_COLUMNS} from {REPAIR_ATTEMPTS} order by happened_at"  # noqa: S608 - own names
            rows = connection.execute(query).fetchall()
        except duckdb.CatalogException:
            return []
    return [Attempt(symbol, (start, end), *rest) for symbol, start, end, *rest in rows]


def write_attempts(path: Path, attempts: Sequence[Attempt], settings: RepairSettings) -> None:
    """Append attempts in one transaction. Each says whether with it the stretch is given up."""
    known = read_attempts(path)
    with open_warehouse(path) as connection:
        connection.begin()
        ensure_table(connection, REPAIR_ATTEMPTS)
        for each in attempts:
            known.append(each)
            is_given_up = tries(known, each.symbol, each.span, settings) >= settings.repair_attempts
            symbol, span, *rest = astuple(each)
            values = [symbol, *span, *rest, is_given_up]
            marks = ", ".join("?" for _ in values)
            query = f"insert into {REPAIR_ATTEMPTS} ({_COLUMNS}, job_id, is_given_up) values ({marks})"  # noqa: S608 - own names
            connection.execute(query, values)
        connection.commit()


def unfilled(attempts: Iterable[Attempt], symbol: str, span: Span) -> list[Attempt]:
    """Return the attempts that left just this stretch open: one that changed anything left another one."""
    return [each for each in attempts if (each.symbol, each.span, each.outcome) == (symbol, span, "unfilled")]


def tries(attempts: Iterable[Attempt], symbol: str, span: Span, settings: RepairSettings) -> int:
    """Count the attempts that changed nothing; those too near to the one counted before it count with it."""
    count, last = 0, None
    for each in unfilled(attempts, symbol, span):
        if last is None or each.happened_at - last >= timedelta(hours=settings.repair_hours_between):
            count, last = count + 1, each.happened_at
    return count


def why_not_now(
    attempts: Sequence[Attempt], symbol: str, span: Span, settings: RepairSettings, now: datetime
) -> str | None:
    """Say why a stretch is not to be asked for at `now` (naive UTC): given up, or tried a short while ago."""
    found = unfilled(attempts, symbol, span)
    if not found:
        return None
    last = found[-1].happened_at
    count = tries(attempts, symbol, span, settings)
    if count >= settings.repair_attempts:
        return f"given up after {count} tries, the last at {last:%Y-%m-%d %H:%M} UTC"
    due = last + timedelta(hours=settings.repair_hours_between)
    if now < due:
        return f"tried at {last:%Y-%m-%d %H:%M} UTC; next from {due:%Y-%m-%d %H:%M} UTC"
    return None


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
    known = read_coverage_state(path, None, 1)
    with open_warehouse(path, read_only=True) as connection:
        rows = connection.execute(_HOLES, [began_at]).fetchall()
    holes: dict[str, list[Stays]] = {}
    for symbol, start, end, *rest in rows:
        holes.setdefault(symbol, []).append(Stays((start, end), "ids_missing", *rest))
    return [_outcome(each, known, holes.get(each.symbol, []), (failures or {}).get(each.symbol)) for each in repairs]


def _outcome(repair: Repair, known: CoverageState, holes: Sequence[Stays], failure: Exception | None) -> Outcome:
    """Judge one repair by the state of the build and the holes of its symbol that stand in it. Pure."""
    gaps = [gap for gap in known.gaps if gap.symbol == repair.symbol]
    stays = tuple(
        _stays(part, gap, [hole for hole in holes if cut(part, [hole.span])])
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


def _stays(part: Span, gap: Gap | None, holes: Sequence[Stays]) -> Stays:
    reason = gap.reason if gap else "never_loaded"
    times_asked = max((hole.times_asked for hole in holes), default=1)
    if holes and reason == "ids_missing":
        ids = [each for hole in holes for each in (hole.first_missing_id, hole.last_missing_id) if each is not None]
        return Stays(part, reason, min(ids), max(ids), times_asked)
    if gap is None or gap.id_before is None or gap.id_after is None or gap.id_after - gap.id_before < 2:
        return Stays(part, reason, None, None, times_asked)
    return Stays(part, reason, gap.id_before + 1, gap.id_after - 1, times_asked)
