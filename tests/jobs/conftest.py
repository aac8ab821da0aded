"""A small exchange, and what tests of jobs share."""

from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)


@pytest.fixture(scope="session")
def feed() -> SyntheticFeed:
    return SyntheticFeed(5, Clock(NOW), days=4)


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange], feed: SyntheticFeed) -> LocalExchange:
    return serve(feed, Clock(NOW))
