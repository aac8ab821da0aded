"""A build of a part, or of one model anew, may cost a later build time; it never leaves a wrong row or one too many."""

import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_in_process import DbtProject, read_models
from tests.dbt_project.same_tables import compared, differences

EARLY = ("borders", "rest_equal", "hole_splits")
LATE = ("ties", "rest_close_before")
OTHERS = {
    "kraken_candles_timeframes": [
        {"name": name, "seconds": seconds} for name, seconds in (("1m", 60), ("5m", 600), ("1d", 86400))
    ]
}


Tables = dict[str, pa.Table]


def tables(path: Path, project: DbtProject) -> Tables:
    return compared(read_models(path, project.models))


def built_anew(path: Path, project: DbtProject, folder: Path) -> Tables:
    """The tables of a fresh build of the same raw rows."""
    fresh = Path(shutil.copy(path, folder / path.name))
    with duckdb.connect(str(fresh)) as connection:
        for schema in ("kraken", "kraken_internal", "kraken_staging"):
            connection.execute(f"drop schema {schema} cascade")
    project.run(fresh)
    return tables(fresh, project)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    folder = tmp_path_factory.mktemp("project")
    return DbtProject(folder / "target", folder / "warehouse.duckdb", {})


@pytest.fixture(scope="module")
def changed(project: DbtProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with the early rules built; then the late ones were loaded, and pages of an early one were lost."""
    path = tmp_path_factory.mktemp("changed") / "warehouse.duckdb"
    with raw.create(path) as connection:
        for rule in EARLY:
            raw.insert_rule(connection, GOLDEN / "green" / rule)
    project.run(path)
    with duckdb.connect(str(path)) as connection:
        for rule in LATE:
            raw.insert_rule(connection, GOLDEN / "green" / rule)
        for table in ("trades", "pages", "id_holes", "rest_candles", "markets"):
            connection.execute(f"update kraken_raw.{table} set _dlt_load_id = 'late' where symbol in {LATE}")
        connection.execute("insert into kraken_raw._dlt_loads values ('late', 'kraken', 0, now(), '')")
        connection.execute("delete from kraken_raw.pages where symbol = 'borders'")
    return path


@pytest.fixture(scope="module")
def anew(project: DbtProject, changed: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return built_anew(changed, project, tmp_path_factory.mktemp("anew"))


@pytest.fixture
def path(changed: Path, tmp_path: Path) -> Path:
    """A copy of the changed warehouse."""
    return Path(shutil.copy(changed, tmp_path))


@pytest.mark.parametrize(
    "selected",
    [
        pytest.param(("coverage", "certified_days", "day_checks"), marks=pytest.mark.long),
        pytest.param(("coverage", "spanning_candles", "compared_candles", "compared_days"), marks=pytest.mark.long),
        ("staging", "rest_snapshots"),
    ],
)
def test_a_part_built_before_what_it_is_made_of_is_built_again(
    path: Path, project: DbtProject, anew: Tables, selected: tuple[str, ...]
) -> None:
    project.run(path, "--select", *selected)
    project.run(path)
    assert differences(tables(path, project), anew) == ""


@pytest.mark.parametrize(
    "model",
    [
        "day_candles",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("day_versions", "load_versions", "rest_versions", "covered_days")
        ),
    ],
)
def test_one_model_made_anew_forgets_nothing(path: Path, project: DbtProject, anew: Tables, model: str) -> None:
    project.run(path, "--full-refresh", "--select", model)
    project.run(path)
    assert differences(tables(path, project), anew) == ""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    folder = tmp_path_factory.mktemp("other")
    return DbtProject(folder / "target", folder / "warehouse.duckdb", OTHERS)


def test_other_timeframes_are_not_built_by_parts(path: Path, other: DbtProject) -> None:
    with pytest.raises(AssertionError, match="is not what the table timeframes was built with; build all"):
        other.run(path, "--select", "day_candles")


@pytest.mark.long
def test_after_a_refused_part_a_build_of_all_has_other_timeframes(
    path: Path, other: DbtProject, tmp_path: Path
) -> None:
    """A shorter run shows it of candles alone, in a warehouse whose trades were removed."""
    with pytest.raises(AssertionError):
        other.run(path, "--select", "day_candles")
    other.run(path)
    (tmp_path / "anew").mkdir()
    assert differences(tables(path, other), built_anew(path, other, tmp_path / "anew")) == ""
