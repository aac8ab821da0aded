"""The exchange's clock: it decides which trades exist yet, which candle is open, and what `Date` and `Time` say."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NS = 10**9


def to_ns(moment: datetime) -> int:
    """Nanoseconds since the epoch of a datetime, exact; raises ValueError where it has no time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give a UTC datetime")
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def to_datetime(ns: int) -> datetime:
    """The UTC datetime of nanoseconds since the epoch, cut to microseconds."""
    return EPOCH + timedelta(microseconds=ns // 1000)


class Clock:
    """A clock that can be set and moved; every method may be called from any thread.

    Without `start` it is the machine's own time. With `start` (a datetime with a time zone) it stands still there,
    or runs on from there with `ticking=True`.
    """

    def __init__(self, start: datetime | None = None, ticking: bool | None = None) -> None:
        """`start` has a time zone; a clock with a start stands still unless `ticking`."""
        self._lock = threading.Lock()
        self._ticking = start is None if ticking is None else ticking
        # A ticking clock keeps its distance from the machine's clock, a frozen one its own reading.
        machine_ns = time.time_ns()
        self._base_ns = (machine_ns if start is None else to_ns(start)) - (machine_ns if self._ticking else 0)

    @classmethod
    def at_ns(cls, ns: int) -> Clock:
        """A frozen clock at so many nanoseconds since the epoch."""
        clock = cls(EPOCH, ticking=False)
        clock._base_ns = ns
        return clock

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        with self._lock:
            return self._base_ns + (time.time_ns() if self._ticking else 0)

    def now(self) -> datetime:
        """The same in UTC, cut to microseconds."""
        return to_datetime(self.now_ns())

    def set(self, moment: datetime) -> None:
        """Put the clock to a datetime with a time zone; a ticking clock runs on from there."""
        with self._lock:
            self._base_ns = to_ns(moment) - (time.time_ns() if self._ticking else 0)

    def advance(self, seconds: float) -> None:
        """Move the clock on by so many seconds (back, where negative)."""
        with self._lock:
            self._base_ns += round(seconds * NS)
