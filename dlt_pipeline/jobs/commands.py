"""What the commands of jobs do, and the exit codes they end with."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from dlt_pipeline.console import Console
from dlt_pipeline.exceptions import BadInputError, WarehouseLockedError
from dlt_pipeline.jobs.job import STATUSES, Job
from dlt_pipeline.jobs.queue import add_jobs, cancel_jobs, list_jobs, make_job, retry_jobs
from dlt_pipeline.jobs.runner import run_jobs
from dlt_pipeline.jobs.store import JobStore
from dlt_pipeline.jobs.telling import jobs_table, status_text, tell_history, tell_job, tell_run
from dlt_pipeline.progress import ProgressListener
from dlt_pipeline.threads import beside_main
from dlt_pipeline.warehouse import warehouse_path


def run_rebuild(
    console: Console,
    stop: threading.Event,
    symbols: Sequence[str],
    start: str,
    end: str | None,
    options: Mapping[str, Any],
    exact: bool,
    yes: bool,
) -> int:
    """Queue a rebuild a symbol and run the queue."""
    jobs = [make_job("trade_rebuild", symbol, start, end, options, exact=exact) for symbol in dict.fromkeys(symbols)]
    added = add_jobs(jobs)
    _tell_queued(console, added)
    try:
        return run_queue(console, stop, yes)
    except WarehouseLockedError as error:
        console.print(f"{error} The jobs above stay queued.", markup=False)
        return 1


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
    _tell_queued(console, add_jobs(jobs))
    return 0


def run_queue(console: Console, stop: threading.Event, yes: bool) -> int:  # noqa: ARG001
    """Run what is queued and say how it went."""
    with ProgressListener(console) as listener:
        report = beside_main(
            lambda: run_jobs(tell=lambda job: tell_job(console, job), listener=listener, stop=stop),
            stop,
            lambda: console.print("Stopping after the page or step in hand; what is loaded will be committed."),
        )
    return tell_run(console, report)


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
    _tell_queued(console, retry_jobs(job_ids))
    return 0


def _tell_queued(console: Console, jobs: Sequence[Job]) -> None:
    for job in jobs:
        console.print(f"{job.name}: queued, {job.window} (UTC)", markup=False)
