"""Runs queued jobs, one writer at a time: many loads, then one build for all of them, then each job's own check."""

import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.building import build_result
from dlt_pipeline.exceptions import BadInputError, KrakenCandlesError, LoadStoppedError
from dlt_pipeline.jobs.checking import check_range
from dlt_pipeline.jobs.job import BUILDING_TYPES, Job, Phase
from dlt_pipeline.jobs.processes import this_process
from dlt_pipeline.jobs.recorder import Recorder
from dlt_pipeline.jobs.rounds import Snapshot, needs_load, next_round
from dlt_pipeline.jobs.store import JobStore
from dlt_pipeline.jobs.variables import variables_of
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.loading import Listener, load_request
from dlt_pipeline.packages import held_alone, warehouse_key
from dlt_pipeline.publishing import publish
from dlt_pipeline.trouble import explain
from dlt_pipeline.warehouse import warehouse_path

# Jobs that are loaded wait for others, so that one build of seconds serves all; not for longer than this.
_LOADING_SECONDS: Final = 600.0
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


def run_jobs(
    warehouse: str | Path | None = None,
    *,
    tell: Tell = lambda _: None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> RunReport:
    """Run all queued jobs of the warehouse, and those that a killed process left running, until none is left.

    `tell` hears each job after each change, `listener` the loads. Setting `stop` ends the run after the page or step
    in hand; its jobs are queued again where they stopped. A job that fails leaves the others alone. Raises
    WarehouseLockedError where another runner is at work, and KrakenCandlesError for what concerns all jobs.
    """
    path = warehouse_path(warehouse)
    runner = _Runner(path, tell, listener, stop or threading.Event())
    with only_runner(path):
        return runner.run()


def only_runner(path: Path) -> AbstractContextManager[None]:
    """Be the only runner of the warehouse's jobs; WarehouseLockedError names the process of another one."""
    place = Path(tempfile.gettempdir()) / f"kraken-candles-runner-{warehouse_key(path)}"
    return held_alone(place, "runner of jobs", "it takes queued jobs of this warehouse too")


class _Runner:
    def __init__(self, path: Path, tell: Tell, listener: Listener | None, stop: threading.Event) -> None:
        self._path, self._tell, self._listener, self._stop = path, tell, listener, stop
        self._store = JobStore(path)  # a stop must still be written down
        self._report = RunReport()
        self._in_hand: dict[int, Job] = {}
        self._since: dict[int, float] = {}
        self._fetched: set[Snapshot] = set()

    def run(self) -> RunReport:
        while not self._stop.is_set():
            # We alone are the runner: what is `running` and not ours was left by a process that is no more.
            waiting = [job for job in self._store.jobs() if job.status in ("queued", "running")]
            if not waiting:
                return self._report
            try:
                self._batch(waiting)
            except LoadStoppedError:
                self._stop.set()
            except Exception as error:
                self._put_back(explain(error, self._path))
                raise
        self._put_back(None)
        self._report.is_stopped = True
        return self._report

    def _batch(self, waiting: list[Job]) -> None:
        until = time.monotonic() + _LOADING_SECONDS
        self._fetched.clear()
        to_load = [job for job in waiting if needs_load(job)]
        loaded = self._begin([job for job in waiting if not needs_load(job)])
        while to_load and not self._stop.is_set() and time.monotonic() < until:
            taken, done = self._load(to_load)
            to_load = [job for job in to_load if job.job_id not in taken]
            loaded += done
        loaded = [job for job in loaded if not self._cancelled(job)]
        for job in loaded:
            if job.job_type not in BUILDING_TYPES:
                self._end(job, f"{job.trades:,} trades loaded with {job.calls:,} calls")
        to_build = [job for job in loaded if job.job_type in BUILDING_TYPES]
        if to_build and not self._stop.is_set():
            self._build(to_build)

    def _load(self, waiting: list[Job]) -> tuple[set[int], list[Job]]:
        """Load one round; return the ids that were dealt with, and the jobs whose trades are complete."""
        session = Session(load_settings(), self._stop)
        chosen = next_round(waiting, session)
        taken = {job.job_id for job in chosen.jobs}
        for job, error in chosen.refused:
            taken.add(job.job_id)
            for begun in self._begin([job]):
                self._fail(begun, error)
        chosen.jobs = [job for job in self._begin(chosen.jobs, "loading") if not self._cancelled(job)]
        if not chosen.jobs:
            return taken, []
        recorder = Recorder(chosen.jobs, self._change, self._path, self._listener)
        report = load_request(
            chosen.request(self._fetched),
            warehouse=self._path,
            listener=recorder,
            going_on=recorder.wanted,
            session=session,
        )
        complete = {
            job.symbol: {"phase": "building", "cursor_ns": chosen.end_ns(job)}
            for job in chosen.jobs
            if job.symbol not in report.failures and job.symbol not in report.unfinished
        }
        recorder.write(complete)
        self._fetched |= {each for each in chosen.snapshots() if each[0] in complete}
        done = []
        for job in [self._in_hand[job.job_id] for job in chosen.jobs]:
            if job.symbol in report.failures:
                self._fail(job, report.failures[job.symbol])
            elif job.symbol not in report.unfinished:
                done.append(job)
            else:
                self._cancelled(job)
        return taken, done

    def _build(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._to(job, phase="building")
        result = build_result(self._path, quiet=True, variables=variables_of(self._store.jobs()))
        if result.errors:
            for job in jobs:
                self._fail(job, KrakenCandlesError(f"The build failed at {result.errors[0]}."))
            return
        sound = [job for job in map(self._checked, jobs) if job is not None]
        remark = "" if result.is_green else f"; not published, for the build is not green: {'; '.join(result.red[:3])}"
        if result.is_green and any(job.parsed.export for job in sound):
            exporting = [self._to(job, phase="exporting") if job.parsed.export else job for job in sound]
            try:
                publish(self._path)
            except KrakenCandlesError as error:
                for job in exporting:
                    self._fail(job, error) if job.parsed.export else self._end(job)
                return
        for job in sound:
            self._end(self._in_hand[job.job_id], remark=remark)

    def _checked(self, job: Job) -> Job | None:
        """Check the job's own range in what was built; None if it failed or was cancelled."""
        job = self._to(job, phase="checking")
        if self._cancelled(job):
            return None
        assert job.start_ns is not None  # noqa: S101 - jobs that build have a start
        end_ns = job.cursor_ns if job.end_ns is None or job.cursor_ns is None else min(job.end_ns, job.cursor_ns)
        timeframe = job.parsed.bucket_size
        found = check_range(self._path, job.symbol, job.start_ns, end_ns or job.start_ns, timeframe)
        if not found.is_sound:
            self._fail(job, KrakenCandlesError(found.trouble(job.symbol)))
            return None
        summary = (
            f"{found.candles:,} candles of {timeframe} with {found.trades:,} trades; {job.trades:,} trades loaded with "
            f"{job.calls:,} calls; none of {found.compared:,} REST candles differs"
        )
        return self._to(job, summary=summary)

    def _begin(self, jobs: list[Job], phase: Phase | None = None) -> list[Job]:
        """Take jobs in hand: an attempt more, run by this process. One that was cancelled in the meantime is left."""
        process_id, started_at = this_process()
        begun = []
        for job in jobs:
            changes: dict[str, Any] = {"status": "running", "attempt": job.attempt + 1, "error": None}
            changes |= {"process_id": process_id, "process_started_at": started_at, "phase": phase or job.phase}
            with suppress(BadInputError):
                begun.append(self._to(job, **changes))
        return begun

    def _to(self, job: Job, **changes: Any) -> Job:
        return self._change({job.job_id: changes})[job.job_id]

    def _end(self, job: Job, summary: str | None = None, remark: str = "") -> None:
        said = (summary or job.summary or "done") + remark
        self._to(job, status="succeeded", phase="done", summary=said)
        self._in_hand.pop(job.job_id)

    def _fail(self, job: Job, error: KrakenCandlesError) -> None:
        self._to(job, status="failed", error=str(error))
        self._in_hand.pop(job.job_id)

    def _cancelled(self, job: Job) -> bool:
        """End a job that somebody asked to cancel; what it loaded stays."""
        job = self._in_hand.get(job.job_id, job)
        if job.is_cancel_requested and job.status == "running":
            self._to(job, status="cancelled", is_cancel_requested=False)
            self._in_hand.pop(job.job_id)
        return job.job_id not in self._in_hand

    def _put_back(self, error: KrakenCandlesError | None) -> None:
        """Queue again what is in hand, where it stopped; what the warehouse does not take is found running later."""
        said = f"Put back into the queue: {error}" if error else None
        with suppress(KrakenCandlesError):
            self._change({job_id: {"status": "queued", "error": said} for job_id in self._in_hand})
        self._in_hand.clear()

    def _change(self, changes: Mapping[int, Mapping[str, Any]]) -> Mapping[int, Job]:
        """Write changes down, with the seconds of work since the last one; keep and tell the jobs."""
        now = time.monotonic()
        timed = {
            job_id: {**changed, "seconds": known.seconds + now - self._since[job_id]}
            if (known := self._in_hand.get(job_id))
            else changed
            for job_id, changed in changes.items()
        }
        after = self._store.change(timed)
        self._since.update(dict.fromkeys(changes, now))
        for job_id, job in after.items():
            before = self._in_hand.get(job_id)
            self._in_hand[job_id] = job
            self._report.jobs[job_id] = job
            if before is None or (before.status, before.phase) != (job.status, job.phase):
                self._tell(job)
        return after
