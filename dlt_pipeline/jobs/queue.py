"""What users do with jobs: add, list, cancel, retry; each checked before it is written down."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from dlt_pipeline.archive.symbols import make_archive_request
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import When, bounds_ns, widen
from dlt_pipeline.jobs.job import JOB_TYPES, KINDS, Job, JobType, Options, parse_options
from dlt_pipeline.jobs.store import JobStore, is_alive
from dlt_pipeline.warehouse.database import warehouse_path


def make_job(
    job_type: str,
    symbol: str,
    start: When | None = None,
    end: When | None = None,
    options: str | Mapping[str, Any] | Options | None = None,
    *,
    exact: bool = False,
) -> Job:
    """Return a new job, not yet written down. `start` inclusive and `end` exclusive, UTC, as of a load.

    The `symbol` of an archive_import is the path of the ZIP, folder or file; its bounds may be left out.
    Raises BadInputError for a type, a bound or an option that cannot be; what only the exchange knows is seen later.
    """
    if job_type not in JOB_TYPES:
        raise BadInputError(f"The job type {job_type!r} is unknown; there are {', '.join(JOB_TYPES)}.")
    if not symbol.strip():
        raise BadInputError("The symbol of the job is empty: name one, such as BTC/USD.")
    checked = options if isinstance(options, Options) else parse_options(options)
    kind: JobType = next(name for name in JOB_TYPES if name == job_type)
    _check_heeded(kind, checked)
    if job_type == "archive_import":
        symbol, checked = _import_of(symbol, start, end, checked, exact)
    bounds = _bounds(kind, start, end, exact)
    return Job(0, kind, symbol, *bounds, checked.as_json() if KINDS[kind].is_building else "{}")


def add_jobs(jobs: Sequence[Job], warehouse: str | Path | None = None) -> list[Job]:
    """Queue jobs made by `make_job`, and return them with their ids."""
    return JobStore(warehouse_path(warehouse)).add(jobs)


def list_jobs(warehouse: str | Path | None = None) -> list[Job]:
    """Return all jobs of the warehouse as they are now."""
    return JobStore(warehouse_path(warehouse)).jobs()


def cancel_jobs(job_ids: Sequence[int], warehouse: str | Path | None = None) -> list[Job]:
    """Cancel queued jobs at once; a running one is asked to end after the step in hand. What is loaded stays.

    Raises BadInputError for ids that are not there and jobs that are over; then none is cancelled.
    """

    def cancel(job: Job) -> dict[str, Any]:
        if job.status in ("succeeded", "failed", "cancelled"):
            raise BadInputError(f"The {job.name} is {job.status} already; there is nothing to cancel.")
        is_run = job.status == "running" and is_alive(job.process_id, job.process_started_at)
        return {"is_cancel_requested": True} if is_run else {"status": "cancelled"}

    store = JobStore(warehouse_path(warehouse))
    return list(store.change(dict.fromkeys(job_ids, cancel)).values())


def retry_jobs(job_ids: Sequence[int], warehouse: str | Path | None = None) -> list[Job]:
    """Queue failed and cancelled jobs again; what they loaded is not loaded again. BadInputError for other jobs."""

    def retry(job: Job) -> dict[str, Any]:
        if job.status not in ("failed", "cancelled"):
            raise BadInputError(f"The {job.name} is {job.status}; only failed and cancelled jobs are tried again.")
        # What made a check fail may be cured by another load and build; an export only needs to be done.
        phase = "exporting" if job.is_past("checking") else "waiting"
        return {"status": "queued", "phase": phase, "error": None, "is_cancel_requested": False}

    store = JobStore(warehouse_path(warehouse))
    return list(store.change(dict.fromkeys(job_ids, retry)).values())


def _bounds(job_type: JobType, start: When | None, end: When | None, exact: bool) -> tuple[int | None, int | None]:
    if job_type == "archive_import":
        return bounds_ns(start, end) if exact else widen(*bounds_ns(start, end))
    if not KINDS[job_type].is_loading:
        if start is not None or end is not None:
            raise BadInputError(f"A {job_type} has no start and end: Kraken gives its newest 720 candles.")
        return None, None
    if start is None:
        raise BadInputError(f"A {job_type} needs a start, such as 2026-11-01.")
    if end is None and job_type == "repair":
        raise BadInputError("A repair needs an end, such as 2026-11-08.")
    return bounds_ns(start, end) if exact else widen(*bounds_ns(start, end))


def _import_of(path: str, start: When | None, end: When | None, options: Options, exact: bool) -> tuple[str, Options]:
    """Check what an import would refuse, and make paths whole: a runner may work in another folder."""
    symbols = options.symbols.replace(",", " ").split() if options.symbols else None
    make_archive_request(path, symbols, start, end, options.symbol_map, None, options.whole_days, exact)
    symbol_map = None if options.symbol_map is None else str(Path(options.symbol_map).absolute())
    return str(Path(path).absolute()), replace(options, symbol_map=symbol_map)


def _check_heeded(job_type: JobType, options: Options) -> None:
    standard, heeded = Options(), KINDS[job_type].options
    for name in (field.name for field in fields(Options)):
        if getattr(options, name) != getattr(standard, name) and name not in heeded:
            raise BadInputError(
                f"A {job_type} does not know the option {name}; it has {', '.join(heeded) or 'no options'}."
            )
