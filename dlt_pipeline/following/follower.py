"""`follow`: round after round, and waits between them, until it is stopped; what goes wrong is said and waited out."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.threads import exclusive_lock, lock_folder, warehouse_key
from dlt_pipeline.common.time import When
from dlt_pipeline.following.loads import Loads, Progressing, no_progress
from dlt_pipeline.following.rounds import KeptProject, Round, Rounds
from dlt_pipeline.following.schedule import Schedule, State, load_follow_settings
from dlt_pipeline.kraken.request import make_request, make_window
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_TIMEFRAMES, load_settings
from dlt_pipeline.warehouse.database import warehouse_path

if TYPE_CHECKING:
    from dlt_pipeline.stream import StreamWaiter

PIECE_SECONDS: Final = 0.5
# A machine's clock is corrected by seconds now and then; more is a sleep, or somebody set it.
JUMP_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Wake:
    """Why a wait ended: its time was up, it was stopped, the machine's clock jumped, or new trades were heard of.

    `symbols` are those to load now beside the ones whose time has come; after a jump all of them are. `quiet` are those
    that need no load though their time has come.
    """

    why: Literal["due", "stopped", "clock", "heard"]
    symbols: frozenset[str] = frozenset()
    quiet: frozenset[str] = frozenset()


class Waiter(Protocol):
    """Sleeps between rounds. A stream of trades can be one: it ends the wait early and names what it heard of."""

    def wait(self, seconds: float, stop: threading.Event) -> Wake:
        """Return after so many seconds, or sooner and why; at once where `stop` is set."""


class SleepingWaiter:
    """Sleeps by the monotonic clock, which nobody sets; the machine's other clock only tells that time was lost."""

    def __init__(self, tick: Callable[[float], object] = lambda _left: None) -> None:
        """`tick` is told the seconds left, some times a second."""
        self._tick = tick

    def wait(self, seconds: float, stop: threading.Event) -> Wake:
        """Sleep, whatever the machine's clock says meanwhile."""
        began, before = time.monotonic(), apart()
        while not stop.is_set():
            left = seconds - (time.monotonic() - began)
            if left <= 0:
                return Wake("due")
            if abs(apart() - before) > JUMP_SECONDS:
                return Wake("clock")
            self._tick(left)
            stop.wait(min(left, PIECE_SECONDS))
        return Wake("stopped")


def apart() -> float:
    """How far the machine's clock is from the monotonic one, which stands still while a laptop sleeps (seconds)."""
    return time.time() - time.monotonic()


class HearingWaiter:
    """Sleeps like SleepingWaiter, and listens meanwhile."""

    def __init__(self, stream: "StreamWaiter", tick: Callable[[float], object] = lambda _left: None) -> None:
        """`tick` is told the seconds left. The stream is started and finished by whoever made it."""
        self._stream, self._tick = stream, tick

    def wait(self, seconds: float, stop: threading.Event) -> Wake:
        """Wait for the time, news, a stop or a jump of the machine's clock."""
        began, before = time.monotonic(), apart()
        while not stop.is_set():
            left = seconds - (time.monotonic() - began)
            if left <= 0:
                return Wake("due", quiet=frozenset(self._stream.quiet()))
            if abs(apart() - before) > JUMP_SECONDS:
                return Wake("clock")
            self._tick(left)
            if heard := self._stream.wait(min(left, PIECE_SECONDS), stop):
                return Wake("heard", frozenset(heard))
        return Wake("stopped")


def only_follow(path: Path) -> AbstractContextManager[None]:
    """Be the only one that follows into the warehouse at `path`; WarehouseLockedError if another process does.

    Loads and builds of other commands find their place between the rounds.
    """
    place = lock_folder() / f"follow-{warehouse_key(path)}"
    return exclusive_lock(place, "follow", f"it keeps {path} up to date: stop it and name all symbols in one command")


def follow(
    symbols: Sequence[str],
    start: When | None = None,
    *,
    timeframes: Sequence[str] = tuple(REST_TIMEFRAMES),
    once: bool = False,
    every_seconds: float | None = None,
    warehouse: str | Path | None = None,
    stop: threading.Event | None = None,
    on_round: Callable[[Round], object] = lambda _round: None,
    waiter: Waiter | None = None,
    progress: Progressing = no_progress,
) -> Round | None:
    """Keep symbols up to date: load, build what changed, publish, sleep until the next candle can be proven.

    `start` is the first day wanted (UTC, as of `load`); without it each symbol goes on from where the warehouse covers
    it. `timeframes` are Kraken's own candles to compare with, fetched as often as needed. A round comes after each
    close of the finest timeframe, or every so many seconds. `once` makes one round, with all tests. `waiter` sleeps
    between rounds; `progress` gives the listener of a load that has much to catch up with.

    Returns the last round once `stop` is set (None if there was none). Raises BadInputError or UnknownSymbolError for
    what cannot be, WarehouseLockedError where another process follows into the same warehouse; and with `once`
    whatever kept all of the round from being done. Without it such trouble is in the rounds, and ends nothing.
    """
    names = tuple(dict.fromkeys(symbols))
    make_request(names, start or "2013-01-01", None, timeframes, exact=False)
    if every_seconds is not None and not 1 <= every_seconds <= 86_400:
        raise BadInputError(f"A round every {every_seconds} s cannot be; it must lie between 1 and 86400.")
    settings, kraken = load_follow_settings(), load_settings()
    path = warehouse_path(warehouse)
    stop = stop or threading.Event()
    window = None if start is None else make_window(start, None, exact=False)
    schedule = Schedule(
        names,
        round((every_seconds or 60) * NS_PER_SECOND),
        round(kraken.head_margin_seconds * NS_PER_SECOND),
        settings,
    )
    with only_follow(path):
        state = State(path, names, settings, schedule, is_paced=every_seconds is not None)
        rounds = Rounds(state, Loads(state, kraken, window, tuple(timeframes), stop, progress), KeptProject(path), stop)
        if once:
            return _once(rounds, on_round)
        return _on_and_on(rounds, state, stop, on_round, waiter or SleepingWaiter())


def _once(rounds: Rounds, on_round: Callable[[Round], object]) -> Round:
    done = rounds.check()
    on_round(done)
    if done.trouble:
        raise done.trouble
    return done


def _on_and_on(
    rounds: Rounds, state: State, stop: threading.Event, on_round: Callable[[Round], object], waiter: Waiter
) -> Round | None:
    """A check comes after a round, which is published by then, and has the time until the next one."""
    done = None
    wake = Wake("due")
    while not stop.is_set():
        at = time.monotonic()
        due = state.schedule.now(at, wake.symbols) if state.has_begun else []
        symbols = [name for name in due if name not in wake.quiet]
        state.schedule.skipped(wake.quiet.intersection(due), at)
        if symbols:
            done = rounds.newest(symbols)
            on_round(done)
        is_free = done is None or done.trouble is None or not state.has_begun
        if is_free and not stop.is_set() and state.is_check_due(time.monotonic()):
            done = rounds.check()
            on_round(done)
        wake = waiter.wait(state.seconds_left(time.monotonic()), stop)
        if wake.why == "clock":
            state.schedule.all_due()
    return done
