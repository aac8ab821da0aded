"""What a follow knows from round to round; all of it can be lost: the warehouse is the truth."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlt_pipeline.following.schedule import ExchangeClock, Schedule
from dlt_pipeline.following.settings import FollowSettings
from dlt_pipeline.kraken.settings import NS_PER_SECOND


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
        pause = self.settings.red_check_seconds if self.red else self.settings.check_seconds
        return not self.has_begun or self._checked_at is None or at - self._checked_at >= pause

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
