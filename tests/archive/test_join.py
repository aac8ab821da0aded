"""What a user sees where files and Kraken's answers meet: what is taken, dropped and lost, and why a gap is one."""

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline import build, import_archives, load
from dlt_pipeline.building import build_result
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.repair import carry_out, plan_repairs
from dlt_pipeline.warehouse import warehouse_path
from tests.archive import exported
from tests.archive.exported import SECOND, Traded

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
NOW_NS = int(NOW.timestamp()) * SECOND
SYMBOL, ALTNAME = "ETH/USD", "ETHUSD"
Ask = Callable[[str], list[tuple[Any, ...]]]
JOIN = (
    "select seam_on::varchar, decision, split_at::varchar, rest_trade_count, archive_trade_count, "
    "taken_from_rest_count, taken_from_archive_count, dropped_trade_count, lost_trade_count, lost_base_volume "
    "from kraken.check_archive_join order by seam_on"
)


@pytest.fixture(scope="module")
def feed() -> SyntheticFeed:
    return SyntheticFeed(8, Clock(NOW), days=3, trades_per_day={SYMBOL: 60}, burst=False)


@pytest.fixture
def tape(feed: SyntheticFeed, serve: Callable[..., LocalExchange]) -> list[Traded]:
    serve(feed, Clock(NOW))
    return exported.of_feed(feed, ALTNAME, NOW_NS)


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()) * SECOND


def _file(folder: Path, trades: Sequence[Traded], lines: Sequence[str] = ()) -> Path:
    """Write the three columns of trades, with other lines instead of the last ones if any are given."""
    (folder / f"{ALTNAME}.csv").write_text(exported.trades_text(trades[: len(trades) - len(lines)]) + "".join(lines))
    return folder / f"{ALTNAME}.csv"


def _on(trades: Sequence[Traded], day: str, until: str = "24:00") -> int:
    start = _ns(day)
    hours, minutes = map(int, until.split(":"))
    return len(exported.cut(trades, start, start + (hours * 60 + minutes) * 60 * SECOND))


def test_the_day_in_which_an_archive_ends_is_split_where_the_answers_begin(
    tape: list[Traded], tmp_path: Path, rows: Ask
) -> None:
    import_archives(_file(tmp_path, exported.cut(tape, to_ns=_ns("2026-11-07 18:00:00"))))
    load([SYMBOL], "2026-11-07 12:00", exact=True, timeframes=(), also_archived=True)
    assert build()
    in_file, from_noon = _on(tape, "2026-11-07", "18:00"), _on(tape, "2026-11-07") - _on(tape, "2026-11-07", "12:00")
    before_noon = _on(tape, "2026-11-07", "12:00")
    dropped = in_file - before_noon
    sides = (from_noon, in_file, from_noon, before_noon, dropped, 0, Decimal(0))
    assert rows(JOIN) == [("2026-11-07", "split", "2026-11-07 12:00:00", *sides)]
    assert rows("select count(*), sum(volume) from kraken.trades") == [
        (len(tape), sum((Decimal(one.volume) for one in tape), Decimal(0)))
    ]
    assert rows("select count(*) from kraken.gaps") == [(0,)]


def test_a_load_asks_for_the_day_in_which_an_archive_ends_and_takes_it_whole(
    tape: list[Traded], tmp_path: Path, rows: Ask
) -> None:
    import_archives(_file(tmp_path, exported.cut(tape, to_ns=_ns("2026-11-07 18:00:00"))))
    report = load([SYMBOL], "2026-11-05", timeframes=())
    assert build()
    assert report.trades[SYMBOL] == _on(tape, "2026-11-07") + _on(tape, "2026-11-08", "12:00")
    ((seam, decision, *_),) = [row for row in rows(JOIN) if row[0] == "2026-11-07"]
    assert (seam, decision) == ("2026-11-07", "rest")
    assert rows("select sum(lost_trade_count) from kraken.check_archive_join") == [(0,)]
    assert rows("select distinct source, traded_on::varchar from kraken.trades where traded_on = '2026-11-06'") == [
        ("archive", "2026-11-06")
    ]


