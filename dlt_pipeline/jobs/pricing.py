"""The price of jobs before they begin: what each still lacks in the warehouse, asked a job a symbol at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dlt_pipeline.common.exceptions import ExchangeError
from dlt_pipeline.estimate.estimate import price_of
from dlt_pipeline.estimate.price import Estimate
from dlt_pipeline.jobs.job import PRICED_TYPES, Job
from dlt_pipeline.jobs.rounds import Round, next_round
from dlt_pipeline.kraken.session import Session


def price_jobs(jobs: Sequence[Job], path: Path, session: Session) -> Iterator[tuple[Job, Estimate]]:
    """Yield each job with its price. One that the exchange refuses or cannot price is left out: its load will say why.

    Raises KrakenCandlesError for what concerns all of them, such as no network.
    """
    waiting = [job for job in jobs if job.job_type in PRICED_TYPES]
    while waiting:
        chosen = next_round(waiting, session, path)
        yield from price_round(chosen, path)
        dealt_with = {job.job_id for job in chosen.jobs} | {job.job_id for job, _ in chosen.refused}
        waiting = [job for job in waiting if job.job_id not in dealt_with]


def price_round(chosen: Round, path: Path) -> Iterator[tuple[Job, Estimate]]:
    """Price the jobs of one round; they are of different symbols."""

    def leave_it_to_the_load(_symbol: str, _error: ExchangeError) -> None:
        """One symbol's failure is its own."""

    by_symbol = {job.symbol: job for job in chosen.jobs if job.job_type in PRICED_TYPES}
    if by_symbol:
        request = chosen.request().part(by_symbol)
        for estimate in price_of(request, path, chosen.session, leave_it_to_the_load):
            yield by_symbol[estimate.symbol], estimate


def estimated(estimate: Estimate) -> dict[str, float]:
    """Return a price as the fields of a job: seconds of asking and building, bytes of warehouse and published files."""
    return {
        "estimated_trades": estimate.trades,
        "estimated_calls": estimate.calls,
        "estimated_seconds": round(estimate.seconds + estimate.build_seconds, 1),
        "estimated_bytes": estimate.bytes,
    }
