"""How soon one call may follow another: a pace for each pair, one for all other calls, slowed where the exchange asks.

Moments are seconds of one steady clock; nothing here waits.
"""

import threading
from typing import Final

from dlt_pipeline.kraken.settings import KrakenSettings

# Kraken limits these by IP address and pair, everything else by IP address alone.
PAIR_CALLS: Final = frozenset({"Trades", "OHLC"})
# Each step back towards the set pace takes a quarter off the gap, so that a pace that is still too fast is met slowly.
_RECOVERY: Final = 0.75


class Pace:
    """One queue of calls, measured from start to start; safe for several threads."""

    def __init__(self) -> None:
        """Begin unslowed, with no call made yet."""
        self._lock = threading.Lock()
        self._last = float("-inf")
        self._slowed = 1.0
        self._passed = 0

    def gap(self, settings: KrakenSettings) -> float:
        """Return the seconds from one call to the next as things stand; never less than the set ones."""
        slowest = max(settings.seconds_per_call, settings.slowest_seconds_per_call)
        return min(settings.seconds_per_call * self._slowed, slowest)

    def book(self, settings: KrakenSettings, now: float) -> float:
        """Take the next turn; return the moment at which its call may start, `now` or later."""
        with self._lock:
            self._last = max(now, self._last + self.gap(settings))
            return self._last

    def limited(self, settings: KrakenSettings) -> None:
        """Slow down: the exchange answered that calls come too fast."""
        with self._lock:
            self._passed = 0
            if settings.seconds_per_call:
                slowest = max(1.0, settings.slowest_seconds_per_call / settings.seconds_per_call)
                self._slowed = min(self._slowed * settings.slowdown_factor, slowest)

    def passed(self, settings: KrakenSettings) -> None:
        """Count a call that was answered; each run of them without a rate limit is one step back to the set pace."""
        with self._lock:
            self._passed += 1
            if self._passed >= settings.recovery_calls:
                self._passed = 0
                self._slowed = max(1.0, self._slowed * _RECOVERY)


# All clients of this process share an address, and so Kraken's limits, whichever session they belong to.
_PACES: Final[dict[tuple[str, str], Pace]] = {}
_PACES_LOCK: Final = threading.Lock()


def pace_of(base_url: str, method: str, pair: str) -> Pace:
    """Return the process's pace for calls of `method` for `pair` (Kraken's own id) at the exchange `base_url`."""
    queue = pair if method in PAIR_CALLS else ""
    with _PACES_LOCK:
        return _PACES.setdefault((base_url, queue), Pace())
