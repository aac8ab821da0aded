"""When a follow does what: each symbol's next moment, the next check, by the exchange's clock and the paces set."""

import math
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.kraken.settings import NS_PER_SECOND, resolved

_LOWEST: Final[dict[str, float]] = {
    "least_round_seconds": 0.001,
    "check_seconds": 0,
    "red_check_seconds": 0,
    "first_pause_seconds": 0.001,
    "longest_pause_seconds": 0.001,
    "longest_symbol_pause_seconds": 0.001,
    "rest_candles": 1,
    "rest_seconds": 0,
}


@configspec
class FollowSettings(BaseConfiguration):
    """Settings of `follow`; `SOURCES__KRAKEN__FOLLOW__<NAME>` or `[sources.kraken.follow]` in config.toml."""

    # Rounds follow the finest timeframe, but with one of seconds not closer than this: a round takes a few of them.
    least_round_seconds: float = 10.0
    # A whole build with all tests takes seconds to a minute; once an hour it is lost in the hour.
    check_seconds: float = 3_600.0
    # After a red one nothing is published, so look again sooner: a line in a seed may have been added.
    red_check_seconds: float = 300.0
    # Trouble that concerns all (no network, a warehouse in use) ends mostly soon, and catching up should not wait long.
    first_pause_seconds: float = 5.0
    longest_pause_seconds: float = 60.0
    # One symbol's trouble may be an exchange that does not answer for it: each try then holds up the others' round.
    longest_symbol_pause_seconds: float = 900.0
    # Kraken shows 720 candles of a timeframe: after half of them they are fetched anew, …
    rest_candles: float = 360.0
    # … and those of longer timeframes at the least so often.
    rest_seconds: float = 86_400.0


def load_follow_settings() -> FollowSettings:
    """Resolve the settings from dlt's config; BadInputError for one that cannot be."""
    limits = {name: (lowest, math.inf) for name, lowest in _LOWEST.items()}
    return resolved(FollowSettings(), "sources", "kraken", "follow", limits=limits)


# An answer tells whole seconds; of so many, one came right after its second began.
_ANSWERS: Final = 60
# Coming a moment too early costs a round, a moment too late costs that moment.
SPARE_NS: Final = NS_PER_SECOND // 20
# Clocks of the exchange's own servers differ by less.
_BACKWARD_NS: Final = 2 * NS_PER_SECOND
# Symbols whose moments lie so close together are loaded in one round.
_TOGETHER_SECONDS: Final = 0.5
# Trades that came since the last round are taken in first, which may take two calls and a commit. What then is left to
# ask at the moment of proof takes one call: an answer with something new in it is only believed with a second one.
_EARLY_NS: Final = 3 * NS_PER_SECOND
# What has work left goes on at once, but leaves the machine a breath.
_LEAST_SECONDS: Final = 1.0


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


