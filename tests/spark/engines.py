"""The same dbt project built on DuckDB and on Spark, each in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.dbt_project.dbt_run import ROOT
from tests.spark.spark_process import Task

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Engine:
    """A finished build: exit code, output, status of each node by name, and the folder of dbt's artifacts."""

    exit_code: int
    output: str
    status: dict[str, str]
    target: Path


def copy_project(folder: Path) -> Path:
    """The project, and beside its models those that show each dispatched primitive (tests/spark/project)."""
    shutil.copytree(ROOT / "dbt_project", folder, ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copytree(HERE / "project", folder, dirs_exist_ok=True)
    return folder


def build_on_duckdb(project: Path, warehouse: Path, target: Path) -> Engine:
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--no-use-colors", "build"]
    command += ["--project-dir", str(project), "--profiles-dir", ".", "--target", "duckdb", "--show-all-deprecations"]
    command += ["--target-path", str(target), "--log-path", str(target / "logs")]
    return _run(command, target, KRAKEN_CANDLES_WAREHOUSE=str(warehouse))


def build_on_spark(project: Path, raw: Path, catalog: Path, out: Path, target: Path) -> Engine:
    """Build from the raw Parquet; `catalog` keeps Spark's tables from one build to the next, `out` gets each as Parquet."""
    task = Task(project=str(project), target=str(target), raw=str(raw), out=str(out))
    command = [sys.executable, "-m", "tests.spark.spark_process", json.dumps(asdict(task))]
    return _run(command, target, KRAKEN_CANDLES_SPARK_WAREHOUSE=str(catalog))


def _run(command: list[str], target: Path, **extra: str) -> Engine:
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **extra}, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    results = target / "run_results.json"
    assert results.exists(), output
    nodes = json.loads(results.read_text())["results"]
    status = {node["unique_id"].split(".")[2]: node["status"] for node in nodes}
    return Engine(done.returncode, output, status, target)
