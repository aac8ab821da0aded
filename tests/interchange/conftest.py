"""One warehouse with a gap, trades at one instant, trades without ids and numbers that no float tells, built once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Place
from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.random_trades import insert_random_trades

# In which rule each market was made up.
MARKETS = {"BTC/USD": "random", "OLD/EUR": "no_ids", "MANY/USD": "many_digits"}


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory, parsed_project: Callable[[Path], Path]) -> Path:
    """The warehouse; tests only read it."""
    path = tmp_path_factory.mktemp("tape") / "warehouse.duckdb"
    with raw.create(path) as connection:
        for rule in ("no_ids", "many_digits"):
            raw.insert_rule(connection, GOLDEN / "green" / rule)
        insert_random_trades(connection)
        raw.insert(connection, "markets", [{**raw.market("random"), "altname": "XBTUSD", "market_id": "XXBTZUSD"}])
        for symbol, rule in MARKETS.items():
            for table in ("trades", "pages", "id_holes", "markets", "market_statuses"):
                connection.execute(f"update kraken_raw.{table} set symbol = '{symbol}' where symbol = '{rule}'")
    wanted = [f"+{model}" for model in ("candles", "trades", "gaps", "absent_days", "markets")]
    DbtProject(path.parent / "target", path, {}).run(path, "--select", *wanted)
    return path


@pytest.fixture
def place(tape: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Its folder; commands of this test read it."""
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(tape))
    return Place(tape.parent)