class Schedule:
    """The moments of the symbols, in seconds of the monotonic clock (`at`)."""

    def __init__(self, symbols: Sequence[str], every_ns: int, margin_ns: int, settings: FollowSettings) -> None:
        """At first all symbols are due."""
        self.every_ns = every_ns
        self._margin_ns, self._settings = margin_ns, settings
        self._due = dict.fromkeys(symbols, 0.0)
        self._tries = dict.fromkeys(symbols, 0)
        self._reached: dict[str, int] = {}
        self._have_others_begun = False

    def now(self, at: float, named: Iterable[str] = ()) -> list[str]:
        """Return the symbols to load now. Those in trouble come in a round of their own, after the others."""
        named = set(named)
        due = [
            name
            for name, moment in self._due.items()
            if moment <= at + _TOGETHER_SECONDS or (name in named and moment < math.inf)
        ]
        troubled = [name for name in due if self._tries[name]]
        others = [name for name in due if not self._tries[name]]
        self._have_others_begun = bool(troubled and others) and not self._have_others_begun
        return (others if self._have_others_begun else troubled) or due

    def seconds_left(self, at: float) -> float:
        """Return how long it is until some symbol is due; 0 where one is, infinity where all rest."""
        return max(0.0, min(self._due.values()) - at)

    def loaded(self, reached: Mapping[str, int], exchange_ns: int, at: float) -> None:
        """Set when the symbols loaded just now are due again; `reached` is how far they are covered (ns)."""
        for name, reached_ns in reached.items():
            has_moved = reached_ns > self._reached.get(name, -1)
            moment_ns = next_moment_ns(reached_ns, exchange_ns, self.every_ns, self._start_ns, has_moved)
            left = (moment_ns - exchange_ns) / NS_PER_SECOND
            # The exchange's clock may jump; a symbol is never left for longer than a bucket.
            longest = (self.every_ns + self._margin_ns) / NS_PER_SECOND + 1
            self._due[name] = at + min(max(left, _LEAST_SECONDS), longest)
            self._tries[name] = 0
            self._reached[name] = reached_ns

    def unproven(self, reached: Mapping[str, int], exchange_ns: int) -> tuple[list[str], float]:
        """Return which of the symbols just loaded lack the last close, and in how many seconds it can be proven.

        None where it could be already, or where rounds come so often that the next one will do.
        """
        left = seconds_unproven(exchange_ns, self.every_ns, self._margin_ns)
        close_ns = exchange_ns // self.every_ns * self.every_ns
        late = [name for name, reached_ns in reached.items() if reached_ns < close_ns]
        return (late, left) if self._is_early and left > 0 else ([], 0.0)

    @property
    def _is_early(self) -> bool:
        return self.every_ns >= 4 * self._margin_ns

    @property
    def _start_ns(self) -> int:
        """How long after a close a round begins: before silence is believed, for there is something to load first."""
        return max(0, self._margin_ns - _EARLY_NS) if self._is_early else self._margin_ns

    def failed(self, symbols: Iterable[str], at: float, is_all: bool) -> None:
        """Let the symbols wait, twice as long each time; `is_all` where the trouble is not their own."""
        settings = self._settings
        longest = settings.longest_pause_seconds if is_all else settings.longest_symbol_pause_seconds
        for name in symbols:
            pause = settings.first_pause_seconds * 2 ** min(self._tries[name], 32)
            self._due[name] = at + min(pause, longest)
            self._tries[name] += 1

    def skipped(self, symbols: Iterable[str], at: float) -> None:
        """Let symbols that need no load now wait for their next moment."""
        for name in symbols:
            self._due[name] = at + self.every_ns / NS_PER_SECOND

    def all_due(self) -> None:
        """Let all symbols be due: time was lost."""
        self._due = {name: 0.0 if moment < math.inf else moment for name, moment in self._due.items()}

    def rest(self, symbols: Iterable[str]) -> None:
        """Let symbols rest until they are loaded once more, by a check."""
        for name in symbols:
            self._due[name], self._tries[name] = math.inf, 0

    def rename(self, names: Mapping[str, str]) -> None:
        """Call the symbols otherwise."""
        self._due = {names[name]: moment for name, moment in self._due.items()}
        self._tries = {names[name]: tries for name, tries in self._tries.items()}
        self._reached = {names[name]: reached_ns for name, reached_ns in self._reached.items()}


@dataclass
class State:
    """`has_begun`: a check was made, so that all tables and views are there. `is_paced`: the user chose the pace.

    `is_built`, `is_published`: of all that was loaded.
    """

    path: Path
    symbols: tuple[str, ...]
    settings: FollowSettings
    schedule: Schedule
    is_paced: bool = False
    has_begun: bool = False
    is_built: bool = True
    is_published: bool = True
    red: str = ""
    clock: ExchangeClock = field(default_factory=ExchangeClock)
    _checked_at: float | None = None

    def is_check_due(self, at: float) -> bool:
        """Whether to build and test all of it, at a monotonic second."""
        return not self.has_begun or self._checked_at is None or at - self._checked_at >= self._check_pause

    def seconds_left(self, at: float) -> float:
        """Return how long it is until some symbol is due, or, where all rest, until the next check is."""
        left = self.schedule.seconds_left(at)
        return left if left < math.inf else max(0.0, (self._checked_at or at) + self._check_pause - at)

    @property
    def _check_pause(self) -> float:
        return self.settings.red_check_seconds if self.red else self.settings.check_seconds

    def rename(self, names: Mapping[str, str]) -> None:
        """Call all symbols otherwise; what turns out to be one symbol is one from now on."""
        self.symbols = tuple(dict.fromkeys(names[name] for name in self.symbols))
        self.schedule.rename(names)

    def want_check(self) -> None:
        """Let the next check be due at once."""
        self._checked_at = None

    def checked(self, red: str, at: float) -> None:
        """Keep how a check ended."""
        self.has_begun, self.red, self._checked_at = True, red, at

    def follow_timeframe(self, finest_ns: int) -> None:
        """Let rounds come at each close of the finest timeframe, unless the user chose."""
        if not self.is_paced:
            self.schedule.every_ns = max(finest_ns, round(self.settings.least_round_seconds * NS_PER_SECOND))

    def unproven(self, reached: Mapping[str, int]) -> tuple[list[str], float]:
        """Return which of the symbols just loaded lack the last close, and in how many seconds it can be proven."""
        now_ns = self.clock.now_ns(time.monotonic())
        return self.schedule.unproven(reached, now_ns) if now_ns else ([], 0.0)

    def loaded(self, reached: Mapping[str, int]) -> None:
        """Set the next moments of symbols that were loaded up to now."""
        at = time.monotonic()
        now_ns = self.clock.now_ns(at) or time.time_ns()
        self.schedule.loaded(reached, now_ns, at)
