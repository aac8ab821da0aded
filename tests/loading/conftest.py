"""A small feed, an exchange over it and the warehouse that loads go to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from tests.loading.quick import NOW


@pytest.fixture(scope="module")
def feed() -> SyntheticFeed:
    return SyntheticFeed(7, Clock(NOW), days=2)


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange], feed: SyntheticFeed) -> LocalExchange:
    return serve(feed, Clock(NOW))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt's target folder."""
    return tmp_path_factory.mktemp("dbt") / "target"
