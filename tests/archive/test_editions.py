"""Which file counts where several say something: older and newer ones, wrong names, damaged copies, broken stamps."""

import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dlt_pipeline import build, import_archives
from dlt_pipeline.archive import reader
from dlt_pipeline.archive.raw_tables import ARCHIVE_SCHEMAS
from dlt_pipeline.archive.report import FileReport, ImportReport
from tests.archive.exported import QUARTER_HEADER, write_zip
from tests.built_parts import only

START = 1_704_067_200  # 2024-01-01
Rows = Callable[[str], list[tuple[Any, ...]]]
pytestmark = pytest.mark.usefixtures("no_exchange")
COUNTED = "select symbol, count(*) from kraken.trades group by all order by all"
COUNTED_OF = "select symbol, count(*) from kraken.trades where symbol in ({}) group by all order by all"


def plain(count: int, price: int = 100, first: int = START) -> str:
    return "".join(f"{first + 60 * number},{price},1.5\n" for number in range(count))


def with_ids(count: int, price: int = 100, first_id: int = 1) -> str:
    lines = (f"{price},1.5,{START + number}.25,b,m,,{first_id + number}\n" for number in range(count))
    return QUARTER_HEADER + "\n" + "".join(lines)


def bring(folder: Path, name: str, text: str, symbol: str | None = None) -> ImportReport:
    """Import one file, under a symbol of its own if one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    mapped = folder / "map.txt"
    mapped.write_text(f"{Path(name).stem},{symbol}\n")
    return import_archives(folder / name, symbol_map=mapped if symbol else None)


def test_rows_of_a_damaged_file_with_ids_do_not_keep_out_the_sound_ones(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ARCHIVE__BLOCK_BYTES", "2000")
    sound = write_zip(tmp_path / "sound.zip", {"XBTUSD.csv": with_ids(500)}, zipfile.ZIP_STORED)
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(sound.read_bytes().replace(b"100,1.5,1704067210.25", b"900,1.5,1704067210.25"))
    longer = write_zip(tmp_path / "longer.zip", {"XBTUSD.csv": with_ids(600)})
    assert "damaged" in import_archives(damaged).problems[0]
    assert rows("select count(*) from kraken_raw.trades") == [(0,)]
    assert len(import_archives([damaged, longer]).problems) == 1
    assert rows("select count(*), max(price)::int from kraken_raw.trades") == [(600, 100)]
    assert import_archives(sound).problems == []


def test_a_damaged_copy_beside_a_sound_one_is_told(tmp_path: Path, rows: Rows) -> None:
    sound = write_zip(tmp_path / "b.zip", {"XBTUSD.csv": plain(5000)}, zipfile.ZIP_STORED)
    (tmp_path / "a.zip").write_bytes(sound.read_bytes().replace(b"100,1.5\n", b"900,1.5\n", 1))
    report = import_archives([tmp_path / "a.zip", sound])
    assert len(report.problems) == 2
    assert rows("select count(*) from kraken_raw.archive_trades") == [(0,)]
    assert import_archives(sound).problems == []
    assert rows("select count(*) from kraken_raw.archive_trades") == [(5000,)]


class Stopping:
    """Ends an import as soon as something is read."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def begin(self, files: list[FileReport]) -> None:
        """Nothing is read yet."""

    def read(self, *_: object) -> None:
        self.stop.set()


