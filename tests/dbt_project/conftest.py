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
        # An older list of markets beside the newest, as two sources in one pipeline run leave it; it must not count.
        connection.execute(
            "insert into kraken_raw.markets select * replace (0 as price_decimals, "
            "fetched_at - interval 1 day as fetched_at) from kraken_raw.markets where symbol = 'rest_equal'"
        )
    return build(path, target)
