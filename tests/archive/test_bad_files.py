"""Every broken input through the real command: exit code 1, a sentence that names it, and the rest is imported."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.archive.exported import write_folder, write_zip

Rows = Callable[[str], list[tuple[Any, ...]]]
Command = Callable[..., tuple[int, str]]
GOOD = "".join(f"{1_704_067_200 + row},{row + 1}.5,0.25\n" for row in range(50))
IDS = "Price,Volume,Timestamp,Type,Miscellaneous,Trade ID\n"
STORED = "select symbol, count(*) from kraken_raw.archive_trades group by all order by all"
pytestmark = pytest.mark.usefixtures("no_exchange")


def broken(row: str, at: int = 20) -> str:
    lines = GOOD.splitlines()
    lines[at] = row
    return "\n".join(lines) + "\n"


BROKEN = {
    "A1USD.csv": ("", "is empty: nothing was imported of it", 0),
    "A2USD.csv": (broken("nonsense"), "1 row was refused", 49),
    "A3USD.csv": (broken("1704067220,5,-1"), "1 row was refused", 49),
    "A4USD.csv": (broken("1704067220,0,1"), "1 row was refused", 49),
    "A5USD.csv": ("time,price,amount\n" + GOOD, "header of another kind", 0),
    "A6USD.csv": ("1704067200000,1.5,1\n1704067201000,1.5,1\n", "not in seconds", 0),
    "A7USD_7.csv": ("1704067200,1,1,1,1,1,1\n", "cannot be told from its name", 0),
}


def test_broken_files_are_told_and_the_rest_is_imported(tmp_path: Path, command: Command, rows: Rows) -> None:
    texts = {name: text for name, (text, *_) in BROKEN.items()}
    archive = write_zip(tmp_path / "history.zip", {**texts, "XBTUSD.csv": GOOD})
    stored = {name.split(".")[0]: count for name, (*_, count) in BROKEN.items() if count} | {"XBTUSD": 50}
    for rest in ("the rest is imported", "the rest is there already"):
        code, told = command("import", str(archive))
        assert (code, rest in told) == (1, True), told
        for name, (_, said, _) in BROKEN.items():
            assert re.search(rf"{name}(?:(?!\.csv).)*{said}", told), (name, told)
        assert dict(rows(STORED)) == stored


def test_refused_rows_are_kept_with_file_line_and_reason(tmp_path: Path, command: Command, rows: Rows) -> None:
    folder = write_folder(tmp_path / "files", {"ETHUSD.csv": broken("1704067220,5,-1")})
    assert command("import", str(folder))[0] == 1
    ((member, line, text, reason),) = rows(
        "select member, line_number, line, reason from kraken_raw.archive_refused_rows"
    )
    assert (member, line, text) == ("ETHUSD.csv", 21, "1704067220,5,-1")
    assert reason


@pytest.mark.parametrize("text", ["\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), GOOD.rstrip("\n"), GOOD + "\n\n"])
def test_what_windows_and_editors_do_to_a_file_is_no_error(
    tmp_path: Path, command: Command, rows: Rows, text: str
) -> None:
    folder = write_folder(tmp_path / "files", {"ETHUSD.csv": text.encode()})
    code, told = command("import", str(folder))
    assert code == 0, told
    assert rows(STORED) == [("ETHUSD", 50)]


def test_a_truncated_zip(tmp_path: Path, command: Command, rows: Rows) -> None:
    whole = write_zip(tmp_path / "whole.zip", {"ETHUSD.csv": GOOD})
    (tmp_path / "cut.zip").write_bytes(whole.read_bytes()[:-30])
    good = write_folder(tmp_path / "files", {"XBTUSD.csv": GOOD})
    code, told = command("import", str(tmp_path / "cut.zip"), str(good))
    assert (code, "cut.zip" in told, "Download it again" in told) == (1, True, True), told
    assert rows(STORED) == [("XBTUSD", 50)]


def test_a_damaged_member_leaves_no_rows(
    tmp_path: Path, command: Command, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ARCHIVE__BLOCK_BYTES", "1000")
    monkeypatch.setenv("SOURCES__ARCHIVE__CHUNK_ROWS", "100")
    text = "".join(f"{1_704_067_200 + row},{row + 1}.5,0.25\n" for row in range(2_000))
    archive = write_zip(tmp_path / "history.zip", {"ETHUSD.csv": text, "XBTUSD.csv": GOOD}, zipfile.ZIP_STORED)
    packed = bytearray(archive.read_bytes())
    place = packed.index(b"1704069100,")  # late in the file: rows before it are committed already
    packed[place + 12] ^= 1
    archive.write_bytes(packed)
    code, told = command("import", str(archive))
    assert (code, "ETHUSD.csv" in told, "download it again" in told) == (1, True, True), told
    assert rows(STORED) == [("XBTUSD", 50)]
    assert rows("select distinct symbol from kraken_raw.archive_parts") == [("XBTUSD",)]


def test_a_name_that_leads_out_of_the_folder(tmp_path: Path, command: Command, rows: Rows) -> None:
    archive = write_zip(tmp_path / "history.zip", {"../ETHUSD.csv": GOOD, "XBTUSD.csv": GOOD})
    code, told = command("import", str(archive))
    assert (code, "../ETHUSD.csv" in told) == (1, True), told
    assert rows(STORED) == [("XBTUSD", 50)]


def test_a_bomb(tmp_path: Path, command: Command, rows: Rows) -> None:
    archive = write_zip(tmp_path / "history.zip", {"ETHUSD.csv": "1704067200,1,1\n" * 1_000_000})
    good = write_folder(tmp_path / "files", {"XBTUSD.csv": GOOD})
    code, told = command("import", str(archive), str(good))
    assert (code, "history.zip" in told, "sources.archive.most_ratio" in told) == (1, True, True), told
    assert rows(STORED) == [("XBTUSD", 50)]


def test_a_market_that_no_name_tells(tmp_path: Path, command: Command, rows: Rows) -> None:
    folder = write_folder(tmp_path / "d", {"2023-01-01.csv": GOOD})
    code, told = command("import", str(folder))
    assert (code, "cannot be told from its name" in told, "--symbols" in told) == (1, True, True), told
    assert ("nothing was imported" in told, "the rest" in told) == (True, False), told
    assert command("import", str(folder), "--symbols", "BCH/EUR")[0] == 0
    assert rows(STORED) == [("BCH/EUR", 50)]


def test_ids_that_come_in_two_files_are_one_trade(tmp_path: Path, command: Command, rows: Rows) -> None:
    def quarter(first: int, last: int) -> str:
        return IDS + "".join(
            f"{number}.5,1,{1_704_067_200 + number}.25,b,l,,{number}\n" for number in range(first, last)
        )

    one = write_zip(tmp_path / "q1.zip", {"XBTUSD.csv": quarter(1, 60)})
    two = write_zip(tmp_path / "q2.zip", {"XBTUSD.csv": quarter(40, 100), "ETHUSD.csv": quarter(1, 5)})
    code, told = command("import", str(one), str(two))
    assert code == 0, told
    counted = "select symbol, count(*), count(distinct trade_id) from kraken_raw.trades group by all order by all"
    assert rows(counted) == [("ETHUSD", 4, 4), ("XBTUSD", 99, 99)]
