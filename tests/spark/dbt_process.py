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

    The error of each overflow, null where there was none, goes to `out`/errors.json.
    On Spark each public table goes to `out`/<table>, and exact_products as a Spark with its default settings
    computes it to `out`/cut_products.
    """

    engine: str
    project: str
    target: str
    raw: str
    out: str


def run(task: Task) -> bool:
    """Build and write the results; True if all is green."""
    from dbt.cli.main import dbtRunner

    options = ["--project-dir", task.project, "--profiles-dir", ".", "--target", task.engine]
    options += ["--target-path", task.target, "--log-path", f"{task.target}/logs"]
    parsed = dbtRunner().invoke(["--quiet", "parse", *options])
    said: list[str] = []
    listen = lambda event: said.append(event.info.msg) if event.info.level == "error" else None  # noqa: E731
    dbt = dbtRunner(manifest=parsed.result, callbacks=[listen])

    def operate(macro: str, **arguments: object) -> str | None:
        said.clear()
        done = dbt.invoke(["--quiet", "run-operation", macro, "--args", json.dumps(arguments), *options])
        return None if done.success else "\n".join(said)

    Path(task.out).mkdir(parents=True, exist_ok=True)
    if task.engine == "spark":
        tables = sorted(path.name for path in Path(task.raw).iterdir())
        error = operate("register_raw", folder=task.raw, tables=tables)
        if error:
            sys.exit(error)
    errors = {kind: operate("overflow", of=kind) for kind in ("product", "sum")}
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
