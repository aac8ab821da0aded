"""The docs say something of every column, and of no column that is not there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dlt_pipeline.archive.raw_tables import ARCHIVE_SCHEMAS
from dlt_pipeline.kraken.raw_tables import SCHEMAS
from tests.dbt_project import raw
from tests.dbt_project.dbt_run import ROOT, Built

Node = dict[str, Any]


@pytest.fixture(scope="module")
def models(built: Built) -> dict[str, Node]:
    nodes = built.manifest["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model"}


@pytest.mark.long
def test_generating_the_docs_warns_of_nothing(built: Built, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = str(tmp_path_factory.mktemp("docs"))  # a name without the words that are looked for
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--no-use-colors", "docs", "generate"]
    command += ["--project-dir", "dbt_project", "--profiles-dir", ".", "--show-all-deprecations"]
    command += ["--target-path", target, "--log-path", target, "--no-partial-parse"]
    environment = {**os.environ, "KRAKEN_CANDLES_WAREHOUSE": str(built.warehouse)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).lower()
    assert done.returncode == 0, said
    assert "catalog written" in said
    assert "warn" not in said
    assert "deprecat" not in said


def test_every_column_of_every_model_is_described_and_none_besides(built: Built, models: dict[str, Node]) -> None:
    """Also of models that are no table: what their SQL gives is asked of the engine."""
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        for name, model in models.items():
            columns = [row[0] for row in connection.execute(f"describe {model['compiled_code']}").fetchall()]
            described = {column["name"] for column in model["columns"].values() if column["description"].strip()}
            assert described == set(columns), name
            assert len(columns) == len(set(columns)), name


def test_no_description_is_cut_at_its_comma() -> None:
    """YAML takes what follows one in braces without quotes for a key of its own, and dbt passes over it."""
    known = {"name", "data_type", "description", "data_tests", "constraints"}
    for path in (ROOT / "dbt_project" / "models").rglob("*.yml"):
        for node in (yaml.safe_load(path.read_text()) or {}).get("models") or ():
            for column in node.get("columns", ()):
                assert column.keys() <= known, f"{path.name}, {column['name']}"


def test_every_description_of_a_model_begins_with_its_grain(models: dict[str, Node]) -> None:
    assert [name for name, model in models.items() if not model["description"].startswith("One row for each ")] == []


def test_the_grain_of_every_check_table_stands_first(built: Built) -> None:
    nodes = built.manifest["nodes"]
    grains: dict[str, list[str]] = {}
    for node in nodes.values():
        if (node.get("test_metadata") or {}).get("name") == "sound":
            asked = node["test_metadata"]["kwargs"]
            grains[nodes[node["attached_node"]]["name"]] = asked["grain"]
            grains |= {other["table"].split("'")[1]: other["grain"] for other in asked.get("others", [])}
    columns = "select column_name from duckdb_columns() where schema_name = 'kraken' and table_name = ?"
    found = 0
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        for model in nodes.values():
            if model["name"] in grains and model["schema"] == "kraken" and model["path"].startswith("checks/"):
                rows = connection.execute(columns + " order by column_index", [model["name"]]).fetchall()
                grain = grains[model["name"]]
                assert [name for (name,) in rows[: len(grain)]] == grain, model["name"]
                found += 1
    assert found > 2


def test_every_column_of_the_raw_tables_is_described(built: Built, tmp_path: Path) -> None:
    with raw.create(tmp_path / "raw.duckdb") as connection:
        tables = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    sources = [source for source in built.manifest["sources"].values() if source["source_name"] == "kraken_raw"]
    # what an import writes need not be there
    assert {source["name"] for source in sources} == tables | ARCHIVE_SCHEMAS.keys()
    schemas = SCHEMAS | ARCHIVE_SCHEMAS
    without_load_id = {"archive_trades", "archive_candles"}

    for source in sources:
        described = {column["name"] for column in source["columns"].values() if column["description"]}
        if source["name"] in schemas:
            load_id = set() if source["name"] in without_load_id else {"_dlt_load_id"}
            assert described == {*schemas[source["name"]].names, *load_id}, source["name"]


def test_the_exposures_name_every_public_table(built: Built, models: dict[str, Node]) -> None:
    public = {node["unique_id"] for node in models.values() if node["schema"] == "kraken"}
    exposed = {name for exposure in built.manifest["exposures"].values() for name in exposure["depends_on"]["nodes"]}
    ephemeral = {node["unique_id"] for node in models.values() if node["config"]["materialized"] == "ephemeral"}
    assert exposed == public - ephemeral


def test_what_anybody_queries_says_in_the_database_what_it_is(built: Built, models: dict[str, Node]) -> None:
    """And what nobody queries says nothing."""
    comments = (
        "select schema_name, table_name, column_name, comment from duckdb_columns() union all "
        "select schema_name, table_name, '', comment from duckdb_tables() union all "
        "select schema_name, view_name, '', comment from duckdb_views()"
    )
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        found = {row[1:3]: row[3] for row in connection.execute(comments).fetchall() if row[3] and row[0] != "main"}
    described = {
        (name, column): " ".join(text.split())
        for name, model in models.items()
        if model["schema"] == "kraken"
        for column, text in [("", model["description"])]
        + [(column["name"], column["description"]) for column in model["columns"].values()]
    }
    assert found == described


def test_what_anybody_queries_is_public_and_all_else_private(models: dict[str, Node]) -> None:
    access = {name: (model["access"], model["group"]) for name, model in models.items()}
    assert access == {
        name: ("public" if model["schema"] == "kraken" else "private", "kraken_candles")
        for name, model in models.items()
    }


def test_the_overview_names_public_tables_that_are_there(built: Built, models: dict[str, Node]) -> None:
    overview = built.manifest["docs"]["doc.kraken_candles.__overview__"]["block_contents"]
    named = [name for line in re.findall(r"^- (.*?): ", overview, re.M) for name in re.findall(r"`(\w+)`", line)]
    assert len(named) > 5
    assert {models[name]["access"] for name in named} == {"public"}


def test_every_column_of_the_job_events_is_described(built: Built) -> None:
    from dlt_pipeline.warehouse.ops import COLUMNS, JOB_EVENTS

    (events,) = (source for source in built.manifest["sources"].values() if source["name"] == "job_events")
    assert [name for name, column in events["columns"].items() if column["description"]] == list(COLUMNS[JOB_EVENTS])
