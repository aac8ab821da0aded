"""A warehouse that is not sound turns the build red, and each data test can fail."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_run import Built, build
from tests.dbt_project.golden_rows import compare

# One row spoilt for each data test that must see it.
DOUBLED = "insert into {0} select * from {0} where symbol = 'rest_equal' limit 1"
ACCEPTED = (
    "insert into kraken_staging.accepted_differences values "
    "('ties', '1m', '2024-01-01 00:00:00', null, 'known', nullif({}, ''))"
)
SPOILT = {
    "stg_trades_one_row_a_trade": DOUBLED.format("kraken_raw.trades"),
    "stg_trades_are_complete": "update kraken_raw.trades set side = null where symbol = 'ties' and trade_id = 9",
    "stg_trades_price_and_volume_are_sane": "update kraken_raw.trades set price = 0 where symbol = 'ties'",
    "stg_pages_one_row_an_answer": DOUBLED.format("kraken_raw.pages"),
    "stg_pages_have_a_range": "update kraken_raw.pages set covered_to_ns = null where symbol = 'ties'",
    "stg_id_holes_are_complete": "update kraken_raw.id_holes set to_time_ns = null where symbol = 'hole_lifted'",
    "stg_id_holes_one_row_a_finding": "insert into kraken_raw.id_holes select * from kraken_raw.id_holes",
    "trades_side_and_order_type_are_known": "update kraken_raw.trades set side = 'b' where symbol = 'ties'",
    "id_holes_one_row_a_run": "insert into kraken.id_holes select * from kraken.id_holes",
    "coverage_one_row_a_range": DOUBLED.format("kraken.coverage"),
    "coverage_is_complete": "update kraken.coverage set covered_to = null where symbol = 'ties'",
    "coverage_ids_are_contiguous": "update kraken.coverage set are_ids_contiguous = false where symbol = 'ties'",
    "coverage_ends_after_its_start": "update kraken.coverage set covered_to_ns = covered_from_ns where symbol = 'ties'",
    "candles_1m_one_row_a_minute": DOUBLED.format("kraken.candles_1m"),
    "candles_1m_holds_every_trade": "update kraken.candles_1m set base_volume = base_volume + 0.00000001 "
    "where symbol = 'random' and last_trade_id = 1500",
    "candles_one_row_a_bucket": DOUBLED.format("kraken.candles"),
    "candles_are_complete": "update kraken.candles set is_closed = null where symbol = 'ties'",
    "candles_prices_are_in_order": "update kraken.candles set low = high + 1 where symbol = 'ties'",
    "candles_empty_means_no_trade": "update kraken.candles set open = 1 where symbol = 'borders' and is_empty",
    "candles_vwap_lies_between_low_and_high": "update kraken.candles set vwap = high + 1 where symbol = 'ties'",
    "candles_has_every_bucket_of_its_coverage": "delete from kraken.candles "
    "where symbol = 'borders' and timeframe = '1m' and bucket_start = '2024-01-01 00:01:00'",
    "candles_timeframes_agree_with_1m": "update kraken.candles set close = 35999 "
    "where symbol = 'week_over_new_year' and timeframe = '1w' and is_closed",
    "rest_snapshots_one_candle_a_bucket": "update kraken_internal.rest_snapshots set row_count = row_count + 1",
    "rest_candles_one_newest_content_a_bucket": "update kraken_internal.compared_days set rest_candle_count = 0",
    "compared_days_one_row_a_unit": DOUBLED.format("kraken_internal.compared_days"),
    "compared_candles_one_row_a_bucket": "update kraken_internal.compared_days set compared_bucket_count = 0",
    "compared_candles_status_is_known": "update kraken_internal.compared_days set identical_count = identical_count - 1",
    "candles_equal_krakens_own": "update kraken_internal.compared_candles set bucket_status = 'missing_here', "
    "open_status = 'missing_here' where bucket_status = 'missing_there'",
    "candles_not_revised_by_kraken": "update kraken_internal.compared_candles set bucket_status = 'revised', "
    "open_status = 'revised' where bucket_status = 'missing_there'",
    "accepted_differences_are_not_expired": ACCEPTED.format("'2020-01-01'"),
    "accepted_differences_are_used": ACCEPTED.format("''"),
    "accepted_gaps_are_not_expired": "insert into kraken_staging.accepted_gaps values "
    "('ties', '2024-01-01', '2024-01-02', 'known', '2020-01-01')",
}


def _red(rule: str, tmp_path: Path, target: Path) -> Built:
    path = tmp_path / "warehouse.duckdb"
    with raw.create(path) as connection:
        raw.insert_rule(connection, GOLDEN / "red" / rule)
    return build(path, target)


def test_a_lost_trade_stops_the_candles(tmp_path: Path, target: Path) -> None:
    red = _red("lost_trade", tmp_path, target)
    assert red.exit_code == 1
    assert red.status["coverage_ids_are_contiguous"] == "fail"
    assert red.status["candles"] == "skipped"


def test_a_difference_from_krakens_candles_is_red_and_can_be_read(tmp_path: Path, target: Path) -> None:
    red = _red("rest_differs", tmp_path, target)
    assert red.exit_code == 1
    assert [name for name, status in red.status.items() if status not in {"success", "pass"}] == [
        "candles_equal_krakens_own"
    ]
    for golden in (GOLDEN / "red" / "rest_differs" / "expected").iterdir():
        compare(red.warehouse, "rest_differs", golden)


@pytest.fixture(scope="module")
def copy(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path_factory.mktemp("copy") / built.warehouse.name
    shutil.copy(built.warehouse, path)
    with duckdb.connect(str(path)) as connection:
        yield connection


def test_every_data_test_has_its_spoilt_row(built: Built) -> None:
    assert set(SPOILT) == set(built.tests)


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_row_is_seen(built: Built, copy: duckdb.DuckDBPyConnection, name: str) -> None:
    assert copy.execute(built.tests[name]).fetchall() == []
    copy.execute("begin")
    try:
        copy.execute(SPOILT[name])
        assert copy.execute(built.tests[name]).fetchall() != []
    finally:
        copy.execute("rollback")
