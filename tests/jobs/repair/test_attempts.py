"""What was tried is kept, row by row, and decides what is not asked for any more."""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.repairs.attempts import (
    Attempt,
    RepairSettings,
    load_repair_settings,
    read_attempts,
    tries,
    why_not_now,
    write_attempts,
)
from tests.conftest import ROOT

SPAN = (10, 20)
FIRST = datetime(2026, 11, 1, 12)  # noqa: DTZ001 - the table is naive UTC
SETTINGS = RepairSettings()


def attempt(hours: float, outcome: str = "unfilled", span: tuple[int, int] = SPAN, symbol: str = "BTC/USD") -> Attempt:
    at = FIRST + timedelta(hours=hours)
    return Attempt(symbol, span, "ids_missing", 7, 8, 3, outcome, None, at, job_id=4)


@pytest.mark.parametrize(
    ("attempts", "count"),
    [
        ([], 0),
        ([attempt(0), attempt(1), attempt(23.9)], 1),
        ([attempt(0), attempt(24), attempt(47.9), attempt(48)], 3),
        ([attempt(0, "failed"), attempt(24, "filled"), attempt(48)], 1),
        ([attempt(0, span=(5, 20)), attempt(24, symbol="ETH/USD"), attempt(48)], 1),
    ],
    ids=["none", "within a day", "a day apart", "other outcomes", "another stretch or symbol"],
)
def test_only_tries_a_day_apart_that_changed_nothing_count(attempts: list[Attempt], count: int) -> None:
    assert tries(attempts, "BTC/USD", SPAN, SETTINGS) == count


def test_a_stretch_waits_a_day_between_tries_and_is_given_up_after_the_third() -> None:
    known = [attempt(0), attempt(24)]

    def why(hours: float) -> str | None:
        return why_not_now(known, "BTC/USD", SPAN, SETTINGS, FIRST + timedelta(hours=hours))

    assert why(25) == "tried at 2026-11-02 12:00 UTC; next from 2026-11-03 12:00 UTC"
    assert why(48) is None
    known.append(attempt(48))
    assert why(1000) == "given up after 3 tries, the last at 2026-11-03 12:00 UTC"


def test_attempts_are_appended_and_the_one_that_gives_up_says_so(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    assert read_attempts(path) == []
    for hours in (0, 24, 48):
        write_attempts(path, [attempt(hours), attempt(hours, "filled", (30, 40))], SETTINGS)
    known = read_attempts(path)
    assert sorted(each.happened_at for each in known if each.outcome == "unfilled") == [
        FIRST + timedelta(hours=hours) for hours in (0, 24, 48)
    ]
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute(
            "select outcome, is_given_up, job_id from kraken_ops.repair_attempts order by happened_at, outcome desc"
        ).fetchall()
    assert rows == [
        *[("unfilled", False, 4), ("filled", False, 4)] * 2,
        *[("unfilled", True, 4), ("filled", False, 4)],
    ]


def test_the_source_names_the_columns_that_are_written(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    write_attempts(path, [attempt(0)], SETTINGS)
    with duckdb.connect(str(path)) as connection:
        written = [name for name, *_ in connection.execute("describe kraken_ops.repair_attempts").fetchall()]
    described = yaml.safe_load((ROOT / "dbt_project" / "models" / "staging" / "sources.yml").read_text())
    (source,) = (
        table for each in described["sources"] for table in each["tables"] if table["name"] == "repair_attempts"
    )
    assert sorted(column["name"] for column in source["columns"]) == sorted(written)


@pytest.mark.parametrize(("name", "value"), [("REPAIR_ATTEMPTS", "0"), ("REPAIR_HOURS_BETWEEN", "-1")])
def test_an_impossible_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SOURCES__KRAKEN__{name}", value)
    with pytest.raises(BadInputError, match=f"sources.kraken.{name.lower()} is {value}"):
        load_repair_settings()
