"""OHLCVT files in the warehouse: which of them counts where, what they prove of ours, what ohlcv takes of them."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline.cli.console import Console
from dlt_pipeline.cli.summary import print_summary
from tests.archive.exported import MINUTES, SECOND, Candle
from tests.dbt_project import archive_story, raw
from tests.dbt_project.archive_story import MARKETS, Market
from tests.dbt_project.dbt_in_process import DbtProject

TIMEFRAMES = [{"name": name, "seconds": minutes * 60} for minutes, name in MINUTES.items()]
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    folder = tmp_path_factory.mktemp("archive")
    return DbtProject(folder / "target", folder / "warehouse.duckdb", {"kraken_candles_timeframes": TIMEFRAMES})


@pytest.fixture(scope="module")
def warehouse(project: DbtProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """All markets of the story, built."""
    path = tmp_path_factory.mktemp("story") / "warehouse.duckdb"
    with raw.create(path) as connection:
        for name, tell in MARKETS.items():
            tell(Market(connection, name, archive_story.tape(name)))
    project.run(path)
    with duckdb.connect(str(path)) as connection:
        yield connection


def _statuses(warehouse: duckdb.DuckDBPyConnection, symbol: str, timeframe: str = "1h") -> dict[str, int]:
    query = (
        "select bucket_status, count(distinct bucket_start) from kraken.check_archive_candles "
        "where symbol = ? and timeframe = ? group by 1"
    )
    return dict(warehouse.execute(query, [symbol, timeframe]).fetchall())


def _candles(warehouse: duckdb.DuckDBPyConnection, symbol: str, timeframe: str = "1h") -> list[Row]:
    query = (
        "select epoch(bucket_start)::bigint, open, high, low, close, base_volume, trade_count "
        "from kraken.archive_candles where symbol = ? and timeframe = ? order by 1"
    )
    return warehouse.execute(query, [symbol, timeframe]).fetchall()


def _rows(candles: list[Candle]) -> list[Row]:
    return [(row[0], *(Decimal(text) for text in row[1:6]), row.trades) for row in candles]


def _truth(symbol: str, minutes: int = 60) -> list[Candle]:
    with duckdb.connect() as connection:
        return Market(connection, symbol, archive_story.tape(symbol)).truth(minutes)


@pytest.mark.parametrize("minutes", MINUTES)
def test_files_of_an_honest_tape_equal_our_candles(warehouse: duckdb.DuckDBPyConnection, minutes: int) -> None:
    truth = _truth("honest", minutes)
    assert len(truth) >= 3
    assert _candles(warehouse, "honest", MINUTES[minutes]) == _rows(truth)
    assert _statuses(warehouse, "honest", MINUTES[minutes]) == {"identical": len(truth)}
    fields = warehouse.execute(
        "select field, count(*) from kraken.check_archive_candles where symbol = 'honest' and timeframe = ? "
        "and status = 'identical' and ours = theirs and difference = 0 and not is_accepted group by 1 order by 1",
        [MINUTES[minutes]],
    ).fetchall()
    assert fields == [(name, len(truth)) for name in ("base_volume", "close", "high", "low", "open", "trade_count")]


def test_archive_candles_have_the_columns_of_candles(warehouse: duckdb.DuckDBPyConnection) -> None:
    described = [
        [row[:2] for row in warehouse.execute(f"describe kraken.{name}").fetchall()]
        for name in ("archive_candles", "candles", "ohlcv")
    ]
    assert described[0] == described[1] == described[2]
    (row,) = warehouse.execute(
        "select distinct quote_volume, vwap, first_trade_id, last_trade_id, is_empty, is_closed, source "
        "from kraken.archive_candles"
    ).fetchall()
    assert row == (None, None, None, None, False, True, "archive")
    lengths = warehouse.execute(
        "select timeframe, min(bucket_end - bucket_start), max(bucket_end - bucket_start) from kraken.archive_candles "
        "where symbol = 'honest' group by 1"
    ).fetchall()
    expected = {(MINUTES[minutes], timedelta(minutes=minutes), timedelta(minutes=minutes)) for minutes in MINUTES}
    assert set(lengths) == expected


def test_each_figure_that_differs_is_found(warehouse: duckdb.DuckDBPyConnection) -> None:
    truth = _truth("figure_differs", 1)
    found = warehouse.execute(
        "select epoch(bucket_start)::bigint, field, status, difference from kraken.check_archive_candles "
        "where symbol = 'figure_differs' and status <> 'identical' order by 1"
    ).fetchall()
    names = ("open", "high", "low", "close", "base_volume", "trade_count")
    assert found == [
        (truth[place].bucket_start, name, "differs", Decimal(-1) if name == "trade_count" else Decimal("-0.01"))
        for place, name in enumerate(names)
    ]
    assert _statuses(warehouse, "figure_differs", "1m") == {"differs": 6, "identical": len(truth) - 6}


def test_a_float_sum_is_no_difference_and_a_lost_trade_is_one(warehouse: duckdb.DuckDBPyConnection) -> None:
    truth = _truth("volumes_are_float_sums")
    found = warehouse.execute(
        "select epoch(bucket_start)::bigint, field, difference from kraken.check_archive_candles "
        "where symbol = 'volumes_are_float_sums' and status <> 'identical'"
    ).fetchall()
    assert found == [(truth[-2].bucket_start, "base_volume", Decimal("0.000001"))]


def test_a_candle_that_the_file_leaves_out_though_we_have_trades_is_a_fault(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    truth = _truth("candle_left_out")
    assert _statuses(warehouse, "candle_left_out") == {"missing_there": 1, "identical": len(truth) - 1}
    found = warehouse.execute(
        "select distinct epoch(bucket_start)::bigint, status, theirs from kraken.check_archive_candles "
        "where symbol = 'candle_left_out' and status <> 'identical'"
    ).fetchall()
    assert found == [(truth[2].bucket_start, "missing_there", None)]


def test_a_candle_where_we_know_that_nothing_traded_is_a_fault(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert _statuses(warehouse, "candle_made_up") == {"differs": 1, "identical": len(_truth("candle_made_up"))}


def test_a_file_that_ends_within_a_bucket_raises_no_alarm(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = {name: _statuses(warehouse, "file_ends_in_a_bucket", name) for name in MINUTES.values()}
    assert all(set(statuses) <= {"identical", "unknown_there"} for statuses in found.values())
    assert all(statuses.get("unknown_there", 0) <= 1 for statuses in found.values())
    assert [found[name]["unknown_there"] for name in ("4h", "12h", "1d")] == [1, 1, 1]


def test_a_last_bucket_that_no_end_explains_is_a_fault(warehouse: duckdb.DuckDBPyConnection) -> None:
    days = len(_truth("last_bucket_is_wrong", 1440))
    assert _statuses(warehouse, "last_bucket_is_wrong", "1d") == {"identical": days - 1, "differs": 1}


@pytest.mark.parametrize("minutes", [60, 1440])
def test_a_trade_too_many_is_seen_where_a_file_ends(warehouse: duckdb.DuckDBPyConnection, minutes: int) -> None:
    truth = _truth("trade_too_many_where_the_file_ends", minutes)
    found = _statuses(warehouse, "trade_too_many_where_the_file_ends", MINUTES[minutes])
    assert found == {"identical": len(truth) - 1, "differs": 1}


def test_what_a_refused_row_said_is_not_claimed(warehouse: duckdb.DuckDBPyConnection) -> None:
    truth = _truth("row_is_refused")
    assert _candles(warehouse, "row_is_refused") == _rows(truth[:2] + truth[4:])
    assert _statuses(warehouse, "row_is_refused") == {"identical": len(truth) - 2}


def test_a_newer_file_that_holds_an_older_one_takes_its_place(warehouse: duckdb.DuckDBPyConnection) -> None:
    truth = _truth("newer_holds_older")
    assert _candles(warehouse, "newer_holds_older") == _rows(truth)
    assert _statuses(warehouse, "newer_holds_older") == {"identical": len(truth)}


def test_where_files_overlap_the_newer_one_speaks(warehouse: duckdb.DuckDBPyConnection) -> None:
    truth = _truth("newer_overlaps_older")
    found = [(row[0], int(row[5])) for row in _candles(warehouse, "newer_overlaps_older")]
    # The newer one begins with candle 2. Of what it refused behind it nobody knows more than that it came before candle
    # 5, so the older one speaks up to there. Candle 7 it leaves out: nothing traded, it says.
    volumes = {0: 1, 1: 1, 2: 2, 3: 1, 4: 1, 5: 2, 6: 2, **dict.fromkeys(range(8, len(truth)), 2)}
    assert found == [(truth[place].bucket_start, volume) for place, volume in volumes.items()]


def test_a_file_that_came_under_another_name_counts_once(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert _candles(warehouse, "came_under_another_name") == _rows(_truth("came_under_another_name"))
    assert _candles(warehouse, "CALLEDOTHERWISE") == []


def test_what_an_import_left_behind_does_not_count(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert _candles(warehouse, "was_cut_off") == _rows(_truth("was_cut_off")[4:5])


def test_ohlcv_takes_trades_then_kraken_s_answer_then_the_file(warehouse: duckdb.DuckDBPyConnection) -> None:
    truth = _truth("best_of_three")
    found = warehouse.execute(
        "select epoch(bucket_start)::bigint, source, base_volume::bigint from kraken.ohlcv "
        "where symbol = 'best_of_three' and timeframe = '1h' order by 1"
    ).fetchall()
    starts = [row[0] for row in found]
    assert starts == sorted(set(starts))
    first, open_ = truth[1].bucket_start, truth[3].bucket_start
    expected = dict.fromkeys(range(first, open_, 3600), "trades")  # hours in which nothing traded, too
    expected |= {truth[0].bucket_start: "archive"} | {row.bucket_start: "archive" for row in truth[3:-2]}
    expected |= {row.bucket_start: "rest" for row in truth[-2:]}
    assert len(truth) > 6
    assert {row[0]: row[1] for row in found} == expected
    assert {row[2] for row in found if row[1] == "rest"} == {7}
    exported = warehouse.execute(
        "select source, is_best, count(*) from kraken.exported_candles where symbol = 'best_of_three' "
        "and timeframe = '1h' and source <> 'trades' group by all order by all"
    ).fetchall()
    assert exported == [("archive", False, 4), ("archive", True, len(truth) - 4), ("rest", True, 2)]


def test_ohlcv_takes_the_file_where_kraken_s_answer_lacks_trades(warehouse: duckdb.DuckDBPyConnection) -> None:
    lacking, whole = _truth("fuller_of_two")[-2:]
    query = (
        "select epoch(bucket_start)::bigint, source, trade_count from kraken.{} where symbol = 'fuller_of_two' "
        "and timeframe = '1h' {} order by bucket_start desc, source limit 2"
    )
    expected = [(whole.bucket_start, "rest", whole.trades), (lacking.bucket_start, "archive", lacking.trades)]
    assert warehouse.execute(query.format("ohlcv", "")).fetchall() == expected
    assert warehouse.execute(query.format("exported_candles", "and is_best")).fetchall() == expected


def test_an_answer_that_a_file_contradicts_is_no_fault_of_ours(warehouse: duckdb.DuckDBPyConnection) -> None:
    """But where it has a trade that ours lacks, or the file has other figures than ours, it may be.

    Where all agrees, vwaps are unknown: no market is loaded.
    """
    name = "file_contradicts_the_answer"
    statuses = warehouse.execute(
        "select epoch(bucket_start)::bigint, bucket_status from kraken.check_rest_candles "
        "where symbol = ? and field = 'trade_count' and status <> 'missing_there' order by 1",
        [name],
    ).fetchall()
    expected = ("contradicted", "differs", "differs", "unknown_here", "unknown_here")
    assert statuses == [(row.bucket_start, status) for row, status in zip(_truth(name), expected, strict=False)]
    query = "select * exclude (symbol) from kraken.check_rest_contradictions where symbol = ?"
    assert warehouse.execute(query, [name]).fetchall() == [("1h", 2023, 5, 0, 0, 5, 4, 2, 4)]


def test_where_no_trades_are_ohlcv_is_the_file(warehouse: duckdb.DuckDBPyConnection) -> None:
    for minutes in (60, 720):
        query = (
            "select epoch(bucket_start)::bigint from kraken.ohlcv "
            "where symbol = 'nothing_else' and timeframe = ? order by 1"
        )
        found = [row[0] for row in warehouse.execute(query, [MINUTES[minutes]]).fetchall()]
        assert found == [row.bucket_start for row in _truth("nothing_else", minutes)]


def test_the_summary_of_a_warehouse_tells_of_files_where_no_trades_are(
    warehouse: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ((path,),) = warehouse.execute("select path from duckdb_databases() where database_name = 'warehouse'").fetchall()
    monkeypatch.setenv("COLUMNS", "200")
    print_summary(Console(), Path(shutil.copy(path, tmp_path / "warehouse.duckdb")))  # the other one is open here
    rows = [line.split()[:5] for line in capsys.readouterr().out.splitlines() if line.startswith("nothing_else")]
    truth = {name: len(_truth("nothing_else", minutes)) for name, minutes in (("1h", 60), ("12h", 720))}
    assert rows == [["nothing_else", name, "OHLCVT", "downloads", str(count)] for name, count in truth.items()]


def test_the_summary_counts_what_the_check_shows(warehouse: duckdb.DuckDBPyConnection) -> None:
    counted = warehouse.execute(
        "select symbol, timeframe, bucket_start::date, bucket_status, count(distinct bucket_start) "
        "from kraken.check_archive_candles group by all"
    ).fetchall()
    names = ["identical", "differs", "missing_here", "missing_there", "unknown_here", "unknown_there"]
    summary = warehouse.execute(
        f"select symbol, timeframe, bucket_on, compared_count, {', '.join(name + '_count' for name in names)} "
        "from kraken.check_archive_summary"
    ).fetchall()
    expected = {tuple(row[:4]): row[4] for row in counted}
    found = {(*row[:3], name): count for row in summary for name, count in zip(names, row[4:], strict=True) if count}
    assert found == expected
    assert all(row[3] == sum(row[4:]) for row in summary)
    rows = warehouse.execute(
        "select symbol, timeframe, bucket_start::date, count(*) from kraken.archive_candles group by all"
    ).fetchall()
    stored = warehouse.execute(
        "select symbol, timeframe, bucket_on, archive_candle_count from kraken.check_archive_summary "
        "where archive_candle_count > 0"
    ).fetchall()
    assert set(rows) == set(stored)


def test_a_certificate_says_that_a_day_was_compared_with_a_file(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Also of days in which nothing traded; not of those that the file holds in part, nor where it lacks a bucket."""
    partial = 0
    for symbol in ("honest", "candle_left_out"):
        truth = _truth(symbol)
        lost = raw.timestamp(truth[2].bucket_start * SECOND).date() if symbol == "candle_left_out" else None
        from_, to = truth[0].bucket_start, truth[-1].bucket_start + 3600
        first, last = raw.timestamp(from_ * SECOND).date(), raw.timestamp((to - 1) * SECOND).date()
        partial += bool(from_ % 86400) + bool(to % 86400)
        days = warehouse.execute(
            "select bucket_on, is_compared from kraken.candle_days where symbol = ? and timeframe = '1h' order by 1",
            [symbol],
        ).fetchall()
        held = {day for day, _ in days if first <= day <= last and day != lost}
        held -= ({first} if from_ % 86400 else set()) | ({last} if to % 86400 else set())
        assert len(held) >= 4
        assert {day for day, is_compared in days if is_compared} == held
    assert partial, "all files have whole days"


