"""dbt in this process, parsed once, and every model that it leaves in a warehouse."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pyarrow as pa

from dlt_pipeline.warehouse.dbt import NOT_BUILT, shape_of, standing_nodes
from dlt_pipeline.warehouse.lean_dbt import lean_dbt
from tests.parsed_project import KEPT

ROOT = Path(__file__).parents[2]
_PARSED: dict[tuple[str, str, str | None], Any] = {}  # manifests, as no run changes them
# Variables that only running asks for (test_variables.py): the project is not parsed anew for them.
LATE = {
    f"kraken_candles_{name}"
    for name in (
        *("timeframes", "empty_bucket_policy", "empty_bucket_overrides", "vwap_steps", "export_numbers", "bars"),
        *("tolerance_price", "tolerance_base_volume", "tolerance_trade_count"),
    )
}


@dataclass(frozen=True)
class Model:
    """A model with a relation of its own, and how dbt makes it."""

    schema: str
    name: str
    materialized: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class DbtProject:
    """The project with some variables; warehouses must all have one file name, for dbt writes it into the SQL."""

    def __init__(self, target: Path, warehouse: Path, variables: dict[str, Any]) -> None:
        """Parse the project, unless another one did that nothing sets apart but what is asked for later."""
        self._options = ["--project-dir", str(ROOT / "dbt_project"), "--profiles-dir", str(ROOT)]
        self._options += ["--target-path", str(target), "--vars", json.dumps(variables)]
        self._logs = ["--quiet", "--log-path", str(target / "logs"), "--log-level-file", "none", "--no-write-json"]
        self._file_name = warehouse.name
        self._manifest: Any = None
        self._shapes: dict[Path, str] = {}
        early = {name: value for name, value in variables.items() if name not in LATE}
        given = (json.dumps(early), warehouse.name, os.environ.get("KRAKEN_CANDLES_SEEDS"))
        if given == ("{}", "warehouse.duckdb", None) and KEPT:
            self._manifest = KEPT[0].manifest
            return
        if given not in _PARSED:
            _PARSED[given] = self._invoke(warehouse, "parse").result
        self._manifest = _PARSED[given]

    @property
    def models(self) -> list[Model]:
        """All models that are no mere parts of others, as the manifest names them."""
        nodes = [node for node in self._manifest.nodes.values() if node.resource_type == "model"]
        found = [Model(node.schema, node.alias, node.config.materialized) for node in nodes]
        return sorted((model for model in found if model.materialized != "ephemeral"), key=str)

    def run(self, warehouse: Path, *arguments: str) -> None:
        """Run `dbt run`, as the commands do without what stands; AssertionError unless every model is built."""
        assert warehouse.name == self._file_name
        standing: list[str] = []
        if not arguments and warehouse.exists():
            with duckdb.connect(str(warehouse), read_only=True) as connection:
                if shape_of(connection, {}) == self._shapes.get(warehouse):
                    standing = standing_nodes(connection)
        done = self._invoke(warehouse, "run", *standing, *arguments)
        results = list(done.result or ())
        failed = [f"{result.node.name}: {result.status}: {result.message}" for result in results]
        assert results, str(done.exception)
        assert done.success, "\n".join(failed)
        if not arguments:
            with duckdb.connect(str(warehouse), read_only=True) as connection:
                self._shapes[warehouse] = shape_of(connection, {})

    def build(self, warehouse: Path, *arguments: str) -> dict[str, tuple[str, str]]:
        """Run `dbt build` without unit tests; return what came of each node, and its SQL, by its name."""
        done = self._invoke(warehouse, "build", *NOT_BUILT, *arguments)
        ran = done.result or ()
        return {each.node.name: (str(each.status), getattr(each.node, "compiled_code", None) or "") for each in ran}

    def red(self, warehouse: Path, *arguments: str) -> set[str]:
        """Build and return the names of the nodes that are not green."""
        built = self.build(warehouse, *arguments)
        return {name for name, (status, _) in built.items() if status not in {"success", "pass", "no-op"}}

    def _invoke(self, warehouse: Path, command: str, *arguments: str) -> Any:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        manifest = (
            self._manifest.deepcopy() if self._manifest else None
        )  # a run leaves compiled SQL in it, which the next one would take over
        try:
            with patch.dict(os.environ, {"KRAKEN_CANDLES_WAREHOUSE": str(warehouse)}), lean_dbt():
                return dbtRunner(manifest=manifest).invoke([*self._logs, command, *self._options, *arguments])
        finally:
            DuckDBConnectionManager.close_all_connections()  # dbt would hold the file as long as this process lives


def compile_inline(manifest: Any, target: Path, text: str, variables: dict[str, Any]) -> tuple[str | None, str]:
    """The SQL that a text becomes in the parsed project, None if it was refused, and what dbt said in one line."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    # To write the manifest and to list all relations takes longer than what is asked for.
    command = ["--quiet", "--no-write-json", "--no-populate-cache", "--log-level-file", "none", "compile"]
    command += ["--inline", text, "--vars", json.dumps(variables)]
    command += ["--project-dir", str(ROOT / "dbt_project"), "--profiles-dir", str(ROOT)]
    command += ["--target-path", str(target), "--log-path", str(target)]
    try:
        with lean_dbt():
            done = dbtRunner(manifest=manifest.deepcopy()).invoke(command)
    finally:
        DuckDBConnectionManager.close_all_connections()
    # Of what is refused while it parses, dbt itself says "Error parsing inline query" alone.
    refused = done.exception and (done.exception.__context__ or done.exception)
    results = list(getattr(done.result, "results", ()))
    return results[0].node.compiled_code if done.success else None, " ".join(str(refused).split())


def read_models(warehouse: Path, models: list[Model]) -> dict[str, pa.Table]:
    """The rows of each model, by schema.name."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {
            str(model): connection.sql(f'select * from "{model.schema}"."{model.name}"').to_arrow_table()
            for model in models
        }
