"""Every table that analysts read is the same on both engines, row for row, after a first build and after more rows."""

import pytest

from tests.spark.conftest import Killer, Step, tasks_by_address
from tests.spark.same_rows import compare

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1800)]


def difference(step: Step, table: str) -> str:
    try:
        return "" if compare(step.warehouse, table, step.spark.out / table) else f"{table} has no rows to compare"
    except AssertionError as error:
        return str(error)


def test_both_builds_are_green_and_warn_of_nothing(step: Step) -> None:
    for engine in (step.duckdb, step.spark):
        assert set(engine.status.values()) == {"success", "pass", "no-op"}, engine.output  # exposures build nothing
        assert "WARN=0" in engine.output
        assert "deprecat" not in engine.output.lower()


def test_both_ran_the_same_models_tests_and_unit_tests(first: Step, second: Step) -> None:
    every = {"model", "test", "unit_test", "seed", "operation", "exposure"}
    for step, expected in ((first, every), (second, every - {"unit_test"})):
        assert step.spark.status == step.duckdb.status
        assert {name.split(".")[0] for name in step.spark.status} == expected


def test_every_public_table_is_equal_row_for_row(step: Step) -> None:
    assert {"candles", "trades", "coverage", "id_holes", "rest_candles", "check_rest_candles"} <= set(step.tables)
    # None yet: what comes later only fills gaps or follows, nobody queues a job here, no trades are removed, and no
    # market has another name.
    tables = set(step.tables) - {"candle_revisions", "data_jobs", "absent_days", "market_names"}
    differences = [text for table in sorted(tables) if (text := difference(step, table))]
    assert not differences, "\n\n".join(differences)
    assert compare(step.warehouse, "candles", step.spark.out / "candles") > 20_000


def test_the_second_part_brings_more(first: Step, second: Step) -> None:
    for table in ("trades", "candles", "rest_candles", "check_rest_candles"):
        with pytest.raises(AssertionError, match=f"{table} differs"):
            compare(second.warehouse, table, first.spark.out / table)


def test_both_workers_do_their_part_and_one_alone_ends_what_the_other_left(first: Step, second: Step) -> None:
    """That the second build is green, and its rows are the same, is shown above."""
    before, after = (tasks_by_address(step.spark.executors) for step in (first, second))
    assert min(before["127.0.0.2"], before["127.0.0.3"]) > 100, before
    assert after["127.0.0.2"] > before["127.0.0.2"] + 100
    dead = [one for one in second.spark.executors if one["hostPort"].startswith(Killer.ADDRESS)]
    assert dead
    assert not any(one["isActive"] for one in dead)
