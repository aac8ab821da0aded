"""One warehouse with a gap, trades at one instant, trades without ids and numbers that no float tells, built once."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Once, Place
from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.random_trades import insert_random_trades

# In which rule each market was made up.
MARKETS = {"BTC/USD": "random", "OLD/EUR": "no_ids", "MANY/USD": "many_digits"}


@pytest.fixture(scope="session")
def tape(once: Once, parsed_project: Callable[[Path], Path]) -> Path:
    """The warehouse; tests only read it."""

    def make(folder: Path) -> None:
        path = folder / "warehouse.duckdb"
        with raw.create(path) as connection:
            for rule in ("no_ids", "many_digits"):
                raw.insert_rule(connection, GOLDEN / "green" / rule)
            insert_random_trades(connection)
            raw.insert(connection, "markets", [{**raw.market("random"), "altname": "XBTUSD", "market_id": "XXBTZUSD"}])
            for symbol, rule in MARKETS.items():
                for table in ("trades", "pages", "id_holes", "markets", "market_statuses"):
                    connection.execute(f"update kraken_raw.{table} set symbol = '{symbol}' where symbol = '{rule}'")
        wanted = [f"+{model}" for model in ("candles", "trades", "gaps", "absent_days", "markets")]
        DbtProject(folder / "target", path, {}).run(path, "--select", *wanted)
        shutil.rmtree(folder / "target")

    return once("tape", make) / "warehouse.duckdb"


@pytest.fixture
def place(tape: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Its folder; commands of this test read it."""
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(tape))
    return Place(tape.parent)
