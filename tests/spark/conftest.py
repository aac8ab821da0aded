"""The tape built on both engines, twice: from the first part alone, and again when the second part has come."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.spark import tape
from tests.spark.engines import Engine, build, copy_project


@dataclass(frozen=True)
class Step:
    """One build on both engines, and the DuckDB warehouse as that build left it."""

    duckdb: Engine
    spark: Engine
    warehouse: Path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engines")
    copy_project(folder / "project")
    return folder


@pytest.fixture(scope="session")
def first(folder: Path) -> Step:
    """Everything is new."""
    tape.load_first_part(folder / "warehouse.duckdb")
    return _build(folder, "first")


@pytest.fixture(scope="session")
def second(folder: Path, first: Step) -> Step:
    """More rows have come: the models build on what they built before."""
    tape.load_second_part(folder / "warehouse.duckdb")
    return _build(folder, "second")


@pytest.fixture(params=["first", "second"])
def step(request: pytest.FixtureRequest) -> Step:
    return request.getfixturevalue(request.param)


def _build(folder: Path, name: str) -> Step:
    warehouse, raw = folder / "warehouse.duckdb", folder / "raw"
    tape.export_raw(warehouse, raw)
    engines = [build(engine, folder, warehouse, raw, folder / name / engine) for engine in ("duckdb", "spark")]
    kept = folder / f"{name}.duckdb"
    shutil.copy(warehouse, kept)
    return Step(*engines, warehouse=kept)
