"""What a user sees where files and Kraken's answers meet: what is taken, dropped and lost, and why a gap is one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline import build, import_archives, load
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.build import build_result
from dlt_pipeline.jobs.repair import carry_out, plan_repairs
from dlt_pipeline.kraken.ledger_store import LedgerStore, place_of
from dlt_pipeline.warehouse.database import warehouse_path
from tests.archive import exported
from tests.archive.exported import SECOND, Traded
from tests.archive.test_editions import Stopping
from tests.built_parts import only

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
NOW_NS = int(NOW.timestamp()) * SECOND
SYMBOL = "ETH/USD"
OTHERS = tuple(f"COIN{number:02}/USD" for number in range(1, 6))
Ask = Callable[[str], list[tuple[Any, ...]]]
JOIN = (
    "select seam_on::varchar, decision, split_at::varchar, rest_trade_count, archive_trade_count, "
    "taken_from_rest_count, taken_from_archive_count, dropped_trade_count, lost_trade_count, lost_base_volume "
    "from kraken.check_archive_join where symbol = '{}' order by seam_on"
)


@pytest.fixture(scope="module")
def feed() -> SyntheticFeed:
    each = dict.fromkeys((SYMBOL, *OTHERS), 60)
    return SyntheticFeed(8, Clock(NOW), days=3, trades_per_day=each, burst=False, extra_markets=len(OTHERS))


@pytest.fixture(autouse=True)
def _exchange(feed: SyntheticFeed, serve: Callable[..., LocalExchange]) -> None:
    serve(feed, Clock(NOW))


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()) * SECOND


def _on(trades: Sequence[Traded], day: str, until: str = "24:00") -> int:
    start = _ns(day)
    hours, minutes = map(int, until.split(":"))
    return len(exported.cut(trades, start, start + (hours * 60 + minutes) * 60 * SECOND))


@dataclass
class Pair:
    """A market that a story is about, with its trades on the exchange."""

    symbol: str
    tape: list[Traded]
    folder: Path
    rows: Ask

    @property
    def file(self) -> Path:
        return self.folder / (self.symbol.replace("/", "") + ".csv")

    @property
    def join(self) -> list[tuple[Any, ...]]:
        return self.rows(JOIN.format(self.symbol))

    def bring(self, trades: Sequence[Traded], whole_days: bool = False) -> None:
        """Import the three columns of trades."""
        self.file.write_text(exported.trades_text(trades))
        import_archives(self.file, whole_days=whole_days)

    def ask(self, what: str, rest: str = "") -> list[tuple[Any, ...]]:
        return self.rows(f"select {what} where symbol = '{self.symbol}' {rest}")


def split(pair: Pair) -> Iterator[None]:
    """The day in which an archive ends is split where the answers begin."""
    tape = pair.tape
    pair.bring(exported.cut(tape, to_ns=_ns("2026-11-07 18:00:00")))
    load([pair.symbol], "2026-11-07 12:00", exact=True, timeframes=(), also_archived=True)
    yield
    in_file, from_noon = _on(tape, "2026-11-07", "18:00"), _on(tape, "2026-11-07") - _on(tape, "2026-11-07", "12:00")
    before_noon = _on(tape, "2026-11-07", "12:00")
    dropped = in_file - before_noon
    sides = (from_noon, in_file, from_noon, before_noon, dropped, 0, Decimal(0))
    assert pair.join == [("2026-11-07", "split", "2026-11-07 12:00:00", *sides)]
    whole = (len(tape), sum((Decimal(one.volume) for one in tape), Decimal(0)))
    assert pair.ask("count(*), sum(volume) from kraken.trades") == [whole]
    assert pair.ask("count(*) from kraken.gaps") == [(0,)]


def taken_whole(pair: Pair) -> Iterator[None]:
    """A load asks for the day in which an archive ends, and takes it whole."""
    pair.bring(exported.cut(pair.tape, to_ns=_ns("2026-11-07 18:00:00")))
    report = load([pair.symbol], "2026-11-05", timeframes=())
    yield
    assert report.trades[pair.symbol] == _on(pair.tape, "2026-11-07") + _on(pair.tape, "2026-11-08", "12:00")
    ((seam, decision, *_),) = [row for row in pair.join if row[0] == "2026-11-07"]
    assert (seam, decision) == ("2026-11-07", "rest")
    assert pair.ask("sum(lost_trade_count) from kraken.check_archive_join") == [(0,)]
    sources = pair.ask("distinct source, traded_on::varchar from kraken.trades", "and traded_on = '2026-11-06'")
    assert sources == [("archive", "2026-11-06")]
    assert pair.ask("count(*) from kraken.gaps") == [(0,)]


def lost_by_kraken(pair: Pair) -> Iterator[None]:
    """A trade that only the file has is lost, and the build is red."""
    cut = exported.cut(pair.tape, to_ns=_ns("2026-11-07 18:00:00"))
    pair.bring([*cut, cut[-1]._replace(volume="123456789.123456789012")])
    load([pair.symbol], "2026-11-07", timeframes=())
    yield
    ((*_, lost, volume),) = [row for row in pair.join if row[0] == "2026-11-07"]
    assert (lost, volume) == (1, Decimal("123456789.123456789012"))
    expected = exported.candles(exported.cut(pair.tape, to_ns=_ns("2026-11-08")), 1440)[-1]
    day = "and timeframe = '1d' and bucket_start = '2026-11-07'"
    assert pair.ask("trade_count from kraken.candles", day) == [(expected.trades,)]


def lost_by_us(pair: Pair) -> Iterator[None]:
    """A row that the warehouse lost makes its day a gap, and the build is red."""
    pair.bring(pair.tape)
    with duckdb.connect(str(warehouse_path())) as connection:
        of_it = f"symbol = '{pair.symbol}' and row_number = 50"
        assert connection.execute(f"delete from kraken_raw.archive_trades where {of_it}").fetchall() == [(1,)]
    yield
    ((day, reason),) = pair.ask("gap_from_ns // 86400000000000, reason from kraken.gaps")
    assert reason == "trades_lost"
    assert day == pair.tape[49].time_ns // SECOND // 86_400


def believed(pair: Pair) -> Iterator[None]:
    """Whole days are believed where the user says so."""
    pair.bring(exported.cut(pair.tape, _ns("2026-11-06"), _ns("2026-11-07")), whole_days=True)
    yield
    covered = pair.ask("covered_from::varchar, covered_to::varchar from kraken.coverage")
    assert covered == [("2026-11-06 00:00:00", "2026-11-07 00:00:00")]
    assert pair.ask("count(*) from kraken.candles", "and timeframe = '1m' and is_closed") == [(1440,)]


def test_each_story_of_its_own_pair_ends_as_it_says_and_two_turn_the_build_red(
    feed: SyntheticFeed, tmp_path: Path, rows: Ask
) -> None:
    stories = (split, taken_whole, lost_by_kraken, lost_by_us, believed)
    told = [
        story(Pair(symbol, exported.of_feed(feed, symbol, NOW_NS), tmp_path, rows))
        for story, symbol in zip(stories, OTHERS, strict=True)
    ]
    for each in told:
        next(each)
    red = {found.check: found.query for found in build_result(quiet=True).red}
    assert red.keys() == {"archives_lose_nothing", "gaps_no_trade_is_lost"}
    lost = {rule for rule, _ in rows(red["archives_lose_nothing"])}
    assert lost == {"check_archive_join: nothing_lost", "check_import: every_row_in_the_warehouse"}
    for each in told:
        assert next(each, "to its end") == "to its end"


def test_a_repair_closes_the_gap_around_a_refused_row_and_asks_for_a_lost_one(
    feed: SyntheticFeed, tmp_path: Path, rows: Ask
) -> None:
    tape = exported.of_feed(feed, SYMBOL, NOW_NS)
    lines = exported.trades_text(tape).splitlines(keepends=True)
    broken = next(at for at, one in enumerate(tape) if one.time_ns > _ns("2026-11-06 12:00:00"))
    text = [*lines[:broken], "what is this\n", *lines[broken + 1 :]]
    (tmp_path / "ETHUSD.csv").write_text("".join(text))
    report = import_archives(tmp_path / "ETHUSD.csv")
    assert any(f"line {broken + 1}" in one for one in report.problems), report.problems
    with duckdb.connect(str(warehouse_path())) as connection:
        (number,) = connection.execute("select max(row_number) - 10 from kraken_raw.archive_trades").fetchall()[0]
        connection.execute("delete from kraken_raw.archive_trades where row_number = ?", [number])
    build(arguments=only("coverage", "gaps", "rest_candles", "trades", "check_import"), quiet=True)
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


@pytest.mark.parametrize("is_lake", [False, True])
def test_what_rests_on_the_rows_of_a_damaged_file_goes_with_them(
    feed: SyntheticFeed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_lake: bool
) -> None:
    """A file that was begun is found damaged by a later import; of what came between, no row of its ids was stored."""
    monkeypatch.setenv("SOURCES__ARCHIVE__BLOCK_BYTES", "2000")
    monkeypatch.setenv("SOURCES__ARCHIVE__MOST_REFUSED_ROWS", "0")
    tape = exported.of_feed(feed, SYMBOL, NOW_NS)
    texts = [exported.trades_with_ids_text(each) for each in (tape, tape[:-1], tape[:2])]
    texts[0] += "broken\n"
    damaged, sound, other = (
        exported.write_folder(tmp_path / f"{number}", {"ETHUSD.csv": text}) for number, text in enumerate(texts)
    )
    place: dict[str, Any] = {"lake": tmp_path / "lake"} if is_lake else {}
    listener = Stopping()
    assert import_archives(damaged, listener=listener, stop=listener.stop, **place).is_stopped
    asked = partial(load, [SYMBOL], "2026-11-05", timeframes=(), also_archived=True, **place)
    assert not asked().failures
    assert import_archives(sound, **place).problems == []

    def held() -> tuple[int, int, int]:
        with LedgerStore.of(place_of(**place)) as store:
            ids, pages, parts = (
                store.rows(query)
                for query in (
                    f"select count(distinct trade_id) from {{trades}} where symbol = '{SYMBOL}'",
                    f"select count(*) from {{pages}} where symbol = '{SYMBOL}' and new_trade_count > 0",
                    "select coalesce(sum(row_count), 0)::bigint from {archive_parts}",
                )
            )
        return ids[0][0], pages[0][0], parts[0][0]

    assert (held()[0], held()[2] > len(tape)) == (len(tape), True)
    report = import_archives([damaged, sound, other], **place)
    assert [one.outcome for one in report.files] == ["failed", "imported", "imported"]
    assert "Answers of the exchange" in report.warnings[0]
    assert held() == (len(tape), 0, len(tape) - 1 + 2)
    asked()
    assert held()[:2] == (len(tape), 1)
