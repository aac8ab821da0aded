"""What follows the load of jobs: build, check against the ledger and Kraken's candles, publish, remove."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlt_pipeline.common.exceptions import KrakenCandlesError
from dlt_pipeline.jobs.build import build_result, describe_removal
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.jobs.repair import judge
from dlt_pipeline.jobs.store import ActiveJobs
from dlt_pipeline.publishing import publish
from dlt_pipeline.retention import remove_trades, request_removal
from dlt_pipeline.warehouse.database import open_warehouse
from dlt_pipeline.warehouse.dbt import BuildResult
from dlt_pipeline.warehouse.errors import explain, when_unlocked

_COVERED: Final = """
    select coalesce(sum(least(to_ns, $end) - greatest(from_ns, $start)), 0)::bigint
    from (
        select symbol, covered_from_ns as from_ns, covered_to_ns as to_ns from kraken.coverage
        union all
        select symbol, gap_from_ns, gap_to_ns from kraken.gaps where is_accepted
    )
    where symbol = $symbol and from_ns < $end and to_ns > $start
"""
_GAPS: Final = """
    select reason, count(*) from kraken.gaps
    where symbol = $symbol and gap_from_ns < $end and gap_to_ns > $start and not is_accepted
    group by reason order by reason
"""
_CANDLES: Final = """
    select count(*), coalesce(sum(trade_count), 0)::bigint from kraken.candles
    where
        symbol = $symbol and timeframe = $timeframe and is_closed
        and bucket_start >= make_timestamp($start // 1000) and bucket_end <= make_timestamp($end // 1000)
"""
_REST: Final = """
    select coalesce(sum(compared_count), 0)::bigint from kraken.check_rest_summary
    where
        symbol = $symbol
        and bucket_on between make_timestamp($start // 1000)::date and make_timestamp($end // 1000)::date
"""
_DIFFERING: Final = """
    with faults as (
        select symbol, timeframe, bucket_start from kraken.check_rest_candles
        where bucket_status in ('differs', 'missing_here') and not is_accepted
        union all
        select symbol, timeframe, bucket_start from kraken.check_archive_candles
        where bucket_status in ('differs', 'missing_here', 'missing_there') and not is_accepted
    )
    select count(distinct (timeframe, bucket_start)) from faults
    where
        symbol = $symbol
        and bucket_start >= make_timestamp($start // 1000) and bucket_start < make_timestamp($end // 1000)
"""


@dataclass(frozen=True)
class RangeCheck:
    """What was found in [start, end) of a symbol: candles of the timeframe, their trades, REST candles compared."""

    candles: int
    trades: int
    compared: int
    differing: int
    unproven_ns: int
    gaps: tuple[tuple[str, int], ...]

    def trouble(self, symbol: str) -> str | None:
        """Say what is unproven (and no accepted gap) or differs from Kraken's, and the way out; None if nothing is."""
        parts = []
        if self.unproven_ns:
            gaps = ", ".join(f"{count} {reason}" for reason, count in self.gaps) or "its ends are not covered"
            parts.append(
                f"{self.unproven_ns / 1e9:,.0f} s of the range are not proven (kraken.gaps: {gaps}); "
                f"`kraken-candles repair {symbol}` asks for them again"
            )
        if self.differing:
            parts.append(
                f"{self.differing:,} candles differ from Kraken's or are missing (kraken.check_rest_candles, "
                "kraken.check_archive_candles)"
            )
        return f"{symbol}: {'; '.join(parts)}." if parts else None


def check_range(path: Path, symbol: str, start_ns: int, end_ns: int, timeframe: str) -> RangeCheck:
    """Read the built tables; `start_ns` inclusive, `end_ns` exclusive, UTC. The warehouse must be free for reading."""
    asked = {"symbol": symbol, "start": start_ns, "end": end_ns}
    with open_warehouse(path, read_only=True) as connection:
        (covered,) = connection.execute(_COVERED, asked).fetchall()[0]
        gaps = connection.execute(_GAPS, asked).fetchall()
        candles, trades = connection.execute(_CANDLES, {**asked, "timeframe": timeframe}).fetchall()[0]
        (compared,) = connection.execute(_REST, asked).fetchall()[0]
        (differing,) = connection.execute(_DIFFERING, asked).fetchall()[0]
    return RangeCheck(candles, trades, compared, differing, end_ns - start_ns - covered, tuple(gaps))


def finish(jobs: Sequence[Job], hand: ActiveJobs, path: Path, stop: threading.Event) -> None:
    """Build and end the jobs; each that fails says why, and what `stop` leaves is still in hand.

    Nothing is published, and no trades are removed, where the build is not green.

    Waits where another process holds the warehouse. Raises KrakenCandlesError where nothing can be built.
    """
    jobs = hand.to_phase(jobs, "building")
    for job in jobs:
        when_unlocked(lambda job=job: request_removal_for(path, job), path, stop)  # type: ignore[misc]
    result = when_unlocked(lambda: _build(path), path, stop)
    if stop.is_set():
        return
    if result.errors:
        for job in hand.remaining(jobs):
            hand.fail(job, KrakenCandlesError(f"The build failed at {result.errors[0]}."))
        return
    red = "; ".join(map(str, result.red[:3]))
    remark = "" if result.is_green else f"; not published, for the build is not green: {red}"
    jobs = hand.remaining(hand.to_phase(jobs, "checking"))
    jobs = [job for job in jobs if when_unlocked(lambda job=job: _is_sound(path, job, hand, remark), path, stop)]  # type: ignore[misc]
    if result.is_green and (exported := [job for job in jobs if job.parsed.export]):
        _export(path, exported, hand)
    for job in hand.remaining(jobs):
        if not job.parsed.include_trades and not result.is_green:
            hand.to(job, summary=f"{job.summary}; its raw trades stay, for only a green build lets them go")
        elif not job.parsed.include_trades:
            hand.to(job, phase="removing")
            removed = remove_trades(path, str(job.job_id), stop)
            hand.to(job, summary=f"{job.summary}; {describe_removal(removed)}")
        hand.end(job)


def _build(path: Path) -> BuildResult:
    """Build; a lock or a full disk that a model met is raised as what it is."""
    result = build_result(path, quiet=True)
    for each in result.errors:
        known = explain(RuntimeError(each), path)
        if known:
            raise known
    return result


def _is_sound(path: Path, job: Job, hand: ActiveJobs, remark: str) -> bool:
    """Check the job's own range in what was built; the job fails if it is not proven or differs from Kraken's."""
    said = f"{job.trades:,} trades loaded with {job.calls:,} calls"
    if job.job_type == "archive_import":
        trouble, summary = _lost_of_import(path, job), job.summary
    elif job.job_type == "repair":
        trouble, summary = judge(path, job, hand.began_at(job)), f"filled; {said}"
    else:
        assert job.start_ns is not None  # noqa: S101 - the others that build have a start
        end_ns = job.cursor_ns if job.end_ns is None or job.cursor_ns is None else min(job.end_ns, job.cursor_ns)
        timeframe = job.parsed.bucket_size
        found = check_range(path, job.symbol, job.start_ns, end_ns or job.start_ns, timeframe)
        trouble = found.trouble(job.symbol)
        summary = (
            f"{found.candles:,} candles of {timeframe} with {found.trades:,} trades; {said}; "
            f"none of {found.compared:,} REST candles differs"
        )
    if trouble:
        hand.fail(job, KrakenCandlesError(trouble))
    else:
        hand.to(job, summary=f"{summary}{remark}")
    return not trouble


def request_removal_for(path: Path, job: Job) -> None:
    """Ask the next build to keep the candles of the job's whole UTC days, if its trades are to go."""
    days = job.days_to_remove
    if days:
        request_removal(path, job.symbol, *days, str(job.job_id))


def _lost_of_import(path: Path, job: Job) -> str | None:
    """Say of which of the archive's files the built tables do not have all; None if they do."""
    query = (
        "select member, trade_difference, volume_difference from kraken.check_import where is_current "
        "and (archive = $archive or starts_with(archive, $archive || '/')) "
        "and (trade_difference <> 0 or volume_difference <> 0) order by member"
    )
    with open_warehouse(path, read_only=True) as connection:
        found = connection.execute(query, {"archive": job.symbol}).fetchall()
    if not found:
        return None
    member, trades, volume = found[0]
    more = f", and {len(found) - 1:,} files more" if len(found) > 1 else ""
    return (
        f"{member} of {job.symbol}: {trades:,} trades with a volume of {volume:f} are in the file and not in the "
        f"warehouse{more} (kraken.check_import)."
    )


def _export(path: Path, jobs: Sequence[Job], hand: ActiveJobs) -> None:
    jobs = hand.to_phase(jobs, "exporting")
    try:
        publish(path)
    except KrakenCandlesError as error:
        for job in jobs:
            hand.fail(job, error)
