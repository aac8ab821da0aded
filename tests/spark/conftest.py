"""The tape built on both engines, twice: from the first part alone, and again when the second part has come."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.spark import tape
from tests.spark.engines import Engine, build, copy_project
from tests.spark.public_tables import public_tables


@dataclass(frozen=True)
class Step:
    """One build on both engines, and the DuckDB warehouse as that build left it."""

    duckdb: Engine
    spark: Engine
    warehouse: Path
    tables: list[str]


@pytest.fixture(scope="session")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """`first`: everything is new. `second`: more rows have come, and the models build on what they built before."""
    folder = tmp_path_factory.mktemp("engines")
    copy_project(folder / "project")
    warehouse, duckdb = folder / "warehouse.duckdb", []
    parts = {"first": tape.load_first_part, "second": tape.load_second_part}
    for name, load in parts.items():
        load(warehouse)
        tape.export_raw(warehouse, folder / name / "raw")
        duckdb += build("duckdb", folder, warehouse, [folder / name])
        shutil.copy(warehouse, folder / name / "built.duckdb")
    spark = build("spark", folder, warehouse, [folder / name for name in parts])
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
