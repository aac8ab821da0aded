"""One process that builds on one engine: DuckDB, or a Spark that starts and ends with it.

Run as `python -m tests.spark.dbt_process <json of Task>`; it ends with 0 if the build is green.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.spark.public_tables import public_tables


@dataclass(frozen=True)
class Task:
    """What to build: the engine, and the folders of the dbt project, dbt's artifacts, raw Parquet and results.

    `expressions` maps names to SELECTs with Jinja; each one's error, or NULL, goes to `out`/errors.json.
    On Spark each public table goes to `out`/<table>, and exact_products as a Spark with its default settings
    computes it to `out`/cut_products.
    """

    engine: str
    project: str
    target: str
    raw: str
    out: str
    expressions: dict[str, str]


def run(task: Task) -> bool:
    """Build and write the results; True if all is green."""
    from dbt.cli.main import dbtRunner

    options = ["--project-dir", task.project, "--profiles-dir", ".", "--target", task.engine]
    options += ["--target-path", task.target, "--log-path", f"{task.target}/logs"]
    # A parsed project is kept in the process: the later steps need not read it again.
    manifest = dbtRunner().invoke(["--quiet", "parse", *options]).result
    dbt = dbtRunner(manifest=manifest)
    if task.engine == "spark":
        tables = sorted(path.name for path in Path(task.raw).iterdir())
        arguments = json.dumps({"folder": task.raw, "tables": tables})
        if not dbt.invoke(["--quiet", "run-operation", "register_raw", "--args", arguments, *options]).success:
            return False
    errors = {}
    for name, expression in task.expressions.items():
        shown = dbt.invoke(["--quiet", "show", "--inline", expression, *options])
        errors[name] = str(shown.exception) if shown.exception else None
    Path(task.out).mkdir(parents=True, exist_ok=True)
    (Path(task.out) / "errors.json").write_text(json.dumps(errors))
    built = dbt.invoke(["--no-use-colors", "--show-all-deprecations", "build", *options])
    if task.engine == "spark":
        _write_tables(Path(task.target), Path(task.out))
    return bool(built.success)


def _write_tables(target: Path, out: Path) -> None:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    for name in public_tables(target):
        if spark.catalog.tableExists(f"kraken.{name}"):
            spark.table(f"kraken.{name}").coalesce(1).write.mode("overwrite").parquet(f"{out}/{name}")
    (compiled,) = (target / "compiled").rglob("exact_products.sql")
    spark.conf.set("spark.sql.decimalOperations.allowPrecisionLoss", "true")  # Spark's default
    spark.sql(compiled.read_text()).coalesce(1).write.mode("overwrite").parquet(f"{out}/cut_products")


if __name__ == "__main__":
    sys.exit(0 if run(Task(**json.loads(sys.argv[1]))) else 1)
