"""One bounded run over several symbols: who goes on where, who is done, who failed."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Final

import dlt

from dlt_pipeline.dates import show_ns
from dlt_pipeline.exceptions import KrakenCandlesError, LoadStoppedError
from dlt_pipeline.kraken.ledger import Range, missing
from dlt_pipeline.kraken.session import Request, Session, check_clock, read_ledger
from dlt_pipeline.kraken.symbol_load import Batch, Budget, Progress, SymbolLoad
from dlt_pipeline.kraken.tables import SCHEMAS

_log = logging.getLogger("dlt_pipeline.kraken")
Ledger = dict[str, list[Range]]
# The tables that one answer of the exchange fills.
SYMBOL_TABLES: Final = ("trades", "pages", "id_holes", "rest_candles")


class Chunk:
    """Shared by the threads of the symbols; `done` are the symbols that lack nothing any more."""

    def __init__(
        self,
        session: Session,
        request: Request,
        on_progress: Callable[[Progress], None] | None = None,
        on_failure: Callable[[str, KrakenCandlesError], None] | None = None,
        patiently: Callable[[Callable[[], Ledger]], Ledger] = lambda read: read(),
    ) -> None:
        """Keep what the resources need; without `on_failure` the first symbol's error ends the run.

        `patiently` reads the ledger: it may wait where another process holds the warehouse.
        """
        self._patiently = patiently
        self.session, self.request = session, request
        self.on_progress, self.on_failure = on_progress, on_failure
        self.done: set[str] = set()
        self._budget: Budget | None = None
        self._ranges: Ledger | None = None
        self._lock = threading.Lock()

    def begin(self) -> tuple[Budget, Ledger]:
        """Open the session, start the chunk's clock and read the ledger: once, by whichever symbol comes first."""
        with self._lock:
            if self._ranges is None:
                self.session.open(self.request)
                settings = self.session.settings
                self._budget = Budget(settings.chunk_pages, time.monotonic() + settings.chunk_seconds)
                pipeline, began_at = dlt.current.pipeline(), self.session.began_at
                ranges = self._patiently(lambda: read_ledger(pipeline, self.request, began_at))
                if not self.session.is_clock_checked:  # later chunks have covered more since the clock was asked
                    check_clock(ranges, self.session.now_ns)
                    self.session.is_clock_checked = True
                self._ranges = ranges
            assert self._budget is not None  # noqa: S101 - set together with the ranges
            return self._budget, self._ranges

    def answers(self, symbol: str) -> Iterator[Batch]:
        """Yield a symbol's batches and keep its cursor in dlt's state; the ledger, not the state, says where to go on.

        A failure leaves what was taken in before it in place.
        """
        cursors = dlt.current.source_state().setdefault("cursors", {})
        try:
            budget, ranges = self.begin()
            known = ranges[symbol]
            request, session = self.request, self.session
            if not request.is_backfill:  # which may leave answers out, and moves no cursor
                _correct(cursors, symbol, known)
            load = SymbolLoad(
                client=session.client(symbol),
                market=session.market(symbol),
                settings=session.settings,
                wanted=[
                    lack for each in request.windows[symbol] for lack in missing(known, each.start_ns, each.end_ns)
                ],
                budget=budget,
                is_backfill=request.is_backfill,
                timeframes=request.timeframes,
                stop=session.stop,
                on_progress=self.on_progress,
            )
            try:
                yield Batch({name: SCHEMAS[name].empty_table() for name in SYMBOL_TABLES})  # dbt reads all of them
                yield from load.batches()
            finally:
                if load.cursor is not None and not request.is_backfill:
                    cursors[symbol] = asdict(load.cursor)
            if load.is_done:
                self.done.add(symbol)
        except LoadStoppedError:
            return
        except KrakenCandlesError as error:
            if self.on_failure is None:
                raise
            self.on_failure(symbol, error)


def _correct(cursors: dict[str, Any], symbol: str, ranges: list[Range]) -> None:
    """Drop a remembered cursor that the warehouse's ledger does not bear out (warehouse or dlt's folder replaced)."""
    remembered = cursors.get(symbol)
    if remembered and not any(known.from_ns <= remembered["covered_to_ns"] <= known.to_ns for known in ranges):
        place = show_ns(ranges[-1].to_ns) if ranges else "nothing"
        _log.warning("%s: the remembered cursor is not the warehouse's; going on from its ledger (%s).", symbol, place)
        del cursors[symbol]
