"""Rounds of loads that jobs want: side by side the first waiting job of each symbol, its price, and how far it came."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlt_pipeline.common.exceptions import BadInputError, ExchangeError, KrakenCandlesError, UnknownSymbolError
from dlt_pipeline.common.time import NS_PER_DAY
from dlt_pipeline.estimates.estimate import price_of
from dlt_pipeline.estimates.price import Estimate
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.jobs.repair import windows_of
from dlt_pipeline.kraken.extract import Progress
from dlt_pipeline.kraken.load import Listener, tell_committing
from dlt_pipeline.kraken.request import Request, Window
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_CANDLES, REST_TIMEFRAMES
from dlt_pipeline.warehouse.database import size_of

RestSeries = tuple[str, str]
Change = Callable[[Mapping[int, Mapping[str, Any]]], Mapping[int, Job]]


@dataclass
class LoadRound:
    """A job a symbol, with the exchange asked what concerns each; `refused` cannot be loaded at all."""

    jobs: list[Job]
    session: Session
    path: Path
    refused: list[tuple[Job, KrakenCandlesError]] = field(default_factory=list)

    def request(self, fetched: Collection[RestSeries] = ()) -> Request:
        """Return what to load: the jobs' windows, and those of Kraken's candles that reach into one of them.

        Candles that were `fetched` for the same build already are not asked for once more.
        """
        windows = {
            job.symbol: windows_of(self.path, job, self.end_ns(job))
            if job.job_type == "repair"
            else _windows(job, self.session.now_ns)
            for job in self.jobs
        }
        timeframes = {name for _, name in self.snapshots() - set(fetched)}
        return Request(windows, tuple(name for name in REST_TIMEFRAMES if name in timeframes))

    def snapshots(self) -> set[RestSeries]:
        """Return which of Kraken's candles the jobs want, by symbol and timeframe."""
        return {(job.symbol, name) for job in self.jobs for name in _timeframes(job, self.session.now_ns)}

    def end_ns(self, job: Job) -> int:
        """Return up to where the job's trades are proven once its load is complete (ns, UTC, exclusive)."""
        settled = self.session.now_ns - int(self.session.settings.head_margin_seconds * NS_PER_SECOND)
        return settled if job.end_ns is None else min(job.end_ns, settled)


def next_round(waiting: Sequence[Job], session: Session, path: Path) -> LoadRound:
    """Open the session and choose the first waiting job of each symbol. What the exchange does not have is refused.

    Raises an ExchangeError where the exchange cannot be asked at all.
    """
    session.open(Request({}, ()))
    found = LoadRound([], session, path)
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
    except (BadInputError, ExchangeError, UnknownSymbolError) as error:
        return error
    return None


def needs_load(job: Job) -> bool:
    """Whether the job still has something to ask of the exchange."""
    return not job.is_past("loading")


def _windows(job: Job, now_ns: int) -> tuple[Window, ...]:
    if not job.kind.is_loading or job.start_ns is None:
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


def price_jobs(jobs: Sequence[Job], path: Path, session: Session) -> Iterator[tuple[Job, Estimate]]:
    """Yield each job with its price. One that the exchange refuses or cannot price is left out: its load will say why.

    Raises KrakenCandlesError for what concerns all of them, such as no network.
    """
    waiting = [job for job in jobs if job.kind.is_priced]
    while waiting:
        chosen = next_round(waiting, session, path)
        yield from price_round(chosen, path)
        dealt_with = {job.job_id for job in chosen.jobs} | {job.job_id for job, _ in chosen.refused}
        waiting = [job for job in waiting if job.job_id not in dealt_with]


def price_round(chosen: LoadRound, path: Path) -> Iterator[tuple[Job, Estimate]]:
    """Price the jobs of one round; they are of different symbols."""
    by_symbol = {job.symbol: job for job in chosen.jobs if job.kind.is_priced}
    if by_symbol:
        request = chosen.request().part(by_symbol)
        # One symbol's failure is its own, and its load will say so.
        for estimate in price_of(request, path, chosen.session, on_failure=lambda _symbol, _error: None):
            yield by_symbol[estimate.symbol], estimate


def estimated(estimate: Estimate) -> dict[str, float]:
    """Return a price as the fields of a job: seconds of asking and building, bytes of warehouse and published files."""
    return {
        "estimated_trades": estimate.trades,
        "estimated_calls": estimate.calls,
        "estimated_seconds": round(estimate.seconds + estimate.build_seconds, 1),
        "estimated_bytes": estimate.bytes,
    }


class Recorder:
    """Hears a round's load and writes down, chunk by chunk, how far each job came; `listener` hears all of it too."""

    def __init__(self, jobs: Sequence[Job], change: Change, warehouse: Path, listener: Listener | None = None) -> None:
        """Keep the jobs; `change` writes changes down and returns the jobs as they are then."""
        self._before = self._jobs = {job.symbol: job for job in jobs}
        self._change, self._listener, self._warehouse = change, listener, warehouse
        self._size = size_of(warehouse)
        self._trades = dict.fromkeys(self._jobs, 0)
        self._cursors: dict[str, int] = {}
        self._session: Session | None = None
        self._lock = threading.Lock()

    def begin(self, session: Session, request: Request) -> None:
        """Hear that the exchange answered."""
        self._session = session
        if self._listener:
            self._listener.begin(session, request)

    def page(self, progress: Progress) -> None:
        """Count a page's trades."""
        with self._lock:
            self._trades[progress.symbol] += progress.new_trades
            self._cursors[progress.symbol] = max(self._cursors.get(progress.symbol, 0), progress.covered_to_ns)
        if self._listener:
            self._listener.page(progress)

    def committing(self, trades: int) -> None:
        """Pass on that a chunk is about to be committed."""
        tell_committing(self._listener, trades)

    def committed(self, done: set[str]) -> None:
        """Write down what a chunk brought."""
        if self._listener:
            self._listener.committed(done)
        self.write()

    def write(self, more: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Write down all symbols' progress, and `more` by symbol."""
        grown = max(0, size_of(self._warehouse) - self._size)
        total = sum(self._trades.values())
        changes = {}
        for symbol, job in self._jobs.items():
            before, trades = self._before[symbol], self._trades[symbol]
            changes[job.job_id] = {
                "trades": before.trades + trades,
                "calls": before.calls + (self._session.calls(symbol) if self._session else 0),
                # What the file grew by belongs to all symbols of the round, by their trades.
                "bytes": before.bytes + (grown * trades // total if total else 0),
                "cursor_ns": self._cursors.get(symbol, job.cursor_ns),
                **((more or {}).get(symbol, {})),
            }
        after = self._change(changes)
        self._jobs = {symbol: after[job.job_id] for symbol, job in self._jobs.items()}

    def wanted(self, symbols: Sequence[str]) -> Collection[str]:
        """Return those of the symbols whose job nobody has asked to cancel."""
        return [symbol for symbol in symbols if not self._jobs[symbol].is_cancel_requested]
