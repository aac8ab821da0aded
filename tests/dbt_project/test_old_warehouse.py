"""A warehouse that an earlier version built goes on, and equals a full refresh of the same raw tables."""

import zipfile
from pathlib import Path

import duckdb

from tests.dbt_project.dbt_in_process import DbtProject, read_models
from tests.dbt_project.random_sequence import VARIABLES
from tests.dbt_project.raw_warehouse import copy_raw
from tests.dbt_project.same_tables import compared, differences

MADE = Path(__file__).parent / "old_warehouse" / "warehouse.zip"


def test_a_warehouse_of_an_earlier_version_goes_on_and_equals_a_full_refresh(tmp_path: Path) -> None:
    """It was built three times; a quarter of what happened in it came after the last build."""
    old, fresh = (tmp_path / name / "warehouse.duckdb" for name in ("old", "fresh"))
    fresh.parent.mkdir()
    with zipfile.ZipFile(MADE) as archive:
        archive.extract(old.name, old.parent)
    copy_raw(old, fresh)
    project = DbtProject(tmp_path / "target", old, VARIABLES)
    with duckdb.connect(str(old)) as connection:  # a column that some version in between stored
        connection.execute("alter table kraken_internal.certified_days add column sided_count bigint default 1")
    project.run(old)
    with duckdb.connect(str(old)) as connection:  # what older versions stored is left without values
        connection.execute("alter table kraken_internal.certified_days drop column sided_count")
        connection.execute("alter table kraken_internal.covered_days drop column is_last")
    project.run(fresh, "--full-refresh")
    found = differences(*(compared(read_models(path, project.models)) for path in (old, fresh)))
    assert not found, f"A warehouse of an earlier version and a full refresh differ.\n{found}"
