"""One round: load up to now, build what changed, publish; and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dlt_pipeline.common.exceptions import KrakenCandlesError
from dlt_pipeline.publish import Published


@dataclass
class Round:
    """What came of a round; told to `on_round` when it is over.

    `ended_at` is the machine's time, UTC. `trades` are those added, by symbol; `reached` is how far each symbol is
    covered (ns, UTC). `failures` are symbols that failed alone; `trouble` is what concerned all, and what was not done
    for it is done in a later round. `is_check`: a whole build with all tests; what is `red` then is not published, nor
    are the rounds after it until a check is green. `published` is None where nothing was.
    """

    number: int
    is_check: bool
    symbols: tuple[str, ...]
    ended_at: datetime
    seconds: float = 0.0
    trades: Mapping[str, int] = field(default_factory=dict)
    reached: Mapping[str, int] = field(default_factory=dict)
    missing_ids: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, KrakenCandlesError] = field(default_factory=dict)
    trouble: KrakenCandlesError | None = None
    red: str = ""
    published: Published | None = None

    @property
    def is_fine(self) -> bool:
        """Whether all symbols were loaded and all is built, green and published."""
        return not self.failures and self.trouble is None and not self.red and self.published is not None
