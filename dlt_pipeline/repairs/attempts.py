"""What repairs have tried, append-only in `kraken_ops.repair_attempts`, and when a gap is given up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import Span
from dlt_pipeline.kraken.settings import resolved
from dlt_pipeline.warehouse.database import open_warehouse
from dlt_pipeline.warehouse.ops import REPAIR_ATTEMPTS, ensure_table

_LIMITS: Final[dict[str, tuple[float, float]]] = {"repair_attempts": (1, 1_000), "repair_hours_between": (0, 8_760)}


@configspec
class RepairSettings(BaseConfiguration):
    """Settings of a repair; `SOURCES__KRAKEN__<NAME>` in the environment or `[sources.kraken]` in config.toml."""

    # A lagging backend of Kraken's catches up within a day; what three days did not bring will not come.
    repair_attempts: int = 3
    # Tries within a day meet the same backends: they count once, and only --again asks sooner.
    repair_hours_between: float = 24.0


def load_repair_settings() -> RepairSettings:
    """Resolve the settings from dlt's config. BadInputError if impossible."""
    settings = resolved(RepairSettings(), "sources", "kraken")
    for name, (lowest, highest) in _LIMITS.items():
        value = getattr(settings, name)
        if not lowest <= value <= highest:
            raise BadInputError(f"sources.kraken.{name} is {value}; it must lie between {lowest} and {highest}.")
    return settings


_COLUMNS: Final = (
    "symbol, from_ns, to_ns, reason, first_missing_id, last_missing_id, times_asked, outcome, error, happened_at"
)


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
            connection.execute(
                f"insert into {REPAIR_ATTEMPTS} ({_COLUMNS}, is_given_up, job_id) "  # noqa: S608 - own names
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *(each.symbol, *each.span, each.reason, each.first_missing_id, each.last_missing_id),
                    *(each.times_asked, each.outcome, each.error, each.happened_at, is_given_up, each.job_id),
                ],
            )
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
