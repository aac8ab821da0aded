"""One Spark process: registers the raw Parquet, builds with dbt, writes out what was built.

Run as `python -m tests.spark.spark_process <json of Task>`; it ends with dbt's exit code.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.spark.public_tables import public_tables


@dataclass(frozen=True)
class Task:
    """Folders of the dbt project, its target, the raw Parquet and the Parquet to write."""

    project: str
    target: str
    raw: str
    out: str


def run(task: Task) -> int:
    """Do the whole of it in this process, so that Spark starts once."""
    from dbt.cli.main import dbtRunner
    from pyspark.sql import SparkSession

    options = ["--project-dir", task.project, "--profiles-dir", ".", "--target", "spark"]
    options += ["--target-path", task.target, "--log-path", f"{task.target}/logs"]
    tables = sorted(path.name for path in Path(task.raw).iterdir())
    arguments = json.dumps({"folder": task.raw, "tables": tables})
    dbt = dbtRunner()
    registered = dbt.invoke(["--no-use-colors", "run-operation", "register_raw", "--args", arguments, *options])
    if not registered.success:
        return 2
    built = dbt.invoke(["--no-use-colors", "build", *options])
    spark = SparkSession.builder.getOrCreate()
    for name in public_tables(Path(task.target)):
        if spark.catalog.tableExists(f"kraken.{name}"):
            spark.table(f"kraken.{name}").coalesce(1).write.mode("overwrite").parquet(f"{task.out}/{name}")
    return 0 if built.success else 1


if __name__ == "__main__":
    sys.exit(run(Task(**json.loads(sys.argv[1]))))
