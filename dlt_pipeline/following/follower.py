"""`follow`: round after round until it is stopped; whatever goes wrong meanwhile is said and waited out."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import When, to_ns
from dlt_pipeline.following.loads import Loads, Progressing, no_progress
from dlt_pipeline.following.project import KeptProject
from dlt_pipeline.following.rounds import Round, Rounds
from dlt_pipeline.following.schedule import Schedule, State
from dlt_pipeline.following.settings import load_follow_settings
from dlt_pipeline.following.waiting import SleepingWaiter, Waiter, Wake
from dlt_pipeline.kraken.request import make_request, make_window
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_TIMEFRAMES, load_settings
from dlt_pipeline.warehouse.database import warehouse_path
from dlt_pipeline.warehouse.locks import exclusive_lock, lock_folder, warehouse_key


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
    if start is not None:
        to_ns(start, "The start")
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
        wake = waiter.wait(state.schedule.seconds_left(time.monotonic()), stop)
        if wake.why == "clock":
            state.schedule.all_due()
    return done
