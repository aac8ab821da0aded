"""Loads the trades that jobs want: side by side the first waiting job of each symbol, round after round."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dlt_pipeline.common.exceptions import BadAnswerError, BadInputError, KrakenCandlesError, UnknownSymbolError
from dlt_pipeline.common.time import NS_PER_DAY
from dlt_pipeline.jobs.job import LOADING_TYPES, Job
from dlt_pipeline.jobs.repairing import windows_of
from dlt_pipeline.kraken.request import Request, Window
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_TIMEFRAMES

# What Kraken's OHLC endpoint gives, whatever it is asked for.
REST_CANDLES: Final = 720
Snapshot = tuple[str, str]


@dataclass
class Round:
    """A job a symbol, with the exchange asked what concerns each; `refused` cannot be loaded at all."""

    jobs: list[Job]
    session: Session
    path: Path
    refused: list[tuple[Job, KrakenCandlesError]] = field(default_factory=list)

    def request(self, fetched: Collection[Snapshot] = ()) -> Request:
        """Return what to load: the jobs' windows, and those of Kraken's candles that reach into one of them.

        Candles that were `fetched` for the same build already are not asked for once more.
        """
        windows = {job.symbol: self._windows(job) for job in self.jobs}
        timeframes = {name for _, name in self.snapshots() - set(fetched)}
        return Request(windows, tuple(name for name in REST_TIMEFRAMES if name in timeframes))

    def _windows(self, job: Job) -> tuple[Window, ...]:
        return (
            windows_of(self.path, job, self.end_ns(job))
            if job.job_type == "repair"
            else _windows(job, self.session.now_ns)
        )

    def snapshots(self) -> set[Snapshot]:
        """Return which of Kraken's candles the jobs want, by symbol and timeframe."""
        return {(job.symbol, name) for job in self.jobs for name in _timeframes(job, self.session.now_ns)}

    def end_ns(self, job: Job) -> int:
        """Return up to where the job's trades are proven once its load is complete (ns, UTC, exclusive)."""
        settled = self.session.now_ns - int(self.session.settings.head_margin_seconds * NS_PER_SECOND)
        return settled if job.end_ns is None else min(job.end_ns, settled)


def next_round(waiting: Sequence[Job], session: Session, path: Path) -> Round:
    """Open the session and choose the first waiting job of each symbol. What the exchange does not have is refused.

    Raises an ExchangeError where the exchange cannot be asked at all.
    """
    session.open(Request({}, ()))
    found = Round([], session, path)
    first = {job.symbol: job for job in reversed(waiting)}
    for job in sorted(first.values(), key=lambda job: job.job_id):
        error = _refusal(job, session)
        if error:
            found.refused.append((job, error))
        else:
            found.jobs.append(job)
    return found


def _refusal(job: Job, session: Session) -> KrakenCandlesError | None:
    try:
        session.market(job.symbol)
        for window in _windows(job, session.now_ns):
            session.check_past(window)
    except (BadAnswerError, BadInputError, UnknownSymbolError) as error:
        return error
    return None


def needs_load(job: Job) -> bool:
    """Whether the job still has something to ask of the exchange."""
    return not job.is_past("loading")


def _windows(job: Job, now_ns: int) -> tuple[Window, ...]:
    if job.job_type not in LOADING_TYPES or job.start_ns is None:
        return ()
    # Bounds were widened to whole days: an end on the coming midnight means today and is no end in the future.
    midnight = -(-now_ns // NS_PER_DAY) * NS_PER_DAY
    asked_end = None if job.end_ns is None or job.end_ns <= midnight else job.end_ns
    return (Window(job.start_ns, job.end_ns, job.start_ns, asked_end),)


def _timeframes(job: Job, now_ns: int) -> Iterator[str]:
    for name, seconds in REST_TIMEFRAMES.items():
        reaches_back_to = now_ns - REST_CANDLES * seconds * NS_PER_SECOND
        if job.job_type == "rest_snapshot" or (
            job.job_type == "trade_rebuild" and (job.end_ns is None or job.end_ns > reaches_back_to)
        ):
            yield name
