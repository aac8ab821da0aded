"""The tape built on both engines, twice: from the first part alone, and again when the second part has come.

Spark is a cluster of two workers, one of which dies in the second build.
"""

import shutil
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.spark import tape
from tests.spark.cluster import Cluster, asked, running, until
from tests.spark.engines import Engine, build, copy_project
from tests.spark.public_tables import public_tables


@dataclass(frozen=True)
class Step:
    """One build on both engines, and the DuckDB warehouse as that build left it."""

    duckdb: Engine
    spark: Engine
    warehouse: Path
    tables: list[str]


class Killer(threading.Thread):
    """Kills a worker with its disk in the middle of a build, once its executor has done a part of that build."""

    ADDRESS = "127.0.0.3"
    TASKS = 40

    def __init__(self, cluster: Cluster, out: Path) -> None:
        """`out` is the folder that the build writes into (see Task)."""
        super().__init__(daemon=True)
        self._cluster, self._out = cluster, out
        self.killed_while_building = False

    def run(self) -> None:
        until((self._out / "executors").exists, "the second build", 1500)
        url = (self._out / "executors").read_text()
        before = self._tasks(url)
        until(lambda: self._tasks(url) >= before + self.TASKS, f"tasks on {self.ADDRESS}", 600)
        self._cluster.kill(self.ADDRESS)
        self.killed_while_building = not (self._out / "said.json").exists()

    def _tasks(self, url: str) -> int:
        return tasks_by_address(asked(url))[self.ADDRESS]


def tasks_by_address(executors: list[dict[str, Any]]) -> Counter[str]:
    """How many tasks each machine's executors have ended."""
    found: Counter[str] = Counter()
    for executor in executors:
        found[executor["hostPort"].partition(":")[0]] += executor["completedTasks"]
    return found


@pytest.fixture(scope="session")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """`first`: everything is new. `second`: more rows have come, and the models build on what they built before."""
    folder = tmp_path_factory.mktemp("engines")
    copy_project(folder / "project")
    warehouse, duckdb = folder / "warehouse.duckdb", []
    parts = {"first": tape.load_first_part, "second": tape.load_second_part}
    for name, load in parts.items():
        load(warehouse)
        tape.export_lake(warehouse, folder / name / "lake")
        duckdb += build("duckdb", folder, warehouse, [folder / name])
        shutil.copy(warehouse, folder / name / "built.duckdb")
    with running(folder / "cluster") as cluster:
        killer = Killer(cluster, folder / "second" / "spark")
        killer.start()
        spark = build("spark", folder, warehouse, [folder / name for name in parts], cluster.master)
        killer.join()
    assert killer.killed_while_building
    tables = public_tables(folder / "duckdb")
    return {
        name: Step(*engines, warehouse=folder / name / "built.duckdb", tables=tables)
        for name, *engines in zip(parts, duckdb, spark, strict=True)
    }


@pytest.fixture(scope="session")
def first(steps: dict[str, Step]) -> Step:
    return steps["first"]


@pytest.fixture(scope="session")
def second(steps: dict[str, Step]) -> Step:
    return steps["second"]


@pytest.fixture(params=["first", "second"])
def step(request: pytest.FixtureRequest, steps: dict[str, Step]) -> Step:
    return steps[request.param]
