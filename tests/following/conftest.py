"""An exchange whose clock a test moves, and a follow whose waits move it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.following import Round, Wake

NOW = datetime(2026, 11, 8, 0, 34, 56, tzinfo=timezone.utc)
SYMBOLS = ("BTC/USD", "MINA/GBP")


@pytest.fixture
def feed() -> SyntheticFeed:
    trades = {"BTC/USD": 2500.0, "MINA/GBP": 60.0, "ETH/USD": 1.0, "BONK/USD": 1.0}
    return SyntheticFeed(5, Clock(NOW), days=1, trades_per_day=trades, burst=False)


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange], feed: SyntheticFeed) -> LocalExchange:
    return serve(feed, Clock(NOW))


@dataclass
class Story:
    """What happens while a follow waits: a step a wait, then it is stopped. It is the waiter and hears the rounds."""

    steps: list[Callable[[], object]]
    rounds: list[Round] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    heard: frozenset[str] | None = None

    def wait(self, seconds: float, stop: threading.Event) -> Wake:
        self.waits.append(seconds)
        if not self.steps:
            stop.set()
            return Wake("stopped")
        self.steps.pop(0)()
        return Wake("clock") if self.heard is None else Wake("heard", self.heard)
