"""What the commands do that only read and write the queue; none of them needs dlt, ccxt or dbt, which take seconds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from dlt_pipeline.cli.console import STOPPED, Console, Rows, print_json, tell_next
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.jobs.job import STATUSES, Job
from dlt_pipeline.jobs.queue import add_jobs, cancel_jobs, list_jobs, make_job, retry_jobs
from dlt_pipeline.jobs.store import JobStore, RunReport, is_alive
from dlt_pipeline.warehouse.database import warehouse_path

_DOING = {
    "estimating": "asking for the price",
    "loading": "loading",
    "building": "building",
    "checking": "checking against the ledger and Kraken's candles",
    "exporting": "publishing",
    "removing": "removing trades whose candles are kept",
}

_DEAD = "running, process died"


def tell_job(console: Console, job: Job) -> None:
    """Say in a line what a job is at now."""
    if job.status == "running" and job.phase in ("waiting", "done"):
        return
    if job.status == "running":
        text = _DOING.get(job.phase, job.phase)
        if job.attempt > 1 and job.phase == "loading":
            text += f" (attempt {job.attempt})"
    elif job.status == "failed":
        text = f"FAILED: {job.error}"
    elif job.status == "succeeded":
        text = f"done in {job.seconds:,.0f} s: {job.summary}"
    else:
        text = job.status + (f": {job.error}" if job.error else "")
    console.print(f"{job.name}: {text}", markup=False)


def tell_run(console: Console, report: RunReport, as_json: bool = False) -> int:
    """Say how a run of the queue ended; return the exit code."""
    if as_json:
        print_json({"is_stopped": report.is_stopped, "jobs": list(map(asdict, report.jobs.values()))})
    counts = dict.fromkeys(("succeeded", "failed", "cancelled"), 0)
    for job in report.jobs.values():
        if job.status in counts:
            counts[job.status] += 1
    if report.is_stopped:
        console.print("Stopped. `kraken-candles jobs run` goes on where it stopped.")
        return STOPPED
    if not report.jobs:
        console.print("No job waits.")
        tell_next(console, "rebuild --help", "jobs add --help")
        return 0
    console.print(", ".join(f"{count} {status}" for status, count in counts.items() if count) + ".")
    if counts["failed"]:
        ids = " ".join(str(job.job_id) for job in report.failed)
        console.print("What was loaded stays; once the cause is gone, `jobs retry` goes on with it.")
        tell_next(console, f"jobs show {report.failed[0].job_id}", f"jobs retry {ids}")
        return 1
    tell_next(console, "summary", "report")
    return 0


def _waits(job: Job) -> bool:
    return job.status == "queued" or status_text(job) == _DEAD


def _next_of(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield what can be done with jobs: run what waits, look at what failed, else at the newest."""
    failed = [job.job_id for job in jobs if job.status == "failed"]
    if any(map(_waits, jobs)):
        yield "jobs run"
    if failed:
        yield f"jobs show {failed[0]}"
        yield f"jobs retry {' '.join(map(str, failed))}"
    elif jobs:
        yield f"jobs show {jobs[-1].job_id}"


def jobs_table(jobs: Iterable[Job]) -> Rows:
    """Return a table of jobs, a row each."""
    counts = ("trades", "calls", "seconds")
    table = Rows("job", "type", "symbol", "from", "to (UTC)", "status", *counts, numbers=("job", *counts))
    for job in jobs:
        start, _, end = job.window.partition(" to ")
        table.add(
            str(job.job_id),
            job.job_type,
            job.symbol,
            start.removesuffix(" 00:00:00"),
            end.removesuffix(" 00:00:00"),
            status_text(job),
            _of(job.trades, job.estimated_trades),
            _of(job.calls, job.estimated_calls),
            _of(round(job.seconds), None if job.estimated_seconds is None else round(job.estimated_seconds)),
        )
    return table