def test_the_exports_have_a_day_for_each_day_of_the_files(warehouse: duckdb.DuckDBPyConnection) -> None:
    counted = warehouse.execute(
        "select symbol, timeframe, bucket_start::date, count(*) from kraken.exported_candles "
        "where source = 'archive' group by all"
    ).fetchall()
    days = warehouse.execute(
        "select symbol, timeframe, bucket_on, row_count from kraken.export_days where source = 'archive'"
    ).fetchall()
    assert counted
    assert set(days) == set(counted)


def test_faults_turn_the_build_red_and_accepted_ones_do_not(project: DbtProject, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with raw.create(path) as connection:
        for name in ("honest", "candle_left_out", "file_ends_in_a_bucket"):
            MARKETS[name](Market(connection, name, archive_story.tape(name)))
    read = (
        "--select",
        "+check_archive_candles",
        "+candles_equal_krakens",
        "--indirect-selection",
        "buildable",
    )
    assert project.red(path, *read) == {"candles_equal_krakens"}
    missing = raw.timestamp(_truth("candle_left_out")[2].bucket_start * SECOND)
    with duckdb.connect(str(path)) as connection:  # as a seed with the line leaves it (test_accepted.py)
        connection.execute(
            "insert into kraken_staging.accepted_differences values "
            f"('candle_left_out', '1h', '{missing}', null, 'a slip of Kraken''s', null)"
        )
    assert project.red(path, *read, "--exclude", "resource_type:seed", "path:models/candles") == set()
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "select distinct status, accepted_reason from kraken.check_archive_candles where is_accepted"
        ).fetchall()
    assert found == [("missing_there", "a slip of Kraken's")]


def test_a_candle_of_ours_that_is_lost_is_missing_here(project: DbtProject, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with raw.create(path) as connection:
        market = Market(connection, "honest", archive_story.tape("honest"))
        market.load()
    project.run(path, "--select", "+check_archive_candles")
    with duckdb.connect(str(path)) as connection:
        truth = market.truth()
        start = truth[0].bucket_start * SECOND
        connection.execute(
            f"delete from kraken_internal.day_candles where timeframe = '1h' and bucket_start_ns = {start}"
        )
        Market(connection, "honest", market.trades).file(truth)
    project.run(path, "--select", "+check_archive_candles")
    with duckdb.connect(str(path), read_only=True) as connection:
        assert _statuses(connection, "honest") == {"missing_here": 1, "identical": len(truth) - 1}
