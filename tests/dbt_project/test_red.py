"""A warehouse that is not sound turns the build red, and each data test can fail."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.dbt_run import Built
from tests.dbt_project.golden_rows import compare

WARNED = ("amber/rest_revised", "amber/rest_contradicted")
# Rules that the generic test makes of columns, what a line of accepted differences or gaps breaks, how candles differ.
OF_ALL = {"one row for each", "is NULL", "expired", "unused", "missing_here", "missing_there", "revised"}
# One row spoilt for each data test that must see it, by the table, too, where the test is of several.
DOUBLED = "insert into {0} select * from {0} where symbol = 'rest_equal' limit 1"
DOUBLED_DAY = (  # one without rows is left out
    "insert into kraken_internal.certified_days select * from kraken_internal.certified_days "
    "where symbol = 'rest_equal' and row_count > 0 limit 1"
)
ACCEPTED = (
    "insert into kraken_staging.accepted_differences values ('ties', '1m', '2024-01-01 00:00:00', null, 'known', {})"
)
ACCEPTED_GAP = "insert into kraken_staging.accepted_gaps values ('ties', '2024-01-01', '2024-01-02', 'known', {})"
JOB_EVENTS = (
    "insert into kraken_ops.job_events (event_id, job_id, job_type, symbol, options, status, phase, attempt, trades, "
    "calls, seconds, bytes, happened_at) select {}, {}, '', '', '', '', '', 0, 0, 0, 0, 0, now()"
)
JOBS = (
    "create or replace view kraken.data_jobs as select {} as job_id, '' as job_type, '' as symbol, '' as options, "
    "'' as status, '' as phase, 0 as attempt, {} as queued_at, now() as changed_at, 1 as event_count"
)
IMPORTS = (
    "create or replace view kraken.check_import as "
    "select {} as edition_id, 0 as trade_difference, {} as volume_difference"
)
BAR = (
    "insert into kraken.bars by name select * replace ({}) from (select 'day' as bar, 1 as bar_number, symbol, "
    "bucket_start::date as traded_on, open, high, low, close, base_volume, quote_volume, vwap, trade_count, "
    "taker_buy_base_volume, taker_buy_count, true as is_full, true as is_closed from kraken.candles "
    "where symbol = 'ties' and timeframe = '1m' and trade_count > 0 limit 1)"
)
NAMES = (
    "create or replace view kraken.market_names as select 'POL/USD' as symbol, {} as market, "
    "timestamp '2024-05-01' as named_from, timestamp '2024-05-02' as named_until"
)
# By data test and rule; a test of one rule does not name it.
SPOILT: dict[tuple[str, str], str] = {
    ("coverage_is_sound", "stg_pages: one row for each"): (DOUBLED.format("kraken_raw.pages")),
    ("coverage_is_sound", "stg_pages: is NULL"): (
        "update kraken_raw.pages set covered_to_ns = null where symbol = 'ties'"
    ),
    ("coverage_is_sound", "id_holes: is NULL"): (
        "update kraken.id_holes set to_time_ns = null where symbol = 'hole_lifted'"
    ),
    ("coverage_is_sound", "id_holes: one row for each"): ("insert into kraken.id_holes select * from kraken.id_holes"),
    ("coverage_is_sound", "coverage: one row for each"): (DOUBLED.format("kraken.coverage")),
    ("coverage_is_sound", "coverage: is NULL"): ("update kraken.coverage set covered_to = null where symbol = 'ties'"),
    ("coverage_is_sound", "coverage: ids_are_contiguous"): (
        "update kraken.coverage set are_ids_contiguous = false where symbol = 'ties'"
    ),
    ("coverage_is_sound", "coverage: ends_after_its_start"): (
        "update kraken.coverage set covered_to_ns = covered_from_ns where symbol = 'ties'"
    ),
    ("bars_are_sound", "bars: one row for each"): f"{BAR.format('1 as bar_number')}; {BAR.format('1 as bar_number')}",
    ("bars_are_sound", "bars: is NULL"): BAR.format("null as open"),
    ("bars_are_sound", "bars: prices_in_order"): BAR.format("high + 1 as low"),
    ("bars_are_sound", "bars: bought_within_traded"): BAR.format("trade_count + 1 as taker_buy_count"),
    ("bars_are_sound", "bars: bars_add_up"): BAR.format("trade_count + 1 as trade_count"),
    ("coverage_is_sound", "gaps: one row for each"): (DOUBLED.format("kraken.gaps").replace("rest_equal", "seam")),
    ("coverage_is_sound", "gaps: is NULL"): ("update kraken.gaps set gap_to = null where symbol = 'seam'"),
    ("coverage_is_sound", "gaps: reason_is_known"): ("update kraken.gaps set reason = 'why not' where symbol = 'seam'"),
    ("gaps_no_trade_is_lost", ""): ("update kraken.gaps set reason = 'trades_lost' where symbol = 'seam'"),
    ("coverage_is_sound", "gaps: covered_or_gap"): ("delete from kraken.gaps where symbol = 'seam'"),
    ("jobs_are_sound", "job_events: one row for each"): (JOB_EVENTS.format("unnest([1, 1])", 1)),
    ("jobs_are_sound", "job_events: is NULL"): (JOB_EVENTS.format(1, "null")),
    ("jobs_are_sound", "data_jobs: one row for each"): (JOBS.format("unnest([1, 1])", "now()")),
    ("jobs_are_sound", "data_jobs: is NULL"): (JOBS.format(1, "null")),
    ("coverage_is_sound", "market_names: one row for each"): NAMES.format("unnest(['MATIC/USD', 'MATIC/USD'])"),
    ("coverage_is_sound", "market_names: is NULL"): NAMES.format("null"),
    ("coverage_is_sound", "market_names: ends_after_its_start"): NAMES.format("''").replace("05-02", "05-01"),
    ("coverage_is_sound", "market_status: one row for each"): (
        "insert into kraken_raw.market_statuses "
        "select * replace ('other' as status) from kraken_raw.market_statuses where symbol = 'ties'"
    ),
    ("coverage_is_sound", "market_status: is NULL"): (
        "update kraken_raw.market_statuses set seen_at = null where symbol = 'ties'"
    ),
    ("coverage_is_sound", "market_status: ends_after_its_start"): (
        "update kraken_raw.market_statuses set previous_seen_at = '1969-12-31' where symbol = 'ties'"
    ),
    ("candles_are_sound", "day_checks: one row for each"): (DOUBLED.format("kraken_internal.day_checks")),
    ("candles_are_sound", "day_checks: one_row_a_bucket"): (
        "update kraken_internal.day_checks set doubled_count = 1 where symbol = 'ties'"
    ),
    ("candles_are_sound", "day_checks: prices_in_order"): (
        "update kraken_internal.day_checks set unsound_count = 1 where symbol = 'ties'"
    ),
    ("candles_are_sound", "day_checks: every_bucket_there"): (
        "update kraken_internal.day_checks set closed_count = closed_count - 1 "
        "where symbol = 'borders' and timeframe = '1m'"
    ),
    ("candles_are_sound", "day_checks: trades_add_up"): (
        "update kraken_internal.day_checks set base_volume = base_volume + 0.00000001 "
        "where symbol = 'random' and bucket_on = '2024-03-05' and timeframe = '4h'"
    ),
    ("candles_are_sound", "day_checks: timeframes_agree"): (
        "update kraken_internal.day_checks set difference_count = 1 where symbol = 'ties'"
    ),
    ("ohlcv_has_one_source_a_bucket", ""): ("delete from kraken.coverage where symbol = 'rest_equal'"),
    ("candles_are_sound", "candle_days: one row for each"): DOUBLED_DAY,
    ("candles_are_sound", "candle_days: is NULL"): (
        "update kraken_internal.certified_days set content_hash = null where symbol = 'ties'"
    ),
    ("candles_are_sound", "candle_revisions: is NULL"): (
        "insert into kraken.candle_revisions (symbol) values ('ties')"
    ),
    ("exchange_candles_are_sound", "rest_snapshots: one row for each"): (
        DOUBLED.format("kraken_internal.rest_snapshots")
    ),
    ("exchange_candles_are_sound", "rest_snapshots: one_candle_a_bucket"): (
        "update kraken_internal.rest_snapshots set row_count = row_count + 1"
    ),
    ("exchange_candles_are_sound", "compared_days: one_newest_content_a_bucket"): (
        "update kraken_internal.compared_days set rest_candle_count = 0"
    ),
    ("exchange_candles_are_sound", "compared_days: one row for each"): (
        DOUBLED.format("kraken_internal.compared_days")
    ),
    ("exchange_candles_are_sound", "compared_days: is NULL"): (
        "insert into kraken_internal.compared_days (symbol) values ('ties')"
    ),
    ("exchange_candles_are_sound", "compared_days: one_row_a_bucket"): (
        "update kraken_internal.compared_days set compared_bucket_count = 0"
    ),
    ("exchange_candles_are_sound", "compared_days: status_is_known"): (
        "update kraken_internal.compared_days set differs_count = 1"
    ),
    ("candles_equal_krakens", "check_rest_candles: missing_here"): (
        "update kraken_internal.compared_candles set bucket_status = 'missing_here', "
        "open_status = 'missing_here' where bucket_status = 'missing_there'"
    ),
    ("candles_not_revised_by_kraken", "check_rest_candles: revised"): (
        "update kraken_internal.compared_candles set bucket_status = 'revised', "
        "open_status = 'revised' where bucket_status = 'missing_there'"
    ),
    ("accepted_lines_are_used", "accepted_differences: expired"): (ACCEPTED.format("'2020-01-01'")),
    ("accepted_lines_are_used", "accepted_differences: unused"): (ACCEPTED.format("null")),
    ("accepted_lines_are_used", "accepted_gaps: expired"): (ACCEPTED_GAP.format("'2020-01-01'")),
    ("accepted_lines_are_used", "accepted_gaps: unused"): (ACCEPTED_GAP.format("null")),
    ("jobs_are_sound", "removed_days: is NULL"): (
        "create or replace table kraken_ops.removed_days as "
        "select null as symbol, date '2024-01-01' as removed_on, '' as state, 1 as trade_count, now() as happened_at"
    ),
    ("kept_days_are_what_their_candles_say", "is NULL"): ("insert into kraken_kept.kept_days (symbol) values ('ties')"),
    ("kept_days_are_what_their_candles_say", "one row for each"): (
        "insert into kraken_kept.kept_candles (symbol, kept_on, size_ns, trade_count, base_volume) "
        "values ('ties', '2024-01-01', 60, 1, 1); "
        "insert into kraken_kept.kept_days (symbol, kept_on, size_ns, candle_count, trade_count, base_volume) "
        "select 'ties', '2024-01-01', 60, 1, 1, 1 from range(2)"
    ),
    ("kept_days_are_what_their_candles_say", ""): (
        "insert into kraken_kept.kept_candles (symbol, kept_on, size_ns) values ('ties', '2024-01-01', 60)"
    ),
    ("jobs_are_sound", "removal_checks: is NULL"): (
        "insert into kraken_internal.removal_checks (symbol) values ('ties')"
    ),
    ("candles_are_sound", "absent_days: is NULL"): ("insert into kraken.absent_days (symbol) values ('ties')"),
    ("candles_are_sound", "absent_days: absent_has_no_candles"): (
        "insert into kraken.absent_days select symbol, timeframe, bucket_on, 1, 0 "
        "from kraken_internal.day_checks where symbol = 'ties' and timeframe = '1m'"
    ),
    ("archives_lose_nothing", "stg_archive_parts: one row for each"): (
        "create or replace view kraken_staging.stg_archive_parts as select unnest([1, 1]) as part_id"
    ),
    ("archives_lose_nothing", "check_archive_join: one row for each"): (
        "insert into kraken.check_archive_join (symbol, seam_on, edition_id) "
        "select 'ties', date '2024-01-01', unnest([1, 1])"
    ),
    ("archives_lose_nothing", "check_archive_join: nothing_lost"): (
        "insert into kraken.check_archive_join (symbol, seam_on, edition_id, lost_trade_count, lost_base_volume) "
        "values ('ties', '2024-01-01', 1, 0, 0.1)"
    ),
    ("archives_lose_nothing", "import_counts: one row for each"): (
        "insert into kraken_internal.import_counts (edition_id) select unnest([1, 1])"
    ),
    ("archives_lose_nothing", "check_import: one row for each"): (
        "insert into kraken_raw.archive_files (edition_id, _dlt_load_id) select unnest([1, 1]), 'complete'"
    ),
    ("archives_lose_nothing", "check_import: every_row_in_the_warehouse"): (IMPORTS.format(1, 0.1)),
    ("imports_refuse_nothing", ""): (
        "create or replace view kraken.check_import as select 1 as rows_refused, true as is_current"
    ),
    ("archives_lose_nothing", "archive_spans: is NULL"): (
        "insert into kraken_internal.archive_spans (symbol) values ('ties')"
    ),
    ("exchange_candles_are_sound", "exchange_days: is NULL"): (
        "insert into kraken_internal.exchange_days (symbol) values ('ties')"
    ),
    ("exchange_candles_are_sound", "exchange_days: one row for each"): (
        DOUBLED.format("kraken_internal.exchange_days")
    ),
    ("exchange_candles_are_sound", "exchange_days: one_row_a_bucket"): (
        "insert into kraken_internal.exchange_days (source, timeframe, symbol, bucket_on, row_count, bucket_count) "
        "values ('archive', '1m', 'ties', '2024-01-01', 2, 1)"
    ),
    ("exchange_candles_are_sound", "exchange_days: prices_in_order"): (
        "insert into kraken_internal.exchange_days (source, timeframe, symbol, bucket_on, unsound_count) "
        "values ('archive', '1m', 'ties', '2024-01-01', 1)"
    ),
    ("candles_equal_krakens", "check_archive_candles: missing_there"): (
        "insert into kraken_internal.compared_archive_candles "
        "(bucket_status, close_status) values ('missing_there', 'missing_there')"
    ),
    ("coverage_is_sound", "inferred_ids: one row for each"): (
        DOUBLED.format("kraken_internal.inferred_ids").replace("rest_equal", "ids_hidden_between")
    ),
    ("candles_are_sound", "export_days: one row for each"): DOUBLED_DAY,
    ("candles_are_sound", "export_partitions: one row for each"): (DOUBLED.format("kraken.export_partitions")),
}


class Red(NamedTuple):
    """A warehouse that was built, and by name what came of each node, and its SQL."""

    warehouse: Path
    nodes: dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory, target: Path, parsed_project: object) -> Red:
    """The red rules, and those that warn, built."""
    path = tmp_path_factory.mktemp("red") / "warehouse.duckdb"
    with raw.create(path) as connection:
        for rule in ("red/lost_trade", "red/rest_differs", "red/rest_contradicts_us_too", *WARNED):
            raw.insert_rule(connection, GOLDEN / rule)
    return Red(path, DbtProject(target, path, {}).build(path))


def test_nothing_else_is_red_and_where_kraken_disagrees_with_itself_it_warns(red: Red) -> None:
    assert {name: status for name, (status, _) in red.nodes.items() if status not in {"success", "pass"}} == {
        "gaps_no_trade_is_lost": "fail",
        "candles_equal_krakens": "fail",
        "candles_not_revised_by_kraken": "warn",
    }
    with duckdb.connect(str(red.warehouse), read_only=True) as connection:
        query = f"select distinct symbol from ({red.nodes['candles_equal_krakens'][1]})"
        failed = {symbol for (symbol,) in connection.execute(query).fetchall()}
    assert failed == {"rest_differs", "rest_contradicts_us_too"}


def test_a_lost_trade_is_a_gap_without_candles(red: Red) -> None:
    compare(red.warehouse, "lost_trade", GOLDEN / "red" / "lost_trade" / "expected" / "gaps.csv")
    with duckdb.connect(str(red.warehouse), read_only=True) as connection:
        of_it = "from kraken.candles where symbol = 'lost_trade'"
        assert connection.execute(f"select count(*) {of_it}").fetchone() == (0,)


@pytest.mark.parametrize("rule", ["red/rest_differs", "red/rest_contradicts_us_too", *WARNED])
def test_a_difference_from_krakens_candles_can_be_read(red: Red, rule: str) -> None:
    for golden in (GOLDEN / rule / "expected").iterdir():
        compare(red.warehouse, golden.parents[1].name, golden)


@pytest.fixture(scope="module")
def copy(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path_factory.mktemp("copy") / built.warehouse.name
    shutil.copy(built.warehouse, path)
    with duckdb.connect(str(path)) as connection:
        yield connection


def test_an_archive_s_row_beside_our_candle_is_seen(built: Built, copy: duckdb.DuckDBPyConnection) -> None:
    """Coverage is cut to before a closed candle of ours, for which a file speaks."""
    found = copy.execute(
        "select bucket_start_ns, bucket_start, open from kraken_internal.day_candles "
        "inner join kraken.candles using (symbol, timeframe, open) where symbol = 'ties' and timeframe = '1m' limit 1"
    ).fetchone()
    assert found
    start_ns, start, price = found
    name = "ohlcv_has_one_source_a_bucket"
    copy.execute("begin")
    try:
        copy.execute(
            "insert into kraken_raw.archive_candles values ('ties', 1, 1, 1, '1m', 60, $1, $2, $2, $2, $2, 1, 1, '1')",
            [start, price],
        )
        copy.execute("insert into kraken_raw.archive_parts (part_id, _dlt_load_id) values (1, 'complete')")
        copy.execute(
            "insert into kraken_internal.archive_spans (edition_id, from_ns, to_ns, file_to_ns, is_current) "
            "values (1, $1, $1 + 1, 0, true)",
            [start_ns],
        )
        assert copy.execute(built.tests[name]).fetchall() == []
        copy.execute(f"update kraken.coverage set covered_to_ns = {start_ns + 1} where symbol = 'ties'")
        assert len(copy.execute(built.tests[name]).fetchall()) == 1
    finally:
        copy.execute("rollback")


def test_a_line_of_the_neighbours_of_missing_ids_is_used(built: Built, copy: duckdb.DuckDBPyConnection) -> None:
    """A gap reaches a millisecond beyond them on both sides."""
    copy.execute("begin")
    try:
        copy.execute(
            "insert into kraken_staging.accepted_gaps select symbol, gap_from + interval '1 millisecond', "
            "gap_to - interval '1 millisecond', 'known', null from kraken.gaps where reason = 'ids_missing'"
        )
        assert copy.execute("select count(*) > 0 from kraken_staging.accepted_gaps").fetchone() == (True,)
        assert copy.execute(built.tests["accepted_lines_are_used"]).fetchall() == []
    finally:
        copy.execute("rollback")


def test_every_rule_of_every_data_test_has_its_spoilt_row(built: Built) -> None:
    said = r"(not \(.*\) then|> 1 then|select)\s+'(\w+): ([\w ]*)"
    found = {name: re.findall(said, sql) for name, sql in built.tests.items()}
    assert {name for name, _ in SPOILT} == set(found)
    rules = {
        (name, f"{table}: {rule}")
        for name, rows in found.items()
        for when, table, rule in rows
        if rule and not when.startswith("> 1")
    }
    assert {(name, rule) for name, rule in SPOILT if rule and rule.split(": ")[-1] not in OF_ALL} == rules
    tables = {(name, table) for name, rows in found.items() for _, table, _ in rows}
    assert {(name, rule.split(": ")[0]) for name, rule in SPOILT if ": " in rule} == tables


@pytest.mark.parametrize(("name", "rule"), SPOILT)
def test_a_spoilt_row_is_seen(built: Built, copy: duckdb.DuckDBPyConnection, name: str, rule: str) -> None:
    assert copy.execute(built.tests[name]).fetchall() == []
    copy.execute("begin")
    try:
        copy.execute(SPOILT[name, rule])
        found = copy.execute(built.tests[name])
        assert found.description
        columns = [column for column, *_ in found.description]
        rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        assert rows
        table, _, broken = rule.rpartition(": ")
        # what is spoilt in one table of a test may show in another one too
        told = [row["broken_rule"] for row in rows if row.get("broken_rule", "").startswith(f"{table}:")]
        assert not rule or table == "" or told, rows
        assert any(broken in each for each in told or (row.get("broken_rule", rule) for row in rows)), rows
    finally:
        copy.execute("rollback")
