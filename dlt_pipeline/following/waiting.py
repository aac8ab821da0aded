"""What waits between rounds: a sleep, or a stream that ends it with news; a jump of the machine's clock ends both."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

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
