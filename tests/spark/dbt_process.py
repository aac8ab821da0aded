"""One process that builds on one engine: DuckDB, or a Spark that starts and ends with it.

Run as `python -m tests.spark.dbt_process <json of Task>`; what came of each build stands in its step's folder.
"""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.spark.cluster import asked
from tests.spark.public_tables import public_tables


@dataclass(frozen=True)
class Task:
    """What to build: the engine, the folders of the dbt project and of dbt's artifacts, and the steps.

    A step is a folder. Spark builds from its lake/ and writes each public table to <engine>/<table>, and exact_products
    as a Spark with default settings computes it to <engine>/cut_products. While it builds, <engine>/executors says
    where Spark's REST API tells of its executors. Both engines leave in <engine>/said.json dbt's lines, the errors of
    the overflows (null: no error) and what the API said, and run_results.json with the status of each node.
    """

    engine: str
    project: str
    target: str
    steps: list[str]


class Dbt:
    """dbt in this process, and what it said since it was last asked."""

    def __init__(self, task: Task) -> None:
        from dbt.cli.main import dbtRunner

        self.options = ["--project-dir", task.project, "--profiles-dir", ".", "--target", task.engine]
        self.options += ["--target-path", task.target, "--log-path", f"{task.target}/logs"]
        self.said: list[str] = []
        parsed = dbtRunner().invoke(["--quiet", "parse", *self.options])
        # Macros may share one parsed project; a build leaves its own compiled state in it, so each parses anew.
        self.macros = dbtRunner(manifest=parsed.result, callbacks=[self._listen])
        self.models = dbtRunner(callbacks=[self._listen])

    def build(self, *arguments: str) -> str:
        """Build and test everything; what dbt said."""
        self.said.clear()
        self.models.invoke(["--no-use-colors", "--show-all-deprecations", "build", *self.options, *arguments])
        return "\n".join(self.said)

    def operate(self, macro: str, **arguments: object) -> str | None:
        """Run a macro; its error, None where there was none."""
        self.said.clear()
        done = self.macros.invoke(["--quiet", "run-operation", macro, "--args", json.dumps(arguments), *self.options])
        return None if done.success else "\n".join(self.said)

    def _listen(self, event: Any) -> None:
        if event.info.level in {"info", "warn", "error"}:
            self.said.append(event.info.msg)


def run(task: Task) -> None:
    """Build every step, one after the other; `first` with the unit tests, which see nothing of the step's rows."""
    if task.engine == "spark":
        from pyspark.sql import SparkSession
    dbt = Dbt(task)
    for step in map(Path, task.steps):
        out = step / task.engine
        out.mkdir(parents=True)
        os.environ["KRAKEN_CANDLES_LAKE"] = str(step / "lake")  # which the target duckdb does not look at
        errors = {kind: dbt.operate("overflow", of=kind) for kind in ("product", "sum", "window")}
        if task.engine == "spark":  # in the session that dbt has made
            context = SparkSession.builder.getOrCreate().sparkContext
            url = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/allexecutors"
            (out / "executors").write_text(url)
        said = dbt.build(*(() if step.name == "first" else ("--exclude-resource-type", "unit_test")))
        executors = asked(url) if task.engine == "spark" else []
        (out / "said.json").write_text(json.dumps({"output": said, "errors": errors, "executors": executors}))
        shutil.copy(Path(task.target) / "run_results.json", out)
        if task.engine == "spark":
            _write_tables(Path(task.target), out)


def _write_tables(target: Path, out: Path) -> None:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    for name in public_tables(target):
        if spark.catalog.tableExists(f"kraken.{name}"):
            spark.table(f"kraken.{name}").coalesce(1).write.parquet(f"{out}/{name}")
    (compiled,) = (target / "compiled").rglob("exact_products.sql")
    precision = "spark.sql.decimalOperations.allowPrecisionLoss"
    spark.conf.set(precision, "true")  # Spark's default; dbt sets the profile's again with its next statement
    spark.sql(compiled.read_text()).coalesce(1).write.parquet(f"{out}/cut_products")


if __name__ == "__main__":
    run(Task(**json.loads(sys.argv[1])))
