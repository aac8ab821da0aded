"""Runs queued jobs, one writer at a time: many loads, then one build for all of them, then each job's own check."""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.archive import PASSWORD_NAME
from dlt_pipeline.archive.importing import import_request
from dlt_pipeline.archive.report import ImportReport
from dlt_pipeline.archive.symbols import ArchiveRequest, read_symbol_map
from dlt_pipeline.common.exceptions import ArchiveError, KrakenCandlesError, LoadStoppedError, WarehouseError
from dlt_pipeline.common.threads import exclusive_lock, lock_folder, warehouse_key
from dlt_pipeline.common.time import When
from dlt_pipeline.jobs.finish import finish
from dlt_pipeline.jobs.job import Job, Options
from dlt_pipeline.jobs.queue import add_jobs, make_job
from dlt_pipeline.jobs.rounds import LoadRound, Recorder, RestSeries, estimated, needs_load, next_round, price_round
from dlt_pipeline.jobs.store import ActiveJobs, JobStore, RunReport, Tell
from dlt_pipeline.kraken.load import Listener, load_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.warehouse.database import size_of, warehouse_path
from dlt_pipeline.warehouse.errors import explain, when_unlocked

# Jobs that are loaded wait for others, so that one build of seconds serves all; not for longer than this.
_LOADING_SECONDS: Final = 600.0


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
    place = lock_folder() / f"runner-{warehouse_key(path)}"
    return exclusive_lock(place, "runner of jobs", "it takes queued jobs of this warehouse too")


class _Runner:
    def __init__(self, path: Path, tell: Tell, listener: Listener | None, stop: threading.Event) -> None:
        self._path, self._listener, self._stop = path, listener, stop
        self._store = JobStore(path)  # a stop must still be written down
        self._hand = ActiveJobs(self._store, tell)
        self._fetched: set[RestSeries] = set()

    def run(self) -> RunReport:
        while not self._stop.is_set():
            # We alone are the runner: what is `running` and not ours was left by a process that is no more.
            waiting = [job for job in self._store.jobs() if job.status in ("queued", "running")]
            if not waiting:
                return self._hand.report
            try:
                self._batch(waiting)
            except LoadStoppedError:
                self._stop.set()
            except Exception as error:
                known = explain(error, self._path)
                self._hand.put_back(known)
                if known is None or known is error:
                    raise
                raise known from error
        self._hand.put_back(None)
        self._hand.report.is_stopped = True
        return self._hand.report

    def _batch(self, waiting: list[Job]) -> None:
        until = time.monotonic() + _LOADING_SECONDS
        self._fetched.clear()
        to_load = [job for job in waiting if needs_load(job) and job.job_type != "archive_import"]
        loaded = self._hand.begin([job for job in waiting if not needs_load(job)])
        for job in waiting:
            if needs_load(job) and job.job_type == "archive_import" and not self._stop.is_set():
                loaded += self._import(job)
        while to_load and not self._stop.is_set() and time.monotonic() < until:
            taken, done = self._load(to_load)
            to_load = [job for job in to_load if job.job_id not in taken]
            loaded += done
        loaded = self._hand.remaining(loaded)
        for job in loaded:
            if not job.kind.is_building:
                self._hand.end(job, f"{job.trades:,} trades loaded with {job.calls:,} calls")
        to_build = [job for job in loaded if job.kind.is_building]
        if to_build and not self._stop.is_set():
            finish(to_build, self._hand, self._path, self._stop)

    def _load(self, waiting: list[Job]) -> tuple[set[int], list[Job]]:
        """Load one round; return the ids that were dealt with, and the jobs whose trades are complete."""
        with closing(Session(load_settings(), self._stop)) as session:
            return self._load_with(waiting, session)

    def _load_with(self, waiting: list[Job], session: Session) -> tuple[set[int], list[Job]]:
        chosen = next_round(waiting, session, self._path)
        taken = {job.job_id for job in chosen.jobs} | {job.job_id for job, _ in chosen.refused}
        for job, error in chosen.refused:
            for begun in self._hand.begin([job]):
                self._hand.fail(begun, error)
        chosen.jobs = self._hand.remaining(self._hand.begin(chosen.jobs))
        if not chosen.jobs:
            return taken, []
        self._price(chosen)
        chosen.jobs = self._hand.to_phase(chosen.jobs, "loading")
        recorder = Recorder(chosen.jobs, self._hand.change, self._path, self._listener)
        request = when_unlocked(lambda: chosen.request(self._fetched), self._path, self._stop)
        report = when_unlocked(
            lambda: load_request(
                request, warehouse=self._path, listener=recorder, going_on=recorder.wanted, session=session
            ),
            self._path,
            self._stop,
        )
        lacking = {*report.failures, *report.unfinished}
        complete = [job for job in chosen.jobs if job.symbol not in lacking]
        recorder.write(
            {
                job.symbol: {
                    "phase": "building" if job.kind.is_building else "done",
                    "cursor_ns": chosen.end_ns(job),
                }
                for job in complete
            }
        )
        self._fetched |= {each for each in chosen.snapshots() if each[0] not in lacking}
        for job in chosen.jobs:
            if job.symbol in report.failures:
                self._hand.fail(job, report.failures[job.symbol])
        self._hand.remaining([job for job in chosen.jobs if job.symbol in report.unfinished])
        return taken, [self._hand[job] for job in complete]

    def _import(self, waiting: Job) -> list[Job]:
        """Import an archive; return the job if all of it is in the warehouse."""
        begun = self._hand.remaining(self._hand.begin([waiting]))
        for job in self._hand.to_phase(begun, "loading"):
            try:
                changes = when_unlocked(lambda: _import_of_job(job, self._path, self._stop), self._path, self._stop)  # noqa: B023
            except LoadStoppedError:
                raise
            except KrakenCandlesError as error:
                if isinstance(error, WarehouseError):
                    raise  # concerns all jobs
                self._hand.fail(job, error)
                return []
            self._hand.to(job, **changes)
        return self._hand.remaining(begun)

    def _price(self, chosen: LoadRound) -> None:
        """Write down what the jobs will cost, where nobody asked before."""
        unpriced = [job for job in chosen.jobs if job.estimated_trades is None and job.kind.is_priced]
        if unpriced:
            self._hand.to_phase(unpriced, "estimating")
            priced = {job.job_id: estimated(price) for job, price in price_round(chosen, self._path)}
            chosen.jobs = list(
                self._hand.change({job.job_id: priced.get(job.job_id, {}) for job in chosen.jobs}).values()
            )


