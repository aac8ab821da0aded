"""After the loads of several jobs: one build for all, each job's own check, publishing, and removing trades."""

import threading
from collections.abc import Sequence
from pathlib import Path

from dlt_pipeline.common.exceptions import KrakenCandlesError
from dlt_pipeline.jobs.build import build_result
from dlt_pipeline.jobs.checking import check_range
from dlt_pipeline.jobs.import_job import lost_of_import
from dlt_pipeline.jobs.in_hand import InHand
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.jobs.removing import remove_for, want_for
from dlt_pipeline.jobs.repairing import judge
from dlt_pipeline.publish import publish
from dlt_pipeline.warehouse.dbt import BuildResult
from dlt_pipeline.warehouse.errors import explain, when_unlocked


def finish(jobs: Sequence[Job], hand: InHand, path: Path, stop: threading.Event) -> None:
    """Build and end the jobs; each that fails says why, and what `stop` leaves is still in hand.

    Waits where another process holds the warehouse. Raises KrakenCandlesError where nothing can be built.
    """
    jobs = hand.to_phase(jobs, "building")
    for job in jobs:
        when_unlocked(lambda job=job: want_for(path, job), path, stop)  # type: ignore[misc]
    result = when_unlocked(lambda: _build(path), path, stop)
    if stop.is_set():
        return
    if result.errors:
        for job in hand.remaining(jobs):
            hand.fail(job, KrakenCandlesError(f"The build failed at {result.errors[0]}."))
        return
    remark = ""
    if not result.is_green:
        remark = f"; not published, for the build is not green: {'; '.join(result.red[:3])}"
    jobs = hand.remaining(hand.to_phase(jobs, "checking"))
    jobs = [job for job in jobs if when_unlocked(lambda job=job: _is_sound(path, job, hand, remark), path, stop)]  # type: ignore[misc]
    if result.is_green:
        _export(path, [job for job in jobs if job.parsed.export], hand)
    for job in hand.remaining(jobs):
        if not job.parsed.include_trades:
            hand.to(job, phase="removing")
            said = remove_for(path, job, stop)
            hand.to(job, summary=f"{job.summary}; {said}")
        hand.end(job)


def _build(path: Path) -> BuildResult:
    """Build; a lock or a full disk that a model met is raised as what it is."""
    result = build_result(path, quiet=True)
    for each in result.errors:
        known = explain(RuntimeError(each), path)
        if known:
            raise known
    return result


def _is_sound(path: Path, job: Job, hand: InHand, remark: str) -> bool:
    """Check the job's own range in what was built; the job fails if it is not proven or differs from Kraken's."""
    if job.job_type == "archive_import":
        trouble = lost_of_import(path, job)
        if trouble:
            hand.fail(job, KrakenCandlesError(trouble))
        else:
            hand.to(job, summary=f"{job.summary}{remark}")
        return not trouble
    assert job.start_ns is not None  # noqa: S101 - the others that build have a start
    end_ns = job.cursor_ns if job.end_ns is None or job.cursor_ns is None else min(job.end_ns, job.cursor_ns)
    if job.job_type == "repair":
        trouble = judge(path, job, hand.began_at(job))
        if trouble:
            hand.fail(job, KrakenCandlesError(trouble))
        else:
            hand.to(job, summary=f"filled; {job.trades:,} trades loaded with {job.calls:,} calls{remark}")
        return not trouble
    timeframe = job.parsed.bucket_size
    found = check_range(path, job.symbol, job.start_ns, end_ns or job.start_ns, timeframe)
    if not found.is_sound:
        hand.fail(job, KrakenCandlesError(found.trouble(job.symbol)))
        return False
    summary = (
        f"{found.candles:,} candles of {timeframe} with {found.trades:,} trades; {job.trades:,} trades loaded with "
        f"{job.calls:,} calls; none of {found.compared:,} REST candles differs{remark}"
    )
    hand.to(job, summary=summary)
    return True


def _export(path: Path, jobs: Sequence[Job], hand: InHand) -> None:
    if not jobs:
        return
    jobs = hand.to_phase(jobs, "exporting")
    try:
        publish(path)
    except KrakenCandlesError as error:
        for job in jobs:
            hand.fail(job, error)