def status_text(job: Job) -> str:
    """Return a job's status, with what a running one is at, and whether its process still lives."""
    if job.status != "running":
        return job.status
    if not is_alive(job.process_id, job.process_started_at):
        return _DEAD
    return "running, cancelling" if job.is_cancel_requested else f"running, {job.phase}"


def tell_history(console: Console, events: Sequence[tuple[datetime, Job]]) -> None:
    """Print a job's options and a line an event."""
    newest = events[-1][1]
    console.print(f"{newest.name}: {status_text(newest)}; {newest.window} (UTC)", markup=False)
    console.print(f"options {newest.options}; attempts {newest.attempt}; bytes {newest.bytes:,}", markup=False)
    for what, text in (("summary", newest.summary), ("error", newest.error)):
        if text:
            console.print(f"{what}: {text}", markup=False)
    for at, job in events:
        line = f"  {at:%Y-%m-%d %H:%M:%S}  {job.status:9}  {job.phase:10}  {job.trades:,} trades, {job.calls:,} calls"
        console.print(line, markup=False)


def _of(actual: int, estimated: int | None) -> str:
    return f"{actual:,}" if estimated is None else f"{actual:,} of {estimated:,}"


def run_add(
    console: Console,
    job_type: str,
    symbols: Sequence[str],
    start: str | None,
    end: str | None,
    options: Mapping[str, Any],
    exact: bool,
    as_json: bool,
) -> int:
    """Queue a job a symbol."""
    jobs = [make_job(job_type, symbol, start, end, options, exact=exact) for symbol in dict.fromkeys(symbols)]
    tell_queued(console, add_jobs(jobs), as_json)
    tell_next(console, "jobs run")
    return 0


def run_list(console: Console, status: str | None, as_json: bool = False) -> int:
    """Show the jobs, all or those of a status."""
    if status is not None and status not in STATUSES:
        raise BadInputError(f"The status {status!r} is unknown; there are {', '.join(STATUSES)}.")
    found = [job for job in list_jobs() if status in (None, job.status)]
    if as_json:
        print_json(map(asdict, found))
    elif found:
        console.print(jobs_table(found))
        tell_next(console, *_next_of(found))
    else:
        console.print(f"There are no {status + ' ' if status else ''}jobs in {warehouse_path()}.", markup=False)
        tell_next(console, "jobs list" if status else "rebuild --help")
    return 0


def run_show(console: Console, job_id: int, as_json: bool) -> int:
    """Show all that is written down of a job."""
    events = JobStore(warehouse_path()).events(job_id)
    if as_json:
        print_json({"happened_at": at, **asdict(job)} for at, job in events)
    else:
        tell_history(console, events)
        job = events[-1][1]
        ended = {"failed": f"jobs retry {job_id}", "cancelled": f"jobs retry {job_id}", "succeeded": "summary"}
        tell_next(console, ended.get(job.status, "jobs run" if _waits(job) else "jobs list"))
    return 0


def run_cancel(console: Console, job_ids: Sequence[int], as_json: bool) -> int:
    """Cancel jobs and say what they are now."""
    jobs = cancel_jobs(job_ids)
    for job in jobs:
        console.print(f"{job.name}: {status_text(job)}", markup=False)
    tell_next(console, "jobs list")
    if as_json:
        print_json(map(asdict, jobs))
    return 0


def run_retry(console: Console, job_ids: Sequence[int], as_json: bool) -> int:
    """Queue jobs again and say so."""
    tell_queued(console, retry_jobs(job_ids), as_json)
    tell_next(console, "jobs run")
    return 0


def tell_queued(console: Console, jobs: Sequence[Job], as_json: bool = False) -> None:
    """Say that these jobs are queued; `as_json` also prints them to stdout, which is then not for the `console`."""
    for job in jobs:
        console.print(f"{job.name}: queued, {job.window} (UTC)", markup=False)
    if as_json:
        print_json(map(asdict, jobs))
