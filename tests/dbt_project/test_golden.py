"""Each rule of the candles, shown by a few trades that can be checked by hand (golden/README.md)."""

from pathlib import Path

import duckdb
import pytest

from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_run import Built
from tests.dbt_project.golden_rows import compare

TABLES = (
    "candles",
    "coverage",
    "gaps",
    "id_holes",
    "check_rest_candles",
    "check_rest_summary",
    "rest_candles",
    "trades",
)
FILES = [path for table in TABLES for path in sorted((GOLDEN / "green").glob(f"*/expected/{table}.csv"))]


@pytest.mark.parametrize("golden", FILES, ids=[f"{path.parents[1].name}-{path.stem}" for path in FILES])
def test_the_tables_hold_the_expected_rows(built: Built, golden: Path) -> None:
    compare(built.warehouse, golden.parents[1].name, golden)


@pytest.mark.parametrize("view", ["candles", "rest_candles", "ohlcv", "trades"])
def test_a_session_of_another_zone_is_refused(built: Built, view: str) -> None:
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'America/New_York'")
        with pytest.raises(duckdb.Error, match=r"the TimeZone America/New_York .* run SET TimeZone = 'UTC' first"):
            connection.execute(f"select * from kraken.{view}").fetchall()


def test_the_build_is_green_and_warns_of_nothing(built: Built) -> None:
    assert built.exit_code == 0, built.output
    assert set(built.status.values()) == {"success", "pass"}
    assert "WARN=0" in built.output
    assert "deprecat" not in built.output.lower()


def test_every_rule_is_described(built: Built) -> None:
    readme = (GOLDEN / "README.md").read_text()
    assert built.exit_code == 0
    for folder in GOLDEN.glob("*/*"):
        assert f"`{folder.name}`" in readme