def _import_of_job(job: Job, path: Path, stop: threading.Event) -> dict[str, Any]:
    """Import the job's archive and return what to write down of the job.

    Raises ArchiveError if any file of it has a problem (the others are in the warehouse), LoadStoppedError if stopped.
    """
    options = job.parsed
    request = ArchiveRequest(
        paths=(Path(job.symbol),),
        symbols=tuple((options.symbols or "").replace(",", " ").split()),
        start_ns=job.start_ns,
        end_ns=job.end_ns,
        symbol_map=read_symbol_map(Path(options.symbol_map)) if options.symbol_map else {},
        password=os.environ.get(PASSWORD_NAME),
        is_whole_days=options.whole_days,
    )
    before = size_of(path)
    report = import_request(request, warehouse=path, stop=stop)
    if report.is_stopped:
        raise LoadStoppedError("Stopped; what is imported stays.")
    if report.problems:
        raise ArchiveError(_told(report.problems))
    return {
        "phase": "building",
        "trades": job.trades + report.rows,
        "bytes": job.bytes + max(0, size_of(path) - before),
        "summary": _summary(report),
    }


def _summary(report: ImportReport) -> str:
    known = sum(one.outcome == "already there" for one in report.files)
    said = f"{report.rows:,} rows imported of {len(report.files) - known:,} file(s)"
    return said + (f", {known:,} there already" if known else "")


def _told(problems: list[str]) -> str:
    more = f" ... and {len(problems) - 3:,} problems more" if len(problems) > 3 else ""
    return " ".join(problems[:3]) + more + " The other files are imported; `kraken-candles build` makes their candles."


def rebuild(
    symbols: Sequence[str],
    start: When,
    end: When | None = None,
    *,
    options: Options | None = None,
    exact: bool = False,
    warehouse: str | Path | None = None,
    tell: Tell = lambda _: None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> RunReport:
    """Rebuild [start, end) of the symbols: load what lacks, build, check, publish; `options` say what is made of it.

    The jobs are queued and run with whatever else waits in the queue; nobody is asked, whatever they cost (`estimate`
    and `price_of` tell). Arguments as of `dlt_pipeline.load`. Raises
    KrakenCandlesError for what concerns all jobs; a job that failed is in the report.
    """
    jobs = [make_job("trade_rebuild", symbol, start, end, options, exact=exact) for symbol in dict.fromkeys(symbols)]
    add_jobs(jobs, warehouse)
    return run_jobs(warehouse, tell=tell, listener=listener, stop=stop)
