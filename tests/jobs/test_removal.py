"""Raw trades go once their candles are kept; what analysts read stays as it was, also after a full refresh."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dlt_pipeline.retention import RemovalReport, cancel_removal, remove_trades, request_removal
from tests.conftest import ROOT
from tests.dbt_project.dbt_in_process import DbtProject
from tests.jobs.kept import FIRST, LAST, SYMBOLS, Kept, on, timeframes

COUNTS = "select symbol, traded_on, count(*) from kraken_raw.trades group by all order by all"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("loaded"))


def copied(kept: Kept, folder: Path) -> Kept:
    copy = object.__new__(Kept)
    copy.__dict__ = dict(kept.__dict__)
    copy.path = folder / kept.path.name
    shutil.copy(kept.path, copy.path)
    return copy


@pytest.fixture
def kept(loaded: Kept, tmp_path: Path) -> Kept:
    """The warehouse before anything is removed, as a copy of its own."""
    return copied(loaded, tmp_path)


@pytest.fixture(scope="module")
def asked(loaded: Kept, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    wanted = copied(loaded, tmp_path_factory.mktemp("wanted"))
    wanted.want()
    wanted.build()
    return wanted


@pytest.fixture
def wanted(asked: Kept, tmp_path: Path) -> Kept:
    """The warehouse when all removals are wanted and built, as a copy of its own."""
    return copied(asked, tmp_path)


@pytest.fixture(scope="module")
def without(asked: Kept, tmp_path_factory: pytest.TempPathFactory) -> tuple[Kept, RemovalReport]:
    removed = copied(asked, tmp_path_factory.mktemp("removed"))
    return removed, removed.remove()


@pytest.fixture
def removed(without: tuple[Kept, RemovalReport], tmp_path: Path) -> tuple[Kept, RemovalReport]:
    """The warehouse after the removal, as a copy of its own, and what the removal reported."""
    return copied(without[0], tmp_path), without[1]


@pytest.fixture(scope="module")
def finer(loaded: Kept, tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    """The project with other timeframes than what is kept."""
    others = timeframes(_20s=20, _1m=60, _5m=300, _12h=43200, _1d=86400, _1w=604800)
    others["kraken_candles_timeframes"].append({"name": "1d_17h", "seconds": 86400, "offset_seconds": 61200 + 20})
    return DbtProject(tmp_path_factory.mktemp("finer"), loaded.path, others)


def test_what_analysts_read_is_the_same_after_a_removal_and_after_a_full_refresh(
    loaded: Kept, removed: tuple[Kept, RemovalReport]
) -> None:
    before, raw_before = loaded.shown(), {(symbol, day): count for symbol, day, count in loaded.query(COUNTS)}
    kept, report = removed
    assert report.removed == {day: raw_before[day] for day in report.removed}
    assert report.trades > 100
    left = {(symbol, day): count for symbol, day, count in kept.query(COUNTS)}
    assert left == {day: count for day, count in raw_before.items() if day not in report.removed}
    assert report.stay["IDS/USD", FIRST] == "not_covered", "it begins at noon"
    assert "no_ids" in {reason for (symbol, _), reason in report.stay.items() if symbol == "OLD/EUR"}
    assert kept.project.red(kept.path, "--full-refresh") == set()
    assert kept.shown() == before
    assert len(before["candle_revisions"]) == 0
    bare = {(symbol, day) for symbol, day in kept.query("select symbol, bare_on from kraken_internal.bare_days")}
    assert bare == set(report.removed)


@pytest.mark.long
def test_a_coarser_timeframe_is_rolled_up_and_a_finer_one_is_absent_where_trades_are_removed(
    loaded: Kept, removed: tuple[Kept, RemovalReport], finer: DbtProject, tmp_path: Path
) -> None:
    kept, report = removed
    twin = tmp_path / "twin" / kept.path.name
    twin.parent.mkdir()
    shutil.copy(loaded.path, twin)
    assert report.removed
    with duckdb.connect(str(twin)) as connection:
        for schema in ("kraken", "kraken_internal", "kraken_staging"):
            connection.execute(f"drop schema {schema} cascade")
    assert finer.red(kept.path) == set()
    finer.run(twin, "--select", "+candles")
    query = "select symbol, bucket_start::date, timeframe, c from kraken.candles as c"
    ours = kept.query(query)
    with duckdb.connect(str(twin), read_only=True) as connection:
        theirs = connection.execute(query).fetchall()

    def lacks(symbol: str, day: object, timeframe: str) -> bool:
        if timeframe == "20s":
            return (symbol, day) in report.removed
        return timeframe == "1d_17h" and bool({(symbol, day), (symbol, day + one_day)} & report.removed.keys())  # type: ignore[operator]

    one_day = on("2024-01-02") - on("2024-01-01")
    expected = [row for row in theirs if not lacks(*row[:3])]
    assert sorted(map(repr, ours)) == sorted(map(repr, expected))
    assert {row[2] for row in ours} == {row[2] for row in theirs}, "each timeframe is there where trades are"
    absent = kept.query(
        "select symbol, bucket_on from kraken.absent_days where timeframe = '20s' and closed_count = 4320"
    )
    assert set(absent) == report.removed.keys()


def test_days_whose_kept_candles_are_lost_are_a_gap_and_never_quiet(removed: tuple[Kept, RemovalReport]) -> None:
    kept, report = removed
    (symbol, day), *_ = report.removed
    kept.change(f"delete from kraken_kept.kept_candles where symbol = '{symbol}' and kept_on = '{day}'")
    kept.build("--full-refresh", "--select", "+candles", "+gaps")
    lost = f"from kraken.gaps where reason = 'trades_lost' and symbol = '{symbol}'"
    whole_day = f"gap_from <= '{day}' and gap_to >= date '{day}' + interval 1 day"  # the seams to its neighbours too
    assert kept.query(f"select count(*) {lost} and {whole_day}") == [(1,)]
    on_day = f"symbol = '{symbol}' and bucket_start::date = '{day}'"
    assert kept.query(f"select count(*) from kraken.candles where {on_day} and timeframe = '1m'") == [(0,)]
    red = {"kept_days_are_what_their_candles_say", "gaps_no_trade_is_lost"}
    assert kept.project.red(kept.path, "--select", *red) == red
    kept.change("delete from kraken_kept.kept_days; delete from kraken_kept.kept_candles")
    kept.build("--full-refresh", "--select", "+candles")
    assert kept.query(f"select count(*) from kraken.candles where {on_day} and timeframe = '1m'") == [(0,)]


@pytest.mark.long
def test_trades_that_come_back_count_again_and_only_all_of_them(
    loaded: Kept, removed: tuple[Kept, RemovalReport], finer: DbtProject
) -> None:
    before = loaded.shown()
    kept, report = removed
    kept.change(
        f"attach '{loaded.path}' as whole (read_only); "
        "create table kraken_ops_copy as from whole.kraken_raw.trades; detach whole"
    )
    (symbol, day), *_ = report.removed
    back = f"from kraken_ops_copy where symbol = '{symbol}' and traded_on = '{day}' order by trade_id"
    kept.change(f"insert into kraken_raw.trades {back} limit 1")
    kept.build()
    assert kept.shown() == before
    kept.change(f"insert into kraken_raw.trades {back} offset 1")
    finer.run(kept.path)
    absent = kept.query("select symbol, bucket_on from kraken.absent_days where timeframe = '20s'")
    assert set(absent) == report.removed.keys() - {(symbol, day)}
    assert remove_trades(kept.path).removed == {}, "what came back is not wanted away"


def test_what_no_build_has_judged_stays(kept: Kept) -> None:
    before = kept.query(COUNTS)
    assert remove_trades(kept.path).stay == {}
    assert request_removal(kept.path, "IDS/USD", on("2023-12-20"), on("2023-12-22"), "job") == 2
    assert request_removal(kept.path, "IDS/USD", on("2023-12-20"), on("2023-12-22"), "job") == 0
    assert set(remove_trades(kept.path).stay.values()) == {"not_built"}
    assert kept.query(COUNTS) == before


def test_what_is_taken_back_or_not_kept_yet_stays(wanted: Kept) -> None:
    before = wanted.query(COUNTS)
    assert remove_trades(wanted.path, "another job").stay == {}
    assert cancel_removal(wanted.path, "IDS/USD", on("2023-12-20"), on("2023-12-21")) == 1
    cancel_removal(wanted.path, "IDS/USD", FIRST, on("2023-12-20"))
    cancel_removal(wanted.path, "IDS/USD", on("2023-12-22"), LAST)
    for symbol in set(SYMBOLS) - {"IDS/USD"}:
        cancel_removal(wanted.path, symbol, FIRST, LAST)
    wanted.change(
        "insert into kraken_raw.trades select * replace (trade_id + 1000000 as trade_id) "
        "from kraken_raw.trades where symbol = 'IDS/USD' and traded_on = '2023-12-21' limit 1"
    )
    assert remove_trades(wanted.path).stay == {("IDS/USD", on("2023-12-21")): "changed"}
    wanted.change("delete from kraken_raw.trades where trade_id > 1000000")
    wanted.change("delete from kraken_kept.kept_candles where size_ns = 60000000000")
    assert remove_trades(wanted.path).stay == {("IDS/USD", on("2023-12-21")): "not_kept"}
    assert wanted.query(COUNTS) == before


def test_a_day_that_differs_from_krakens_candles_keeps_its_trades(kept: Kept) -> None:
    kept.change(
        "update kraken_raw.rest_candles set high = high + 1 where symbol = 'IDS/USD' and timeframe = '1d' "
        "and bucket_start = '2023-12-24'"
    )
    kept.want()
    kept.build("--full-refresh", "--select", "+removal_checks", "+kept_days", "+kept_candles")
    report = kept.remove()
    assert report.stay["IDS/USD", on("2023-12-24")] == "differs"
    assert ("IDS/USD", on("2023-12-23")) in report.removed


KILLED = """
import os, sys
from pathlib import Path
from dlt_pipeline import retention
seam = sys.argv[2]
def die(*_): os.kill(os.getpid(), 9)
if seam == "deleted": retention.write_events = die
else:
    keep = retention.write_events
    retention.write_events = lambda *given: (keep(*given), die())
retention.remove_trades(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("seam", ["deleted", pytest.param("written", marks=pytest.mark.long)])
def test_a_killed_removal_leaves_everything_and_the_next_one_ends_it(loaded: Kept, wanted: Kept, seam: str) -> None:
    counts = wanted.query(COUNTS)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(wanted.path), seam], cwd=ROOT, env=dict(os.environ), check=False
    )
    assert done.returncode == -9
    assert wanted.query(COUNTS) == counts
    report = remove_trades(wanted.path)
    assert len(report.removed) >= 3
    wanted.build()
    assert wanted.shown() == loaded.shown()
