"""When the next round makes sense: the exchange's clock by its answers, and when a candle can be proven. Pure."""

from collections import deque
from typing import Final

from dlt_pipeline.kraken.settings import NS_PER_SECOND

# An answer tells whole seconds; of so many, one came right after its second began.
_ANSWERS: Final = 60
# Coming a moment too early costs a round, a moment too late costs that moment.
SPARE_NS: Final = NS_PER_SECOND // 20
# Clocks of the exchange's own servers differ by less.
_BACKWARD_NS: Final = 2 * NS_PER_SECOND


class ExchangeClock:
    """The exchange's time, run on by our monotonic clock between answers; ns since the epoch, UTC.

    An answer's time is cut to its second, so the newest of several readings is the nearest to the truth.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._apart: deque[int] = deque(maxlen=_ANSWERS)

    def heard(self, exchange_ns: int, at: float) -> None:
        """Take in an answer's time and the monotonic second at which it was there."""
        apart = exchange_ns - round(at * NS_PER_SECOND)
        if self._apart and apart < max(self._apart) - _BACKWARD_NS:
            self._apart.clear()  # it was set back, or what was heard before was wrong
        self._apart.append(apart)

    def now_ns(self, at: float) -> int | None:
        """Return the exchange's time at a monotonic second; None before any answer."""
        return max(self._apart) + round(at * NS_PER_SECOND) if self._apart else None


def next_close_ns(reached_ns: int, every_ns: int) -> int:
    """Return the end of the first bucket that what is covered up to `reached_ns` does not hold whole."""
    return (reached_ns // every_ns + 1) * every_ns


def seconds_unproven(now_ns: int, every_ns: int, margin_ns: int) -> float:
    """Return in how many seconds silence up to the last bucket's end will be believed; not above 0 where it is."""
    return (now_ns // every_ns * every_ns + margin_ns + SPARE_NS - now_ns) / NS_PER_SECOND


def next_moment_ns(reached_ns: int, now_ns: int, every_ns: int, margin_ns: int, has_moved: bool) -> int:
    """Return when to begin a round, by the exchange's clock: `margin_ns` after the first bucket's end not yet covered.

    Where a load brought nothing further (`has_moved` false), asking again at once would bring nothing either: the next
    bucket's end is waited for.
    """
    margin_ns += SPARE_NS
    moment = next_close_ns(reached_ns, every_ns) + margin_ns
    if moment <= now_ns and not has_moved:
        moment = next_close_ns(now_ns - margin_ns, every_ns) + margin_ns
    return moment
