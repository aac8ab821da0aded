"""Make the warehouse of an earlier version that later ones must go on with: built there, and loaded since.

Run it in a checkout of that version, with this file beside it, as `python make.py warehouse.zip`.
"""

import os
import sys
import tempfile
import zipfile
from pathlib import Path

import duckdb

from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.random_sequence import VARIABLES, Run, Step, random_steps

SEED = 2


def few_builds() -> list[Step]:
    """Every kind of step; the last quarter of them is not built any more."""
    first, *rest = [step for step in random_steps(SEED) if step[0] not in ("build", "nothing")]
    half, most = len(rest) * 3 // 8, len(rest) * 3 // 4
    build: Step = ("build", 0)
    return [first, build, *rest[:half], build, *rest[half:most], build, *rest[most:]]


def make(target: Path, folder: Path) -> None:
    """Write the ZIP of the warehouse to `target`."""
    os.environ["DLT_DATA_DIR"] = str(folder / "dlt")
    run = Run(DbtProject(folder / "target", Path("warehouse.duckdb"), VARIABLES), folder / "run", SEED, False)
    run._compare = run._check_truth = lambda: None  # type: ignore[method-assign]
    run.carry_out(few_builds())
    small = folder / "warehouse.duckdb"
    with duckdb.connect(str(small)) as connection:  # a copy has no free blocks
        connection.execute(f"attach '{run.warehouse}' as built (read_only)")
        connection.execute("copy from database built to warehouse")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(small, small.name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        make(Path(sys.argv[1]).resolve(), Path(made))
