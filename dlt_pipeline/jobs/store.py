"""`kraken_ops.job_events`, a row for each change of a job, never rewritten; and the jobs that a process has in hand."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import psutil

from dlt_pipeline.common import program
from dlt_pipeline.common.exceptions import BadInputError, KrakenCandlesError
from dlt_pipeline.common.time import utc
from dlt_pipeline.jobs.job import PHASES, Job, Phase
from dlt_pipeline.retention import withdraw
from dlt_pipeline.warehouse.database import open_warehouse
from dlt_pipeline.warehouse.errors import when_unlocked
from dlt_pipeline.warehouse.ops import COLUMNS, JOB_EVENTS, ensure_table, is_there

_T = TypeVar("_T")
Change = Mapping[str, Any] | Callable[[Job], Mapping[str, Any]]
Tell = Callable[[Job], object]
# As long as a build of a large warehouse, or a load that commits, may keep the file.
_WAIT_SECONDS: Final = 120.0
_FIELDS: Final = tuple(field.name for field in fields(Job))
# Both times come from the same clock of the system; they are told apart by more than its steps.
_TOLERANCE_SECONDS: Final = 2.0


class JobStore:
    """The jobs of one warehouse. Each call opens the file for a moment and waits where another process holds it."""

    def __init__(self, path: Path, stop: threading.Event | None = None, wait_seconds: float = _WAIT_SECONDS) -> None:
        """Keep the warehouse's path; nothing is opened yet. Setting `stop` ends a wait with LoadStoppedError."""
        self.path = path
        self._stop = stop or threading.Event()
        self._wait_seconds = wait_seconds

    def add(self, jobs: Iterable[Job]) -> list[Job]:
        """Write down new jobs, whose `job_id` is given here, counting from 1."""

        def write(connection: duckdb.DuckDBPyConnection) -> list[Job]:
            (first,) = connection.execute(f"select coalesce(max(job_id), 0) + 1 from {JOB_EVENTS}").fetchall()[0]  # noqa: S608
            added = [replace(job, job_id=first + place) for place, job in enumerate(jobs)]
            _append(connection, added)
            return added

        return self._writing(write)

    def change(self, changes: Mapping[int, Change]) -> dict[int, Job]:
        """Write down what changed of jobs, by id, and return them as they are now; BadInputError for what cannot be.

        A change may be a function of the job as it is. They are read anew in the same transaction, so that nobody's
        change is lost. What failed or was cancelled keeps its trades: that is written with it, or neither is.
        """

        def write(connection: duckdb.DuckDBPyConnection) -> dict[int, Job]:
            known = {job.job_id: job for job in _read(connection)}
            after = {}
            for job_id, change in changes.items():
                if job_id not in known:
                    raise _unknown(job_id)
                job = known[job_id]
                after[job_id] = job.changed(**(change(job) if callable(change) else change))
            _append(connection, after.values())
            for job in after.values():
                if job.status in ("failed", "cancelled") and (days := job.days_to_remove):
                    withdraw(connection, job.symbol, *days, str(job.job_id))
            return after

        return self._writing(write)

    def jobs(self) -> list[Job]:
        """Return all jobs as they are now, in the order of their ids; none before the first one was added."""
        if not self.path.exists():
            return []
        return self._reading(_read)

    def built(self) -> list[Job]:
        """Return those whose build was ever begun, as they are now, in the order of their ids."""
        if not self.path.exists():
            return []

        def read(connection: duckdb.DuckDBPyConnection) -> list[Job]:
            if not is_there(connection, JOB_EVENTS):
                return []
            phases = PHASES[PHASES.index("building") :]
            query = f"select distinct job_id from {JOB_EVENTS} where phase in {phases}"  # noqa: S608 - own names only
            built = {job_id for (job_id,) in connection.execute(query).fetchall()}
            return [job for job in _read(connection) if job.job_id in built]

        return self._reading(read)

    def events(self, job_id: int) -> list[tuple[datetime, Job]]:
        """Return the events of one job, oldest first: when (naive UTC), and the job then. BadInputError if unknown."""
        if not self.path.exists():
            raise _unknown(job_id)

        def read(connection: duckdb.DuckDBPyConnection) -> list[tuple[datetime, Job]]:
            if not is_there(connection, JOB_EVENTS):
                return []
            names = ", ".join(_FIELDS)
            query = f"select happened_at, {names} from {JOB_EVENTS} where job_id = ? order by event_id"  # noqa: S608
            return [(at, Job(*values)) for at, *values in connection.execute(query, [job_id]).fetchall()]

        found = self._reading(read)
        if not found:
            raise _unknown(job_id)
        return found

    def _reading(self, read: Callable[[duckdb.DuckDBPyConnection], _T]) -> _T:
        def once() -> _T:
            with open_warehouse(self.path, read_only=True) as connection:
                return read(connection)

        return when_unlocked(once, self.path, self._stop, self._wait_seconds)

    def _writing(self, write: Callable[[duckdb.DuckDBPyConnection], _T]) -> _T:
        def once() -> _T:
            with open_warehouse(self.path) as connection:
                connection.begin()
                ensure_table(connection, JOB_EVENTS)
                done = write(connection)
                connection.commit()
                return done

        return when_unlocked(once, self.path, self._stop, self._wait_seconds)


def _read(connection: duckdb.DuckDBPyConnection) -> list[Job]:
    if not is_there(connection, JOB_EVENTS):
        return []
    names = ", ".join(_FIELDS)
    query = (
        f"select {names} from {JOB_EVENTS} "  # noqa: S608 - own names only
        "qualify row_number() over (partition by job_id order by event_id desc) = 1 order by job_id"
    )
    return [Job(*values) for values in connection.execute(query).fetchall()]


