"""Builds with dbt as the jobs of a warehouse want it: the timeframes and policies that rebuilds asked for stay."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.common.exceptions import BadInputError, NothingBuiltError, WarehouseError
from dlt_pipeline.common.time import timeframe_seconds
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.jobs.store import JobStore, this_process
from dlt_pipeline.publishing.publisher import publish
from dlt_pipeline.publishing.unchanged import BROKEN_OFF, remember_builder, remember_checks
from dlt_pipeline.retention import (
    BY_AGE,
    RemovalReport,
    keep_trades_days,
    remove_trades,
    request_old_days,
)
from dlt_pipeline.warehouse.database import require_trades, warehouse_path
from dlt_pipeline.warehouse.dbt import BuildResult, partial_argument, project_variables, run_build

_TIMEFRAMES: Final = "kraken_candles_timeframes"
_OVERRIDES: Final = "kraken_candles_empty_bucket_overrides"


def build(warehouse: str | Path | None = None, arguments: Sequence[str] = (), quiet: bool = False) -> bool:
    """Run `dbt build` as `build_result` does, and publish as the command does if all is green; True if it is.

    What only a part was built of (`--select`) is not published. Raises what `publish` does too.
    """
    is_green = build_result(warehouse, arguments, quiet).is_green
    if is_green and not partial_argument(arguments):
        with suppress(NothingBuiltError):  # a project may have no tables of exports
            publish(warehouse)
    return is_green


def build_result(
    warehouse: str | Path | None = None,
    arguments: Sequence[str] = (),
    quiet: bool = False,
    on_node: Callable[[str, int, int], None] | None = None,
    stood: str | None = None,
) -> BuildResult:
    """Run `dbt build` (models and tests) on the warehouse, with the timeframes and policies that its jobs asked for.

    `arguments` go to dbt as they are, such as `("--select", "candles")`; a `--vars` in them has the last word. The
    models' unit tests, which say nothing of the warehouse, run only where `arguments` choose the kinds of nodes by
    `--resource-type`. dbt's files go to `target/` and `logs/` here, or beside the warehouse where nothing can be
    written here; `quiet` leaves its words to the log alone, and `on_node` is told the name, number and total of each
    model and test that begins. By `stood` (see `run_build`) views and models of what is not there are left as they
    are. DBT_WRITE_JSON=true adds dbt's manifest and run results, DBT_LOG_LEVEL_FILE=debug each statement. Raises
    NothingLoadedError before the first load, WarehouseLockedError if the file is in use, BadInputError for a variable
    that cannot be.
    """
    path, is_whole = warehouse_path(warehouse), not partial_argument(arguments)

    with ExitStack() as told:

        def begin() -> dict[str, Any]:
            if is_whole:
                told.enter_context(told_as_running(path))
            return job_variables(path)

        def hear(name: str, number: int, total: int) -> None:
            if is_whole:
                mark_begun(path, number)
            if on_node:
                on_node(name, number, total)

        result = run_build(path, arguments, begin, quiet, hear, stood)
        if is_whole:
            found = [*map(str, result.red), *result.errors]
            remember_checks(path, found if found or result.is_green else ["dbt"])
    return result


@contextmanager
def told_as_running(path: Path) -> Iterator[None]:
    """Let `status` know that this process makes a whole build, as long as it does."""
    remember_builder(path, this_process())
    try:
        yield
    finally:
        remember_builder(path, None)


def mark_begun(path: Path, number: int) -> None:
    """With the first node a whole build is one that has not ended; refused before it, it leaves what stood before."""
    if number == 1:
        remember_checks(path, [BROKEN_OFF])


def describe_removal(report: RemovalReport) -> str:
    """Say what was removed, and why the rest stays."""
    said = f"{report.trades:,} raw trades of {len(report.removed):,} days removed"
    if report.stay:
        reasons = ", ".join(sorted(set(report.stay.values())))
        said += f", {len(report.stay):,} days keep theirs ({reasons}; see kraken_internal.removal_checks)"
    return said


def apply_retention(
    warehouse: str | Path | None = None,
    keep_days: int | None = None,
    now: datetime | None = None,
    job_id: str | None = None,
    stop: threading.Event | None = None,
) -> RemovalReport:
    """Remove the raw trades of all days beyond an age, once a build has kept their candles.

    `keep_days`: whole UTC days before today's whose trades stay (default: KRAKEN_CANDLES_KEEP_TRADES_DAYS; without
    both nothing is removed). `now`: default this machine's clock; without a zone it is UTC. Raises BadInputError,
    NothingLoadedError or another WarehouseError.
    """
    path = warehouse_path(warehouse)
    days_kept = keep_trades_days() if keep_days is None else keep_days
    if days_kept is None:
        return RemovalReport()
    if days_kept < 0:
        raise BadInputError(f"Trades cannot be kept for {days_kept} days; it must be a whole number from 0.")
    require_trades(path)
    if not request_old_days(path, days_kept, now, job_id):
        return RemovalReport()
    result = build_result(path, quiet=True)
    if not result.is_green:
        first = (*result.errors, *map(str, result.red), f"{result.log} says what")[0]
        raise WarehouseError(f"No trades were removed, for the build of {path} is not green: {first}.")
    return remove_trades(path, job_id or BY_AGE, stop)


def job_variables(warehouse: Path) -> dict[str, Any]:
    """Return the variables that the warehouse's jobs add to the project's; none if they want nothing besides.

    A job counts from its first build on, and ever after: what was built is not to vanish with the next build.
    """
    return variables_of(JobStore(warehouse).built())


def variables_of(jobs: Iterable[Job]) -> dict[str, Any]:
    """Return dbt's variables for these jobs; of two policies for the same candles the newer job's counts."""
    own = project_variables()
    known = {timeframe["seconds"] for timeframe in own[_TIMEFRAMES] if not timeframe.get("offset_seconds")}
    timeframes: dict[str, int] = {}
    overrides: dict[tuple[str, str], str] = {}
    for job in jobs:
        if not job.kind.is_building:
            continue
        options = job.parsed
        seconds = timeframe_seconds(options.bucket_size)
        if seconds not in known:
            timeframes[options.bucket_size] = seconds
        if options.empty_bucket_policy:
            overrides[job.symbol, options.bucket_size] = options.empty_bucket_policy
    found: dict[str, Any] = {}
    if timeframes:
        found[_TIMEFRAMES] = own[_TIMEFRAMES] + [{"name": name, "seconds": size} for name, size in timeframes.items()]
    if overrides:
        more = [{"symbol": s, "timeframe": t, "policy": policy} for (s, t), policy in overrides.items()]
        found[_OVERRIDES] = (own[_OVERRIDES] or []) + more
    return found
