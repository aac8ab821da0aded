"""The jobs that a runner has in hand, each change of them written down and told."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from dlt_pipeline.common.exceptions import BadInputError, KrakenCandlesError
from dlt_pipeline.common.time import utc
from dlt_pipeline.jobs.job import Job, Phase, this_process
from dlt_pipeline.jobs.store import JobStore

Tell = Callable[[Job], object]


@dataclass
class RunReport:
    """How a run of the queue ended: the jobs as they were left, by id, and whether it was stopped."""

    jobs: dict[int, Job] = field(default_factory=dict)
    is_stopped: bool = False

    @property
    def failed(self) -> list[Job]:
        """The jobs that failed."""
        return [job for job in self.jobs.values() if job.status == "failed"]


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
