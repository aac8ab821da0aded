"""A round: load up to now, build what changed, publish; and what came of it."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Final

from dlt_pipeline.common.exceptions import (
    BadInputError,
    DiskFullError,
    KrakenCandlesError,
    LoadStoppedError,
    OutOfFilesError,
    UnknownSymbolError,
    WarehouseError,
    WarehouseLockedError,
)
from dlt_pipeline.following.loads import Loads, finest_ns
from dlt_pipeline.following.project import Built, KeptProject
from dlt_pipeline.following.schedule import State
from dlt_pipeline.publishing import Published
from dlt_pipeline.publishing.newest import Publisher
from dlt_pipeline.warehouse.errors import explain

# Wrong from the beginning, so no waiting mends it; the kinds of WarehouseError that pass are waited for.
_ENDS: Final = (BadInputError, UnknownSymbolError, WarehouseError)
_PASSES: Final = (WarehouseLockedError, DiskFullError, OutOfFilesError)


@dataclass
class Round:
    """What came of a round; told to `on_round` when it is over.

    `ended_at` is the machine's time, UTC. `trades` are those added, by symbol; `reached` is how far each symbol is
    covered (ns, UTC). `failures` are symbols that failed alone; `trouble` is what concerned all, and what was not done
    for it is done in a later round. `delisted` are symbols that the exchange lists no more, in the round that meets it:
    that ends nothing, and is no failure. `is_check`: a whole build with all tests; what is `red` then is not published,
    nor are the rounds after it until a check is green. `published` is None where nothing was.
    """

    number: int
    is_check: bool
    symbols: tuple[str, ...]
    ended_at: datetime
    seconds: float = 0.0
    trades: Mapping[str, int] = field(default_factory=dict)
    reached: Mapping[str, int] = field(default_factory=dict)
    missing_ids: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, KrakenCandlesError] = field(default_factory=dict)
    delisted: tuple[str, ...] = ()
    trouble: KrakenCandlesError | None = None
    red: str = ""
    published: Published | None = None

    @property
    def is_fine(self) -> bool:
        """Whether all symbols were loaded and all is built, green and published."""
        return not self.failures and self.trouble is None and not self.red and self.published is not None


class Rounds:
    """Makes rounds; trouble is kept in the round, and what was not done is done in a later one."""

    def __init__(self, state: State, loads: Loads, project: KeptProject, stop: threading.Event) -> None:
        """Nothing is asked yet."""
        self._state, self._loads, self._project, self._stop = state, loads, project, stop
        self._publisher = Publisher(state.path, stop)
        self._number = 0
        self._told: frozenset[str] = frozenset()

    def newest(self, symbols: Sequence[str]) -> Round:
        """Load what came, build the days that it touched without tests, publish unless the last check was red."""
        return self._round(symbols, is_check=False)

    def check(self) -> Round:
        """Load all that was asked for, build and test all, publish if it is green."""
        return self._round(self._state.symbols, is_check=True)

    def _round(self, symbols: Sequence[str], is_check: bool) -> Round:
        began = time.monotonic()
        self._number += 1
        done = Round(self._number, is_check, tuple(symbols), datetime.now(timezone.utc))
        self._try(done, self._load)
        state = self._state
        if not state.is_built or (is_check and not done.trouble):
            self._try(done, self._build)
        if state.is_built and not state.is_published and not state.red:
            self._try(done, self._publish)
        done.red = state.red
        done.ended_at, done.seconds = datetime.now(timezone.utc), time.monotonic() - began
        return done

    def _try(self, done: Round, step: Callable[[Round], None]) -> None:
        if self._stop.is_set():
            return
        try:
            step(done)
        except LoadStoppedError:
            pass  # what was committed stays
        except Exception as error:  # noqa: BLE001 - what is not known is raised
            self._trouble(done, error)

    def _trouble(self, done: Round, error: Exception) -> None:
        known = explain(error, self._state.path)
        if known is None:
            raise error
        if not self._state.has_begun and isinstance(known, _ENDS) and not isinstance(known, _PASSES):
            raise known from error
        done.trouble = done.trouble or known
        self._state.schedule.failed(done.symbols, time.monotonic(), is_all=True)

    def _load(self, done: Round) -> None:
        if done.is_check:
            self._loads.spell()
            done.symbols = self._state.symbols
        report, reached = self._loads.all() if done.is_check else self._loads.newest(done.symbols)
        done.trades, done.missing_ids, done.failures = report.trades, report.missing_ids, report.failures
        done.reached = reached
        self._state.is_built = self._state.is_built and not reached
        self._state.loaded(reached)
        self._state.schedule.failed(report.failures, time.monotonic(), is_all=False)
        delisted = self._loads.delisted
        self._state.schedule.rest(delisted)
        done.delisted, self._told = tuple(sorted(delisted - self._told)), delisted

    def _build(self, done: Round) -> None:
        state = self._state
        if done.is_check:
            built: Built = self._project.build_all()
            state.checked("" if built.is_green else str(built), time.monotonic())
            state.follow_timeframe(finest_ns(state.path))
        else:
            built = self._project.build_newest()
            if not built.is_green and not state.red:
                state.red = str(built)
                state.want_check()  # all of it may do what a part could not, as after a change of settings elsewhere
        state.is_built, state.is_published = True, False

    def _publish(self, done: Round) -> None:
        done.published = self._publisher.publish() if done.is_check else self._publisher.publish_newest()
        self._state.is_published = True
