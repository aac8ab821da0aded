"""Kraken's candles and the comparison, built load by load, equal a fresh build, whatever order the loads end in."""

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt_project import raw
from tests.dbt_project.dbt_run import build
from tests.dbt_project.rest_story import STEPS, Story

TABLES = {
    "kraken_internal.rest_snapshots": "* exclude (version)",
    "kraken_internal.rest_versions": "* exclude (version)",
    "kraken_internal.compared_candles": "*",
    "kraken_internal.compared_days": "*",
    "kraken.rest_candles": "*",
    "kraken.check_rest_candles": "*",
    "kraken.check_rest_summary": "*",
}
SELECTED = ["--select", "+check_rest_candles", "+check_rest_summary", "+rest_candles"]


def _rows(path: Path) -> dict[str, Counter[Any]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            table: Counter(connection.execute(f"select {columns} from {table}").fetchall())
            for table, columns in TABLES.items()
        }


def _fresh(path: Path) -> None:
    """Keep the raw tables alone."""
    with duckdb.connect(str(path)) as connection:
        for (schema,) in connection.execute(
            "select distinct schema_name from duckdb_schemas() where schema_name like 'kraken%' and schema_name <> 'kraken_raw'"
        ).fetchall():
            connection.execute(f"drop schema {schema} cascade")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, target: Path) -> list[tuple[dict[str, Counter[Any]], ...]]:
    """After each step, the rows of the incremental build and of a fresh one. One path, so that dbt parses once."""
    folder = tmp_path_factory.mktemp("story")
    path, kept = folder / "warehouse.duckdb", folder / "kept.duckdb"
    raw.create(path).close()
    story, rows = Story(duckdb.connect()), []
    for step, arguments in STEPS:
        with duckdb.connect(str(path)) as connection:
            story.connection = connection
            story.begin(step.__name__)
            step(story)
            story.complete()
        built = build(path, target, [*SELECTED, *arguments])
        assert "error" not in built.status.values(), built.output
        incremental = _rows(path)
        kept.write_bytes(path.read_bytes())
        _fresh(path)
        build(path, target, [*SELECTED, *arguments])
        rows.append((incremental, _rows(path)))
        kept.replace(path)
    return rows


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[step.__name__ for step, _ in STEPS])
@pytest.mark.parametrize("table", TABLES)
def test_load_by_load_equals_a_fresh_build(told: list[tuple[dict[str, Counter[Any]], ...]], number: int, table: str) -> None:
    incremental, fresh = told[number]
    assert fresh[table]
    assert incremental[table] == fresh[table]
