"""What the commands do that only read and write the queue; none of them needs dlt, ccxt or dbt, which take seconds."""

from collections.abc import Mapping, Sequence
from typing import Any

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.console import Console
from dlt_pipeline.jobs.job import STATUSES, Job
from dlt_pipeline.jobs.queue import add_jobs, cancel_jobs, list_jobs, make_job, retry_jobs
from dlt_pipeline.jobs.store import JobStore
from dlt_pipeline.jobs.telling import jobs_table, status_text, tell_history
from dlt_pipeline.warehouse.database import warehouse_path


def run_add(
    console: Console,
    job_type: str,
    symbols: Sequence[str],
    start: str | None,
    end: str | None,
    options: Mapping[str, Any],
    exact: bool,
) -> int:
    """Queue a job a symbol."""
    jobs = [make_job(job_type, symbol, start, end, options, exact=exact) for symbol in dict.fromkeys(symbols)]
    tell_queued(console, add_jobs(jobs))
    return 0


def run_list(console: Console, status: str | None) -> int:
    """Show the jobs, all or those of a status."""
    if status is not None and status not in STATUSES:
        raise BadInputError(f"The status {status!r} is unknown; there are {', '.join(STATUSES)}.")
    found = [job for job in list_jobs() if status in (None, job.status)]
    if found:
        console.print(jobs_table(found))
    else:
        console.print(f"There are no {status + ' ' if status else ''}jobs in {warehouse_path()}.", markup=False)
    return 0


def run_show(console: Console, job_id: int) -> int:
    """Show all that is written down of a job."""
    tell_history(console, JobStore(warehouse_path()).events(job_id))
    return 0


def run_cancel(console: Console, job_ids: Sequence[int]) -> int:
    """Cancel jobs and say what they are now."""
    for job in cancel_jobs(job_ids):
        console.print(f"{job.name}: {status_text(job)}", markup=False)
    return 0


def run_retry(console: Console, job_ids: Sequence[int]) -> int:
    """Queue jobs again and say so."""
    tell_queued(console, retry_jobs(job_ids))
    return 0


def tell_queued(console: Console, jobs: Sequence[Job]) -> None:
    """Say that these jobs are queued."""
    for job in jobs:
        console.print(f"{job.name}: queued, {job.window} (UTC)", markup=False)
