"""A warehouse in which Kraken disagrees with itself makes the build warn, not fail."""

from pathlib import Path

from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_run import build
from tests.dbt_project.golden_rows import compare

RULES = ("rest_revised", "rest_contradicted")


def test_what_kraken_revised_or_contradicts_warns_and_can_be_read(tmp_path: Path, target: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with raw.create(path) as connection:
        for rule in RULES:
            raw.insert_rule(connection, GOLDEN / "amber" / rule)
    built = build(path, target)
    assert built.exit_code == 0, built.output
    assert [name for name, status in built.status.items() if status not in {"success", "pass"}] == [
        "candles_not_revised_by_kraken"
    ]
    assert built.status["candles_not_revised_by_kraken"] == "warn"
    for rule in RULES:
        for golden in (GOLDEN / "amber" / rule / "expected").iterdir():
            compare(path, rule, golden)
