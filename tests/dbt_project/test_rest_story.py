"""Kraken's candles and the comparison, built load by load, equal a fresh build, whatever order the loads end in."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.dbt_project import raw
from tests.dbt_project.dbt_in_process import DbtProject, read_models
from tests.dbt_project.rest_story import STEPS, Story
from tests.dbt_project.same_tables import compared, differences

SELECTED = ("--select", "+check_rest_candles", "+check_rest_summary", "+rest_candles")
MODELS = {
    "rest_snapshots", "rest_versions", "rest_candles", "compared_candles", "compared_days", "check_rest_candles",
    "check_rest_summary",
}  # fmt: skip
WIDER = {"kraken_candles_tolerance_base_volume": 10}


class Told:
    """Warehouses that hear the story; each is built in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._projects = [
            DbtProject(folder / f"target{number}", folder / "warehouse.duckdb", variables)
            for number, variables in enumerate(({}, WIDER))
        ]
        self._models = [model for model in self._projects[0].models if model.name in MODELS]
        self.growing = self._new("growing")
        self._heard = 0
        self._views: tuple[str, ...] = ()
        self.statuses: set[str] = set()

    def _new(self, name: str) -> Path:
        (self._folder / name).mkdir()
        path = self._folder / name / "warehouse.duckdb"
        raw.create(path).close()
        return path

    def after(self, number: int) -> tuple[dict[str, pa.Table], dict[str, pa.Table]]:
        """Tell the growing warehouse step by step up to this one, and all at once to a new one; the tables of both."""
        new = self._new(f"after_{number}")
        for step, _ in STEPS[: number + 1]:
            self._tell(new, step)
        for step, project in STEPS[self._heard : number + 1]:
            self._tell(self.growing, step)
            self._projects[project].run(self.growing, *SELECTED, *self._views)
            self._views = ("--exclude", "config.materialized:view")  # they stay as they are
            with duckdb.connect(str(self.growing), read_only=True) as connection:
                found = connection.execute("select distinct status from kraken.check_rest_candles").fetchall()
            self.statuses |= {status for (status,) in found}
        self._heard = number + 1
        self._projects[STEPS[number][1]].run(new, *SELECTED)
        growing, fresh = (compared(read_models(path, self._models)) for path in (self.growing, new))
        return growing, fresh

    def _tell(self, path: Path, step: Any) -> None:
        with duckdb.connect(str(path)) as connection:
            # which minutes are loaded stands in the warehouse
            story = Story(connection)
            story.begin(step.__name__)
            step(story)
            story.complete()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("story"))


# Each step is built by itself always, and compared with a fresh build after the one that loses most.
COMPARED = {[step.__name__ for step, _ in STEPS].index("coverage_loses_a_stretch")}


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, id=step.__name__, marks=() if number in COMPARED else pytest.mark.long)
        for number, (step, _) in enumerate(STEPS)
    ],
)
def test_load_by_load_equals_a_fresh_build(told: Told, number: int) -> None:
    growing, fresh = told.after(number)
    assert all(table.num_rows for table in fresh.values())
    assert differences(growing, fresh) == ""


def test_the_story_has_every_status(told: Told) -> None:
    if not told.statuses:  # this test alone
        told.after(len(STEPS) - 1)
    assert told.statuses == {"identical", "differs", "missing_there", "revised", "unknown_here"}
