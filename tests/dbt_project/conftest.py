"""One warehouse that holds every golden rule under its own symbol, built once."""

from pathlib import Path

import pytest

from tests.dbt_project import raw
from tests.dbt_project.dbt_run import Built, build
from tests.dbt_project.random_trades import insert_random_trades

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt's target folder; shared, so that the project is parsed once."""
    return tmp_path_factory.mktemp("dbt") / "target"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, target: Path) -> Built:
    """Every rule that a sound warehouse can show, built."""
    path = tmp_path_factory.mktemp("green") / "warehouse.duckdb"
    with raw.create(path) as connection:
        for folder in sorted((GOLDEN / "green").iterdir()):
            raw.insert_rule(connection, folder)
        insert_random_trades(connection)
    return build(path, target)
