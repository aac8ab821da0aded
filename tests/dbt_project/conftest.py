"""One warehouse that holds every golden rule under its own symbol, built once."""

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dlt_pipeline import publish
from dlt_pipeline.warehouse.ops import JOB_EVENTS, REMOVED_DAYS, ensure_table
from tests.conftest import Once
from tests.dbt_project import raw
from tests.dbt_project.dbt_run import Built, build
from tests.dbt_project.random_trades import insert_random_trades

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt's target folder; shared, so that the project is parsed once."""
    return tmp_path_factory.mktemp("dbt") / "target"


@pytest.fixture(scope="session")
def build_parsed(target: Path, parsed_project: Callable[[Path], Path]) -> Callable[[Path], Built]:
    """Build a warehouse for several tests, whose own environment is not there yet."""

    def run(warehouse: Path) -> Built:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DBT_PARTIAL_PARSE_FILE_PATH", str(parsed_project(warehouse)))
            patch.setenv("DBT_LOG_LEVEL_FILE", "none")
            return build(warehouse, target)

    return run


@pytest.fixture(scope="session")
def built(once: Once, build_parsed: Callable[[Path], Built]) -> Built:
    """Every rule that a sound warehouse can show, built."""

    def make(folder: Path) -> None:
        path = folder / "warehouse.duckdb"
        with raw.create(path) as connection:
            for rule in sorted((GOLDEN / "green").iterdir()):
                raw.insert_rule(connection, rule)
            insert_random_trades(connection)
            for table in (JOB_EVENTS, REMOVED_DAYS):  # what commands write is tested, too
                ensure_table(connection, table)
            # An older list of markets beside the newest, as of two sources in one pipeline run; it must not count.
            connection.execute(
                "insert into kraken_raw.markets select * replace (0 as price_decimals, "
                "fetched_at - interval 1 day as fetched_at) from kraken_raw.markets where symbol = 'rest_equal'"
            )
        (folder / "built.pickle").write_bytes(pickle.dumps(build_parsed(path)))

    folder = once("green", make)
    told: Built = pickle.loads((folder / "built.pickle").read_bytes())
    return replace(told, warehouse=folder / "warehouse.duckdb")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Path:
    """published.duckdb of that warehouse."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        return publish(built.warehouse, tmp_path_factory.mktemp("published") / "exports").database
