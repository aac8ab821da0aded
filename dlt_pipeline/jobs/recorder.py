"""Hears a load and writes down, chunk by chunk, how far each job's symbol has come."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlt_pipeline.jobs.job import Job
from dlt_pipeline.kraken.extract import Progress
from dlt_pipeline.kraken.load import Listener, tell_committing
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session

Change = Callable[[Mapping[int, Mapping[str, Any]]], Mapping[int, Job]]


def size_of(warehouse: Path) -> int:
    """Return the bytes of the warehouse and of its log beside it."""
    files = (warehouse, warehouse.with_name(warehouse.name + ".wal"))
    return sum(file.stat().st_size for file in files if file.exists())


class Recorder:
    """One round of a load: a job a symbol. `listener` hears all of it too."""

    def __init__(self, jobs: Sequence[Job], change: Change, warehouse: Path, listener: Listener | None = None) -> None:
        """Keep the jobs; `change` writes changes down and returns the jobs as they are then."""
        self._jobs = {job.symbol: job for job in jobs}
        self._before = {job.symbol: job for job in jobs}
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
                "calls": before.calls + self._calls(symbol),
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

    def _calls(self, symbol: str) -> int:
        return self._session.calls(symbol) if self._session else 0
