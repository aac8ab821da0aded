"""A warehouse in which Kraken disagrees with itself makes the build warn, not fail."""

from pathlib import Path

from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_run import build
from tests.dbt_project.golden_rows import compare


def test_what_kraken_revised_warns_and_can_be_read(tmp_path: Path, target: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with raw.create(path) as connection:
        raw.insert_rule(connection, GOLDEN / "amber" / "rest_revised")
    built = build(path, target)
    assert built.exit_code == 0, built.output
    assert [name for name, status in built.status.items() if status not in {"success", "pass"}] == [
        "candles_not_revised_by_kraken"
    ]
    assert built.status["candles_not_revised_by_kraken"] == "warn"
    for golden in (GOLDEN / "amber" / "rest_revised" / "expected").iterdir():
        compare(path, "rest_revised", golden)
