"""The same dbt project built on DuckDB and on Spark, each in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.dbt_project.dbt_run import ROOT
from tests.dbt_project.random_trades import SYMBOL
from tests.spark.cluster import SHORT_LIFE
from tests.spark.dbt_process import Task

HERE = Path(__file__).parent
SETTINGS = {
    "kraken_candles_bars": [
        {"name": "ticks", "trades": 3},
        {"name": "coins", "base_volume": "0.7"},
        {"name": "dollars", "quote_volume": "1234.5"},
    ],
    # the random trades carry forward, 1h leaves out, everything else has NULL
    "kraken_candles_empty_bucket_overrides": [
        {"symbol": SYMBOL, "policy": "carry_forward"},
        {"timeframe": "1h", "policy": "omit"},
    ],
}


@dataclass(frozen=True)
class Engine:
    """A finished build.

    `output` is what dbt said, `status` that of each node by its id without the project, `errors` what came of a
    product and of a sum too large (None: no error), `out` the folder with Spark's tables, `executors` what Spark's
    REST API said of each.
    """

    output: str
    status: dict[str, str]
    errors: dict[str, str | None]
    out: Path
    executors: list[dict[str, Any]]


def copy_project(folder: Path) -> Path:
    """The project with bars and all policies of empty buckets, and beside its models those that show each primitive."""
    shutil.copytree(ROOT / "dbt_project", folder, ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copytree(HERE / "project", folder, dirs_exist_ok=True)
    settings = folder / "dbt_project.yml"
    text = settings.read_text()
    for name, value in SETTINGS.items():
        assert text.count(f"{name}: []") == 1
        text = text.replace(f"{name}: []", f"{name}: {json.dumps(value)}")
    settings.write_text(text)
    return folder


def build(engine: str, folder: Path, warehouse: Path, steps: Sequence[Path], master: str = "") -> list[Engine]:
    """Build `folder`/project on the engine, once for each step (see Task): on the warehouse, or on Spark's `master`.

    Spark keeps its own tables in `folder`/catalog from one step to the next.
    """
    task = Task(engine, str(folder / "project"), str(folder / engine), [str(step) for step in steps])
    command = [sys.executable, "-m", "tests.spark.dbt_process", json.dumps(asdict(task))]
    environment = {
        **os.environ,
        "KRAKEN_CANDLES_WAREHOUSE": str(warehouse),
        "KRAKEN_CANDLES_SPARK_WAREHOUSE": str(folder / "catalog"),
        "KRAKEN_CANDLES_SPARK_MASTER": master,
        "KRAKEN_CANDLES_SPARK_UI": "true",
        "SPARK_SUBMIT_OPTS": SHORT_LIFE,
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [_finished(step / engine) for step in steps]


def _finished(out: Path) -> Engine:
    said = json.loads((out / "said.json").read_text())
    nodes = json.loads((out / "run_results.json").read_text())["results"]
    status = {node["unique_id"].replace(".kraken_candles.", "."): node["status"] for node in nodes}
    return Engine(said["output"], status, said["errors"], out, said["executors"])
