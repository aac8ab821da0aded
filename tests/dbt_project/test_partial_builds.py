"""A build of a part, or of one model anew, may cost a later build time; it never leaves a wrong row or one too many."""

import shutil
from pathlib import Path

import duckdb
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


class Parts:
    """A warehouse that is built in parts, and a project for it."""

    def __init__(self, folder: Path, project: DbtProject, built: Path) -> None:
        self.folder = folder
        self.path = Path(shutil.copy(built, folder / built.name))
        self.project = project

    def load_more(self) -> None:
        with duckdb.connect(str(self.path)) as connection:
            for rule in LATE:
                raw.insert_rule(connection, GOLDEN / "green" / rule)
            for table in ("trades", "pages", "id_holes", "rest_candles", "markets"):
                connection.execute(f"update kraken_raw.{table} set _dlt_load_id = 'late' where symbol in {LATE}")
            connection.execute("insert into kraken_raw._dlt_loads values ('late', 'kraken', 0, now(), '')")

    def lose(self, symbol: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("delete from kraken_raw.pages where symbol = ?", [symbol])

    def wrong(self) -> str:
        """What differs from a fresh build of the same raw tables."""
        fresh = self.folder / "fresh" / self.path.name
        fresh.parent.mkdir()
        shutil.copy(self.path, fresh)
        with duckdb.connect(str(fresh)) as connection:
            for schema in ("kraken", "kraken_internal", "kraken_staging"):
                connection.execute(f"drop schema {schema} cascade")
        self.project.run(fresh)
        models = self.project.models
        return differences(compared(read_models(self.path, models)), compared(read_models(fresh, models)))


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> tuple[DbtProject, Path]:
    """A project, and a warehouse with the early rules built."""
    folder = tmp_path_factory.mktemp("early")
    path = folder / "warehouse.duckdb"
    project = DbtProject(folder / "target", path, {})
    with raw.create(path) as connection:
        for rule in EARLY:
            raw.insert_rule(connection, GOLDEN / "green" / rule)
    project.run(path)
    return project, path


@pytest.fixture
def parts(tmp_path: Path, early: tuple[DbtProject, Path]) -> Parts:
    return Parts(tmp_path, *early)


@pytest.mark.parametrize(
    "selected",
    [
        pytest.param(("coverage", "certified_days", "day_checks", "rollup_checks"), marks=pytest.mark.long),
        pytest.param(("coverage", "spanning_candles", "compared_candles", "compared_days"), marks=pytest.mark.long),
        ("staging", "rest_snapshots"),
    ],
)
def test_a_part_built_before_what_it_is_made_of_is_built_again(parts: Parts, selected: tuple[str, ...]) -> None:
    parts.load_more()
    parts.project.run(parts.path, "--select", *selected)
    parts.project.run(parts.path)
    assert parts.wrong() == ""


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
def test_one_model_made_anew_forgets_nothing(parts: Parts, model: str) -> None:
    parts.lose("borders")
    parts.project.run(parts.path, "--full-refresh", "--select", model)
    parts.project.run(parts.path)
    assert parts.wrong() == ""


def test_other_timeframes_are_not_built_by_parts(parts: Parts, tmp_path: Path) -> None:
    other = DbtProject(tmp_path / "other", parts.path, OTHERS)
    with pytest.raises(AssertionError, match="is not what the table timeframes was built with; build all"):
        other.run(parts.path, "--select", "day_candles")
    other.run(parts.path)
    parts.project = other
    assert parts.wrong() == ""
