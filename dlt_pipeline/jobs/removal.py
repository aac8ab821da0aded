"""The raw trades of a job that is not to keep them: wanted before its build, removed after its check."""

import threading
from datetime import datetime
from pathlib import Path

from dlt_pipeline.common.exceptions import BadInputError, WarehouseError
from dlt_pipeline.jobs.build import build_result
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.retention import (
    BY_AGE,
    RemovalReport,
    keep_trades_days,
    remove_trades,
    request_old_days,
    request_removal,
)
from dlt_pipeline.warehouse.database import require_trades, warehouse_path


def request_removal_for(path: Path, job: Job) -> None:
    """Ask the next build to keep the candles of the job's whole UTC days, if its trades are to go."""
    days = job.days_to_remove
    if days:
        request_removal(path, job.symbol, *days, str(job.job_id))


def remove_for(path: Path, job: Job, stop: threading.Event) -> str:
    """Remove the trades of the job's days whose candles are kept; return what became of them in words."""
    return describe_removal(remove_trades(path, str(job.job_id), stop))


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
