"""What tests of imports share: a made-up history, served by a local exchange and written as Kraken's downloads."""

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
NOW_NS = int(NOW.timestamp()) * 10**9
DAY_NS = 86_400 * 10**9
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="session")
def feed() -> SyntheticFeed:
    return SyntheticFeed(5, Clock(NOW), days=4)


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange], feed: SyntheticFeed) -> LocalExchange:
    return serve(feed, Clock(NOW))


@pytest.fixture
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody tells how pairs are called."""
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", NOBODY)


@pytest.fixture
def rows() -> Callable[[str], list[tuple[Any, ...]]]:
    """Ask the warehouse of the test."""
    from dlt_pipeline.warehouse.database import open_warehouse, warehouse_path

    def ask(query: str) -> list[tuple[Any, ...]]:
        with open_warehouse(warehouse_path(), read_only=True) as connection:
            return connection.execute(query).fetchall()

    return ask
