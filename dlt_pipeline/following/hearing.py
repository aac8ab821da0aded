"""A stream as the waiter of a follow: it ends the wait with news, and tells who needs no round."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dlt_pipeline.following.waiting import JUMP_SECONDS, PIECE_SECONDS, Wake, apart

if TYPE_CHECKING:
    from dlt_pipeline.stream import StreamWaiter


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
