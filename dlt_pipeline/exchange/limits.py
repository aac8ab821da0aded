"""Kraken's limits of calls, by the machine's own clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

# A few calls at once are let through; then one call in `seconds_per_call`.
BURST = 3
# A start asks for the time, the assets and the markets at once, and several clients may start together.
GENEROUS_BURST = 15
GENEROUS_FACTOR = 0.2


class RateLimiter:
    """Tokens that grow back with real time: one in `seconds_per_call` seconds, `burst` at most."""

    def __init__(self, seconds_per_call: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        """`seconds_per_call` 0 means no limit; `now` gives seconds."""
        self._seconds_per_call = seconds_per_call
        self._burst = burst
        self._now = now
        self._tokens: dict[Hashable, tuple[float, float]] = {}

    def allows(self, caller: Hashable) -> bool:
        """Whether this call may pass; a call that may not costs nothing."""
        if self._seconds_per_call <= 0:
            return True
        now = self._now()
        tokens, seen = self._tokens.get(caller, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - seen) / self._seconds_per_call)
        allowed = tokens >= 1
        self._tokens[caller] = (tokens - 1 if allowed else tokens, now)
        return allowed


class KrakenLimits:
    """Both limits of the public endpoints."""

    def __init__(self, seconds_per_call: float, now: Callable[[], float] = time.monotonic) -> None:
        """`seconds_per_call` is that of Trades and OHLC; 0 means no limit at all."""
        self._by_pair = RateLimiter(seconds_per_call, BURST, now)
        self._by_ip = RateLimiter(seconds_per_call * GENEROUS_FACTOR, GENEROUS_BURST, now)

    def allows(self, ip: str, method: str, pair: str | None) -> bool:
        """Whether a call of this address to a method, for a pair's key, may pass."""
        if method in ("Trades", "OHLC"):
            return self._by_pair.allows((ip, pair))
        return self._by_ip.allows(ip)
