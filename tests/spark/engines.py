"""The same dbt project built on DuckDB and on Spark, each in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.dbt_project.dbt_run import ROOT
from tests.spark.dbt_process import Task

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Engine:
    """A finished build: is it green, what dbt said, the status of each node by name, and the folder of its results."""

    is_green: bool
    output: str
    status: dict[str, str]
    out: Path
    target: Path

    @property
    def errors(self) -> dict[str, str | None]:
        """What came of a product and a sum too large: dbt's message, None where there was no error."""
        return dict(json.loads((self.out / "errors.json").read_text()))


def copy_project(folder: Path) -> Path:
    """The project, and beside its models those that show each dispatched primitive (tests/spark/project)."""
    shutil.copytree(ROOT / "dbt_project", folder, ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copytree(HERE / "project", folder, dirs_exist_ok=True)
    return folder


def build(engine: str, folder: Path, warehouse: Path, raw: Path, out: Path) -> Engine:
    """Build the project in `folder` on the engine: on the DuckDB warehouse, or on Spark from the raw Parquet.

    Spark's own tables stay in `folder`/catalog from one build to the next; `out` gets the results of this one.
    """
    target = folder / engine
    task = Task(engine, str(folder / "project"), str(target), str(raw), str(out))
    command = [sys.executable, "-m", "tests.spark.dbt_process", json.dumps(asdict(task))]
    places = {"KRAKEN_CANDLES_WAREHOUSE": str(warehouse), "KRAKEN_CANDLES_SPARK_WAREHOUSE": str(folder / "catalog")}
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **places}, capture_output=True, text=True, check=False)
    output, results = done.stdout + done.stderr, target / "run_results.json"
    assert results.exists(), output
    nodes = json.loads(results.read_text())["results"]
    status = {node["unique_id"].split(".")[2]: node["status"] for node in nodes}
    return Engine(done.returncode == 0, output, status, out, target)
