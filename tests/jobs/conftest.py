"""A feed, an exchange over it and the warehouse that jobs work on; dbt writes its target folder beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.warehouse import warehouse_path
from tests.loading.quick import NOW


@pytest.fixture(scope="module")
def feed() -> SyntheticFeed:
    return SyntheticFeed(7, Clock(NOW), days=2)


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange], feed: SyntheticFeed) -> LocalExchange:
    return serve(feed, Clock(NOW))


@pytest.fixture
def warehouse() -> Path:
    return warehouse_path()


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
