"""What ends a wait: the user's stop, or that nobody wants the answer any more."""

import threading
import time
from typing import Final, Protocol

# How long a stop may go unheard; a thread can wait for one event only.
_SLICE_SECONDS: Final = 0.25


class Stop(Protocol):
    """An event that only has to be heard; `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether it has happened."""

    def wait(self, timeout: float) -> bool:
        """Wait for it so many seconds at most; whether it has happened."""


class AnyOf:
    """Has happened once one of its events has."""

    def __init__(self, *events: threading.Event) -> None:
        """Keep the events."""
        self._events = events

    def is_set(self) -> bool:
        """Whether one of them has happened."""
        return any(event.is_set() for event in self._events)

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds at most; whether one has happened."""
        until = time.monotonic() + timeout
        while not self.is_set():
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._events[0].wait(min(left, _SLICE_SECONDS))
        return True