def test_what_was_begun_of_a_damaged_copy_is_not_gone_on_with(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ARCHIVE__BLOCK_BYTES", "2000")
    sound = write_zip(tmp_path / "sound.zip", {"XBTUSD.csv": plain(5000)}, zipfile.ZIP_STORED)
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(sound.read_bytes().replace(b"100,1.5\n", b"100,9.5\n", 1))
    listener = Stopping()
    assert import_archives(damaged, listener=listener, stop=listener.stop).is_stopped
    assert rows("select max(volume)::int from kraken_raw.archive_trades") == [(10,)]
    assert "import it again" in import_archives(sound).problems[0]
    assert import_archives(sound).problems == []
    assert rows("select count(*), sum(volume)::int from kraken_raw.archive_trades") == [(5000, 7500)]


@pytest.mark.long
def test_a_file_under_the_wrong_symbol_leaves_nothing_there_and_may_come_back(tmp_path: Path, rows: Rows) -> None:
    """One file of each kind, each under two symbols in turn."""
    kinds = (("AUSD.csv", plain(100), ("ETH/USD", "BTC/USD")), ("BUSD.csv", with_ids(100), ("LTC/USD", "XRP/USD")))
    for turn in (0, 1, 0):
        for name, text, symbols in kinds:
            bring(tmp_path / "files", name, text, symbols[turn])
        assert build(arguments=only("trades", "candles"), quiet=True)
        found = sorted(symbols[turn] for *_, symbols in kinds)
        assert rows(COUNTED) == [(symbol, 100) for symbol in found]
        assert rows("select distinct symbol from kraken.candles order by 1") == [(symbol,) for symbol in found]


def copied(folder: Path, rows: Rows) -> Iterator[None]:
    """A copy under another name takes nobody's place."""
    bring(folder / "files", "XBTUSD.csv", plain(100), "BTC/USD")
    bring(folder / "copies", "XBTUSDCOPY.csv", plain(100))
    yield
    assert rows(COUNTED_OF.format("'BTC/USD', 'XBTUSDCOPY'")) == [("BTC/USD", 100), ("XBTUSDCOPY", 100)]


def replaced(folder: Path, rows: Rows) -> Iterator[None]:
    """What a wrongly named file replaced can come again."""
    lite, ether = plain(100, 55), plain(200, 7)
    bring(folder / "a", "LTCUSD.csv", lite, "LTC/USD")
    assert "disagree" in bring(folder / "b", "ETHUSD.csv", ether, "LTC/USD").problems[0]
    bring(folder / "b", "ETHUSD.csv", ether, "ETH/USD")
    bring(folder / "a", "LTCUSD.csv", lite, "LTC/USD")
    yield
    assert rows(COUNTED_OF.format("'LTC/USD', 'ETH/USD'")) == [("ETH/USD", 200), ("LTC/USD", 100)]
    assert rows("select max(high)::int from kraken.candles where symbol = 'LTC/USD'") == [(55,)]


def other_prices(folder: Path, rows: Rows) -> Iterator[None]:
    """A newer file with other prices disagrees, and both stay stored."""
    bring(folder / "a", "XRPUSD.csv", plain(100, 20), "XRP/USD")
    (problem,) = bring(folder / "b", "XRPUSD.csv", plain(100, 21), "XRP/USD").problems
    assert "disagree on 2024-01-01" in problem
    stored = "select count(*) from kraken_raw.archive_trades where price in (20, 21)"
    assert rows(stored) == [(200,)]
    yield
    assert rows("select count(*), min(price)::int from kraken.trades where symbol = 'XRP/USD'") == [(100, 21)]


def refused_row(folder: Path, rows: Rows) -> Iterator[None]:
    """A newer file with a refused row takes no sound one's place."""
    good = plain(100, 30).splitlines(keepends=True)
    bring(folder / "a", "ADAUSD.csv", "".join(good), "ADA/USD")
    bring(folder / "b", "ADAUSD.csv", "".join([*good[:50], "broken\n", *good[50:]]), "ADA/USD")
    yield
    assert rows("select count(*) from kraken.gaps where symbol = 'ADA/USD'") == [(0,)]
    assert rows("select count(*) from kraken.trades where symbol = 'ADA/USD'") == [(100,)]


def within_a_second(folder: Path, rows: Rows) -> Iterator[None]:
    """Bounds within a second prove whole seconds alone."""
    folder.mkdir(parents=True)
    (folder / "XDGUSD.csv").write_text("".join(f"{START + number},0.1,1\n" for number in range(300)))
    import_archives(folder / "XDGUSD.csv", start="2024-01-01 00:01:00.5", end="2024-01-01 00:02:59.5", exact=True)
    yield
    in_ms = "covered_from_ns // 1000000 - {0}, covered_to_ns // 1000000 - {0}".format(START * 1000)
    found = rows(f"select {in_ms}, proven_by from kraken.coverage where symbol = 'XDGUSD'")
    assert found == [(61_000, 179_000, "file_rows")]


def broken_stamps(folder: Path, rows: Rows) -> Iterator[None]:
    """A broken stamp costs its row alone."""
    stamps = {"A": START + 10 * 365 * 86_400, "B": START - 20 * 365 * 86_400, "C": START + 3 * 86_400}
    for name, stamp in stamps.items():
        lines = plain(300).splitlines(keepends=True)
        lines[100] = f"{stamp},100,1.5\n"
        report = bring(folder, f"{name}USD.csv", "".join(lines), f"{name}/USD")
        assert "line 101: " in report.problems[0]
    yield
    for name in stamps:
        symbol = f"where symbol = '{name}/USD'"
        assert rows(f"select count(*) from kraken.trades {symbol}") == [(299,)]
        end = rows(f"select max(covered_to_ns) // 1000000000 from kraken.coverage {symbol}")
        assert end == [(START + 60 * 299 + 1,)]
        assert rows(f"select reason from kraken.gaps {symbol}") == [("rows_refused",)]


def test_each_story_of_its_own_symbols_ends_as_it_says_after_one_green_build(tmp_path: Path, rows: Rows) -> None:
    stories = (copied, replaced, other_prices, refused_row, broken_stamps, within_a_second)
    told = [story(tmp_path / story.__name__, rows) for story in stories]
    for each in told:
        next(each)
    assert build(quiet=True)
    for each in told:
        assert next(each, "to its end") == "to its end"


def test_float_sums_replace_rounded_ones_in_a_warehouse_of_an_older_program(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = ARCHIVE_SCHEMAS["archive_candles"]
    old = pa.schema([field for field in fields if field.name != "base_volume_text"])
    with monkeypatch.context() as older:
        older.setitem(ARCHIVE_SCHEMAS, "archive_candles", old)
        older.setitem(reader._SCHEMAS, "archive_candles", old)
        bring(tmp_path / "a", "XBTUSD_60.csv", f"{START},1,2,1,2,4.84841803,3\n")
    report = bring(tmp_path / "b", "XBTUSD_60.csv", f"{START},1,2,1,2,4.8484180299999995,3\n")
    assert (report.problems, [pair.is_removed for pair in report.replaced]) == ([], [True])
    stored = rows("select base_volume::varchar, base_volume_text from kraken_raw.archive_candles")
    assert stored == [("4.848418030000", "4.8484180299999995")]


def test_an_id_with_a_digit_too_many_costs_its_row_alone(tmp_path: Path, rows: Rows) -> None:
    lines = with_ids(300).splitlines(keepends=True)
    lines[101] = lines[101].replace(",101\n", ",1010\n")
    report = bring(tmp_path / "files", "XBTUSD.csv", "".join(lines))
    assert "line 102: its trade id lies behind that of the row after it" in report.problems[0]
    assert rows("select count(*), max(trade_id) from kraken_raw.trades") == [(299, 300)]