def test_a_trade_that_only_the_file_has_is_lost_and_the_build_is_red(
    tape: list[Traded], tmp_path: Path, rows: Ask
) -> None:
    cut = exported.cut(tape, to_ns=_ns("2026-11-07 18:00:00"))
    last = cut[-1]
    extra = last._replace(volume="0.12500000")
    import_archives(_file(tmp_path, [*cut, extra]))
    load([SYMBOL], "2026-11-07", timeframes=())
    assert [one for one in build_result().red if "archives_join_without_a_loss" in one]
    ((*_, lost, volume),) = [row for row in rows(JOIN) if row[0] == "2026-11-07"]
    assert (lost, volume) == (1, Decimal("0.125"))
    expected = exported.candles(exported.cut(tape, to_ns=_ns("2026-11-08")), 1440)[-1]
    assert rows("select trade_count from kraken.candles where timeframe = '1d' and bucket_start = '2026-11-07'") == [
        (expected.trades,)
    ]


def test_a_repair_closes_the_gap_around_a_refused_row_and_asks_for_a_lost_one(
    tape: list[Traded], tmp_path: Path, rows: Ask
) -> None:
    lines = exported.trades_text(tape).splitlines(keepends=True)
    broken = next(at for at, one in enumerate(tape) if one.time_ns > _ns("2026-11-06 12:00:00"))
    text = [*lines[:broken], "what is this\n", *lines[broken + 1 :]]
    (tmp_path / f"{ALTNAME}.csv").write_text("".join(text))
    report = import_archives(tmp_path / f"{ALTNAME}.csv")
    assert any(f"line {broken + 1}" in one for one in report.problems), report.problems
    with duckdb.connect(str(warehouse_path())) as connection:
        (number,) = connection.execute("select max(row_number) - 10 from kraken_raw.archive_trades").fetchall()[0]
        connection.execute("delete from kraken_raw.archive_trades where row_number = ?", [number])
    assert not build()
    (start, end, reason), (lost_from, lost_to, lost) = rows(
        "select gap_from_ns, gap_to_ns, reason from kraken.gaps order by 1"
    )
    assert (reason, lost) == ("rows_refused", "trades_lost")
    assert start == tape[broken - 1].time_ns // SECOND * SECOND
    assert end == (tape[broken + 1].time_ns // SECOND + 1) * SECOND
    ((read, refused, said, difference),) = rows(
        "select rows_read, rows_refused, first_refused_rows, trade_difference from kraken.check_import"
    )
    assert (read, refused, difference) == (len(tape), 1, 1)
    assert said.startswith(f"line {broken + 1}: ")
    planned = plan_repairs()
    assert [(one.span, one.reason) for one in planned.repairs] == [
        ((start, end), "rows_refused"),
        ((lost_from, lost_to), "trades_lost"),
    ]
    report = carry_out(planned)
    assert [one.outcome for one in report.outcomes] == ["filled", "filled"]
    assert not report.is_green, "that the file's row is lost stays said"
    assert rows("select * from kraken.gaps") == []
    assert rows("select count(*) from kraken.trades") == [(len(tape),)]


def test_a_row_that_the_warehouse_lost_makes_its_day_a_gap(tape: list[Traded], tmp_path: Path, rows: Ask) -> None:
    import_archives(_file(tmp_path, tape))
    assert build()
    assert rows("select * from kraken.gaps") == []
    with duckdb.connect(str(warehouse_path())) as connection:
        connection.execute("delete from kraken_raw.archive_trades where row_number = 50")
    assert [one for one in build_result(arguments=("--full-refresh",)).red if "gaps_no_trade_is_lost" in one]
    ((day, reason),) = rows("select gap_from_ns // 86400000000000, reason from kraken.gaps")
    assert reason == "trades_lost"
    assert day == tape[49].time_ns // SECOND // 86_400


def test_whole_days_are_believed_where_the_user_says_so(tape: list[Traded], tmp_path: Path, rows: Ask) -> None:
    import_archives(_file(tmp_path, exported.cut(tape, _ns("2026-11-06"), _ns("2026-11-07"))), whole_days=True)
    assert build()
    assert rows("select covered_from::varchar, covered_to::varchar from kraken.coverage") == [
        ("2026-11-06 00:00:00", "2026-11-07 00:00:00")
    ]
    assert rows("select count(*) from kraken.candles where timeframe = '1m' and is_closed") == [(1440,)]
