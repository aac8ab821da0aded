"""A feed, an exchange over it and the warehouse that jobs work on; dbt writes its target folder beside it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from tests.conftest import Once
from tests.jobs.repair.gappy import make_gaps
from tests.loading.quick import NOW


@pytest.fixture(scope="package")
def feed() -> SyntheticFeed:
    return SyntheticFeed(7, Clock(NOW), days=2)


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange], feed: SyntheticFeed) -> LocalExchange:
    return serve(feed, Clock(NOW))


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="package")
def _made_once(
    once: Once,
    tmp_path_factory: pytest.TempPathFactory,
    feed: SyntheticFeed,
    parsed_project: Callable[[Path], Path],
) -> Path:
    def make(folder: Path) -> None:
        warehouse = folder / "warehouse.duckdb"
        with pytest.MonkeyPatch.context() as patch, LocalExchange(feed, Clock(NOW)) as exchange:
            patch.chdir(folder)
            patch.setenv("DLT_DATA_DIR", str(tmp_path_factory.mktemp("dlt")))
            patch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(warehouse))
            patch.setenv("SOURCES__KRAKEN__BASE_URL", exchange.base_url)
            patch.setenv("SOURCES__KRAKEN__SECONDS_PER_CALL", "0.001")
            patch.setenv("DBT_PARTIAL_PARSE_FILE_PATH", str(parsed_project(warehouse)))
            patch.setenv("DBT_LOG_LEVEL_FILE", "none")
            make_gaps(exchange, warehouse)

    return once("gappy", make) / "warehouse.duckdb"


@pytest.fixture
def gappy(_made_once: Path, exchange: LocalExchange, warehouse: Path) -> Path:
    """A copy, as this test's warehouse, of a built one with a gap of each kind; the exchange hides nothing any more."""
    shutil.copy(_made_once, warehouse)
    return warehouse
