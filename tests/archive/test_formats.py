"""What a file is, by its first lines."""

from pathlib import Path

import pytest

from dlt_pipeline.archive.formats import look, without_header
from dlt_pipeline.common.exceptions import DamagedFileError, WrongFormatError
from tests.archive.exported import QUARTER_HEADER
from tests.archive.reader import member_of

TRADE = "1704067200,9.5,0.1"
WITH_ID = "9.5,0.1,1704067200.5,b,l,,7"
CANDLE = "1704067200,1,2,1,2,5,3"


def kind_of(folder: Path, content: str | bytes, name: str = "XBTUSD.csv") -> tuple[str, str | None]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return look(member_of(path))


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (TRADE, "XBTUSD.csv", ("trades", None)),
        (f"{TRADE}\r\n{TRADE}\r\n", "XBTUSD.csv", ("trades", None)),
        (f"\ufeff{TRADE}\n", "XBTUSD.csv", ("trades", None)),
        (f"\n \n\r\n{TRADE}\n\n\n", "XBTUSD.csv", ("trades", None)),
        ('"1704067200","9.5","0.1"', "XBTUSD.csv", ("trades", None)),
        (TRADE, "XBTUSD_60.csv", ("trades", None)),  # what is inside has the last word
        (f"1704067200,9.5\n{TRADE}", "XBTUSD.csv", ("trades", None)),  # a broken row at the top is only that
        (f"1704067200000,9.5,1\n{TRADE}", "XBTUSD.csv", ("trades", None)),
        (f"{QUARTER_HEADER}\n{WITH_ID}\n", "XBTUSD.csv", ("trades_with_ids", None)),
        (f"\ufeff{QUARTER_HEADER}\r\n{WITH_ID}\r\n", "XBTUSD.csv", ("trades_with_ids", None)),
        ('"price", "volume","timestamp","type","miscellaneous","trade id"', "X.csv", ("trades_with_ids", None)),
        (f"Price,Volume,Timestamp,Side,Order Type,Misc,Trade_ID\n{WITH_ID}\n", "XBTUSD.csv", ("trades_with_ids", None)),
        ("price,volume,time,type,ordertype,miscellaneous,trade id", "XBTUSD.csv", ("trades_with_ids", None)),
        (f"{QUARTER_HEADER}\nbroken\n", "XBTUSD.csv", ("trades_with_ids", None)),
        (WITH_ID, "XBTUSD.csv", ("trades_with_ids", None)),
        (CANDLE, "XBTUSD_60.csv", ("candles", "1h")),
        (CANDLE, "XBTUSD_1440.csv", ("candles", "1d")),
        ("", "XBTUSD.csv", ("trades", None)),
        ("\n\r\n", "XBTUSD_5.csv", ("candles", "5m")),
    ],
)
def test_the_kind_of_a_file(tmp_path: Path, content: str, name: str, kind: tuple[str, str | None]) -> None:
    assert kind_of(tmp_path, content, name) == kind


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("time,price,volume\n1,2,3", "XBTUSD.csv, line 1: 'time,price,volume' is a header of another kind"),
        ("<html>", "XBTUSD.csv, line 1: '<html>' is a header of another kind, or no text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "holds no text in UTF-8; Kraken's files have three"),
        ("1704067200,\x1b[2J,1\n", "holds no text in UTF-8"),
        ((TRADE + "\n").encode("utf-16"), "is text in UTF-16; save it as UTF-8, or import it as Kraken gave it"),
        ((TRADE + "\n").encode("utf-16-be"), "is text in UTF-16"),
        ((TRADE + "\n").encode("utf-16-le"), "is text in UTF-16"),
        (b"BZh91AY&SY" + bytes(100), "is packed by bzip2, which is not read here; unpack it and import the CSV file"),
        (b"\xfd7zXZ\0" + bytes(100), "is packed by xz"),
        ("1704067200,9.5", "line 1: '1704067200,9.5' has 2 fields; Kraken's files have three"),
        ("1,2,3,4,5", "has 5 fields"),
        (f"{TRADE}\r{TRADE}\r", "has 5 fields"),
        (CANDLE, "does not say of how many minutes; call it as Kraken does, XBTUSD_60.csv"),
        ("1704067200000,9.5,1\n1704067200001,9.5,1", "the time 1704067200000 is not in seconds"),
        ("9.5,1,1704067200000,b,l,,7", "the time 1704067200000 is not in seconds"),
        ("1.70407E+09,9.5,1\n1.70408E+09,9.5,1", "the time 1.70407E+09 is as a spreadsheet writes it"),
        ("9.5,1,1.70407E+09,b,l,,7", "the time 1.70407E+09 is as a spreadsheet writes it"),
    ],
)
def test_what_is_none_of_kraken_s_files_is_said_to_be_so(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(WrongFormatError) as error:
        kind_of(tmp_path, content)
    assert words in str(error.value)
    assert str(tmp_path / "XBTUSD.csv") in str(error.value)


def test_a_file_that_is_gone_since_it_was_listed_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "XBTUSD.csv"
    path.write_text(TRADE)
    member = member_of(path)
    path.unlink()
    for act in (lambda: look(member), lambda: member.crc32):
        with pytest.raises(DamagedFileError, match="cannot be read"):
            act()


def test_only_the_header_is_taken_away() -> None:
    data = f"\n{QUARTER_HEADER}\r\n{WITH_ID}\n".encode()
    assert without_header(data, 1) == (f"{WITH_ID}\n".encode(), 3)
    seven = f"Price,Volume,Timestamp,Type,Order Type,Miscellaneous,Trade ID\n{WITH_ID}\n".encode()
    assert without_header(seven, 1) == (f"{WITH_ID}\n".encode(), 2)
    assert without_header(f"{WITH_ID}\n".encode(), 1) == (f"{WITH_ID}\n".encode(), 1)
