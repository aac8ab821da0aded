"""Which file counts where several say something: older and newer ones, wrong names, damaged copies, broken stamps."""

import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dlt_pipeline import build, import_archives
from dlt_pipeline.archive import raw_rows
from dlt_pipeline.archive.report import FileReport, ImportReport
from dlt_pipeline.archive.tables import ARCHIVE_SCHEMAS
from tests.archive.exported import QUARTER_HEADER, write_zip

START = 1_704_067_200  # 2024-01-01
Rows = Callable[[str], list[tuple[Any, ...]]]
pytestmark = pytest.mark.usefixtures("no_exchange")
COUNTED = "select symbol, count(*) from kraken.trades group by all order by all"


def plain(count: int, price: int = 100, first: int = START) -> str:
    return "".join(f"{first + 60 * number},{price},1.5\n" for number in range(count))


def with_ids(count: int, price: int = 100, first_id: int = 1) -> str:
    lines = (f"{price},1.5,{START + number}.25,b,m,,{first_id + number}\n" for number in range(count))
    return QUARTER_HEADER + "\n" + "".join(lines)


def bring(folder: Path, name: str, text: str, symbol: str | None = None) -> ImportReport:
    """Import one file, under a symbol of its own if one is given."""
    folder.mkdir(exist_ok=True)
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
    assert "damaged" in import_archives(damaged).problems[0]
    assert rows("select count(*) from kraken_raw.trades") == [(0,)]
    assert import_archives(sound).problems == []
    assert rows("select count(*), max(price)::int from kraken_raw.trades") == [(500, 100)]


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


@pytest.mark.parametrize(
    "text", [plain(100), pytest.param(with_ids(100), marks=pytest.mark.long)], ids=["plain", "ids"]
)
def test_a_file_under_the_wrong_symbol_leaves_nothing_there_and_may_come_back(
    tmp_path: Path, rows: Rows, text: str
) -> None:
    for symbol in ("ETH/USD", "BTC/USD", "ETH/USD", "BTC/USD"):
        bring(tmp_path / "files", "XBTUSD.csv", text, symbol)
        assert build(quiet=True)
        assert rows(COUNTED) == [(symbol, 100)]
        assert rows("select distinct symbol from kraken.candles") == [(symbol,)]


def test_a_copy_under_another_name_takes_nobodys_place(tmp_path: Path, rows: Rows) -> None:
    bring(tmp_path / "files", "XBTUSD.csv", plain(100), "BTC/USD")
    bring(tmp_path / "copies", "XBTUSDCOPY.csv", plain(100))
    assert build(quiet=True)
    assert rows(COUNTED) == [("BTC/USD", 100), ("XBTUSDCOPY", 100)]


def test_what_a_wrongly_named_file_replaced_can_come_again(tmp_path: Path, rows: Rows) -> None:
    bitcoin, ether = plain(100), plain(200, 7)
    bring(tmp_path / "a", "XBTUSD.csv", bitcoin, "BTC/USD")
    assert "disagree" in bring(tmp_path / "b", "ETHUSD.csv", ether, "BTC/USD").problems[0]
    bring(tmp_path / "b", "ETHUSD.csv", ether, "ETH/USD")
    bring(tmp_path / "a", "XBTUSD.csv", bitcoin, "BTC/USD")
    assert build(quiet=True)
    assert rows(COUNTED) == [("BTC/USD", 100), ("ETH/USD", 200)]
    assert rows("select max(high)::int from kraken.candles where symbol = 'BTC/USD'") == [(100,)]


def test_a_newer_file_with_other_prices_disagrees_and_both_stay_stored(tmp_path: Path, rows: Rows) -> None:
    bring(tmp_path / "a", "XBTUSD.csv", plain(100, 100))
    (problem,) = bring(tmp_path / "b", "XBTUSD.csv", plain(100, 101)).problems
    assert "disagree on 2024-01-01" in problem
    assert rows("select count(*) from kraken_raw.archive_trades") == [(200,)]
    assert build(quiet=True)
    assert rows("select count(*), min(price)::int from kraken.trades") == [(100, 101)]


def test_float_sums_replace_rounded_ones_in_a_warehouse_of_an_older_program(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = ARCHIVE_SCHEMAS["archive_candles"]
    old = pa.schema([field for field in fields if field.name != "base_volume_text"])
    with monkeypatch.context() as older:
        older.setitem(ARCHIVE_SCHEMAS, "archive_candles", old)
        older.setitem(raw_rows._SCHEMAS, "archive_candles", old)
        bring(tmp_path / "a", "XBTUSD_60.csv", f"{START},1,2,1,2,4.84841803,3\n")
    report = bring(tmp_path / "b", "XBTUSD_60.csv", f"{START},1,2,1,2,4.8484180299999995,3\n")
    assert (report.problems, [pair.is_removed for pair in report.replaced]) == ([], [True])
    stored = rows("select base_volume::varchar, base_volume_text from kraken_raw.archive_candles")
    assert stored == [("4.848418030000", "4.8484180299999995")]


def test_a_newer_file_with_a_refused_row_takes_no_sound_ones_place(tmp_path: Path, rows: Rows) -> None:
    good = plain(100).splitlines(keepends=True)
    bring(tmp_path / "a", "XBTUSD.csv", "".join(good))
    bring(tmp_path / "b", "XBTUSD.csv", "".join([*good[:50], "broken\n", *good[50:]]))
    assert build(quiet=True)
    assert rows("select count(*) from kraken.gaps") == [(0,)]
    assert rows("select count(*) from kraken.trades") == [(100,)]


@pytest.mark.parametrize(
    "stamp",
    [
        START + 3 * 86_400,
        *(pytest.param(START + years * 365 * 86_400, marks=pytest.mark.long) for years in (10, -20)),
    ],
)
def test_a_broken_stamp_costs_its_row_alone(tmp_path: Path, rows: Rows, stamp: int) -> None:
    lines = plain(300).splitlines(keepends=True)
    lines[100] = f"{stamp},100,1.5\n"
    report = bring(tmp_path / "files", "XBTUSD.csv", "".join(lines))
    assert "line 101: its time lies" in report.problems[0]
    build(quiet=True)
    assert rows("select count(*) from kraken.trades") == [(299,)]
    assert rows("select max(covered_to_ns) // 1000000000 from kraken.coverage") == [(START + 60 * 299 + 1,)]
    assert rows("select reason from kraken.gaps") == [("rows_refused",)]


def test_an_id_with_a_digit_too_many_costs_its_row_alone(tmp_path: Path, rows: Rows) -> None:
    lines = with_ids(300).splitlines(keepends=True)
    lines[101] = lines[101].replace(",101\n", ",1010\n")
    report = bring(tmp_path / "files", "XBTUSD.csv", "".join(lines))
    assert "line 102: its trade id lies behind that of the row after it" in report.problems[0]
    assert rows("select count(*), max(trade_id) from kraken_raw.trades") == [(299, 300)]


def test_bounds_within_a_second_prove_whole_seconds_alone(tmp_path: Path, rows: Rows) -> None:
    (tmp_path / "XBTUSD.csv").write_text("".join(f"{START + number},100,1\n" for number in range(300)))
    import_archives(tmp_path / "XBTUSD.csv", start="2024-01-01 00:01:00.5", end="2024-01-01 00:02:59.5", exact=True)
    assert build(quiet=True)
    in_ms = "covered_from_ns // 1000000 - {0}, covered_to_ns // 1000000 - {0}".format(START * 1000)
    assert rows(f"select {in_ms} from kraken.coverage") == [(61_000, 179_000)]
