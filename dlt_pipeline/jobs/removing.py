"""The raw trades of a job that is not to keep them: wanted before its build, removed after its check."""

import threading
from datetime import date, datetime, timezone
from pathlib import Path

from dlt_pipeline.common.time import NS_PER_DAY
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.jobs.retention import RemovalReport, remove_trades, want_removal, withdraw_removal


def want_for(path: Path, job: Job) -> None:
    """Ask the next build to keep the candles of the job's whole UTC days, if its trades are to go."""
    days = _days(job)
    if days:
        want_removal(path, job.symbol, *days, _owner(job))


def withdraw_for(path: Path, job: Job) -> None:
    """Take that back: the job failed or was cancelled, and what it loaded stays."""
    days = _days(job)
    if days:
        withdraw_removal(path, job.symbol, *days, _owner(job))


def remove_for(path: Path, job: Job, stop: threading.Event) -> str:
    """Remove the trades of the job's days whose candles are kept; return what became of them in words."""
    return told_removal(remove_trades(path, _owner(job), stop))


def told_removal(report: RemovalReport) -> str:
    """Say what was removed, and why the rest stays."""
    said = f"{report.trades:,} raw trades of {len(report.removed):,} days removed"
    if report.stay:
        reasons = ", ".join(sorted(set(report.stay.values())))
        said += f", {len(report.stay):,} days keep theirs ({reasons}; see kraken_internal.removal_checks)"
    return said


def _days(job: Job) -> tuple[date, date] | None:
    """Return the whole UTC days whose trades the job does not keep, the end exclusive; None where there are none."""
    if job.job_type != "trade_rebuild" or job.parsed.include_trades or job.start_ns is None or job.cursor_ns is None:
        return None
    end_ns = job.cursor_ns if job.end_ns is None else min(job.end_ns, job.cursor_ns)
    first, last = -(-job.start_ns // NS_PER_DAY), end_ns // NS_PER_DAY
    return (_day(first), _day(last)) if first < last else None


def _owner(job: Job) -> str:
    return str(job.job_id)


def _day(number: int) -> date:
    return datetime.fromtimestamp(number * 86_400, tz=timezone.utc).date()
