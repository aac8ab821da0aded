"""Which symbols are to be loaded when; each has its own moment, and one in trouble waits longer each time. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dlt_pipeline.following.moments import next_moment_ns, seconds_unproven
from dlt_pipeline.following.settings import FollowSettings
from dlt_pipeline.kraken.settings import NS_PER_SECOND

# Symbols whose moments lie so close together are loaded in one round.
_TOGETHER_SECONDS: Final = 0.5
# Trades that came since the last round are taken in first, which may take two calls and a commit. What then is left to
# ask at the moment of proof takes one call: an answer with something new in it is only believed with a second one.
_EARLY_NS: Final = 3 * NS_PER_SECOND
# What has work left goes on at once, but leaves the machine a breath.
_LEAST_SECONDS: Final = 1.0


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
        due = [name for name, moment in self._due.items() if moment <= at + _TOGETHER_SECONDS or name in named]
        troubled = [name for name in due if self._tries[name]]
        others = [name for name in due if not self._tries[name]]
        self._have_others_begun = bool(troubled and others) and not self._have_others_begun
        return (others if self._have_others_begun else troubled) or due

    def seconds_left(self, at: float) -> float:
        """Return how long it is until some symbol is due; 0 where one is."""
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
        self._due = dict.fromkeys(self._due, 0.0)