def _append(connection: duckdb.DuckDBPyConnection, jobs: Iterable[Job]) -> None:
    (last,) = connection.execute(f"select coalesce(max(event_id), 0) from {JOB_EVENTS}").fetchall()[0]  # noqa: S608
    happened_at, written_by = utc(time.time()), program()
    rows = [
        [last + place, *(getattr(job, name) for name in _FIELDS), happened_at, written_by]
        for place, job in enumerate(jobs, start=1)
    ]
    if rows:
        marks = ", ".join("?" for _ in COLUMNS[JOB_EVENTS])
        connection.executemany(f"insert into {JOB_EVENTS} values ({marks})", rows)  # noqa: S608


def _unknown(job_id: int) -> BadInputError:
    return BadInputError(f"There is no job {job_id} in this warehouse; `kraken-candles jobs list` shows all.")


@dataclass
class RunReport:
    """How a run of the queue ended: the jobs as they were left, by id, and whether it was stopped."""

    jobs: dict[int, Job] = field(default_factory=dict)
    is_stopped: bool = False

    @property
    def failed(self) -> list[Job]:
        """The jobs that failed."""
        return [job for job in self.jobs.values() if job.status == "failed"]


def this_process() -> tuple[int, datetime]:
    """Return this process's id and when it began (naive UTC)."""
    process = psutil.Process()
    return process.pid, utc(process.create_time())


def is_alive(process_id: int | None, started_at: datetime | None) -> bool:
    """Tell whether that very process still lives."""
    if process_id is None or started_at is None:
        return False
    try:
        process = psutil.Process(process_id)
        is_same = abs((utc(process.create_time()) - started_at).total_seconds()) < _TOLERANCE_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


class ActiveJobs:
    """Jobs between their beginning and their end; the report keeps them afterwards."""

    def __init__(self, store: JobStore, tell: Tell) -> None:
        """Begin with none."""
        self._store, self._tell = store, tell
        self.report = RunReport()
        self._jobs: dict[int, Job] = {}
        self._since: dict[int, float] = {}
        self._began_at: dict[int, datetime] = {}

    def __getitem__(self, job: Job) -> Job:
        """Return the job as it is now."""
        return self._jobs[job.job_id]

    def begin(self, jobs: Sequence[Job]) -> list[Job]:
        """Take jobs in hand: an attempt more, run by this process. One that was cancelled in the meantime is left."""
        process_id, started_at = this_process()
        begun = []
        for job in jobs:
            changes = {"status": "running", "attempt": job.attempt + 1, "error": None}
            self._began_at[job.job_id] = utc(time.time())
            with suppress(BadInputError):
                begun.append(self.to(job, **changes, process_id=process_id, process_started_at=started_at))
        return begun

    def began_at(self, job: Job) -> datetime:
        """Return when this process took the job in hand (naive UTC)."""
        return self._began_at[job.job_id]

    def to(self, job: Job, **changes: Any) -> Job:
        """Write down a change of one job."""
        return self.change({job.job_id: changes})[job.job_id]

    def to_phase(self, jobs: Sequence[Job], phase: Phase) -> list[Job]:
        """Write down that jobs begin a phase."""
        return list(self.change({job.job_id: {"phase": phase} for job in jobs}).values())

    def end(self, job: Job, summary: str | None = None) -> None:
        """Let a job succeed."""
        self.to(job, status="succeeded", phase="done", summary=summary or self[job].summary or "done")
        self._jobs.pop(job.job_id)

    def fail(self, job: Job, error: KrakenCandlesError) -> None:
        """Let a job fail, in the phase that it is in."""
        self.to(job, status="failed", error=str(error))
        self._jobs.pop(job.job_id)

    def remaining(self, jobs: Sequence[Job]) -> list[Job]:
        """Return those that are still in hand, and end those that somebody asked to cancel; what they loaded stays."""
        found = [self._jobs[job.job_id] for job in jobs if job.job_id in self._jobs]
        for job in found:
            if job.is_cancel_requested:
                self.to(job, status="cancelled", is_cancel_requested=False)
                self._jobs.pop(job.job_id)
        return [job for job in found if job.job_id in self._jobs]

    def put_back(self, error: KrakenCandlesError | None) -> None:
        """Queue again what is in hand, where it stopped; what the warehouse does not take is found running later."""
        said = f"Put back into the queue: {error}" if error else None
        with suppress(KrakenCandlesError, duckdb.Error):
            for job in self.remaining(list(self._jobs.values())):
                self.to(job, status="queued", error=said)
        self._jobs.clear()

    def change(self, changes: Mapping[int, Mapping[str, Any]]) -> Mapping[int, Job]:
        """Write changes down, with the seconds of work since the last one; keep and tell the jobs."""
        now = time.monotonic()
        timed = {
            job_id: {**changed, "seconds": known.seconds + now - self._since[job_id]}
            if (known := self._jobs.get(job_id))
            else changed
            for job_id, changed in changes.items()
        }
        after = self._store.change(timed)
        self._since.update(dict.fromkeys(changes, now))
        for job_id, job in after.items():
            before = self._jobs.get(job_id)
            self._jobs[job_id] = job
            self.report.jobs[job_id] = job
            if before is None or (before.status, before.phase) != (job.status, job.phase):
                self._tell(job)
        return after
