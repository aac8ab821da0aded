"""Single files that taught something: recorded ones, damaged ones, ids that repeat, rows without ids."""

import dataclasses
import random
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.archive.formats import look
from dlt_pipeline.archive.members import Member, find_members
from dlt_pipeline.archive.reader import ParsedBlock, Reading, read_parts
from dlt_pipeline.archive.work import ImportSettings
from dlt_pipeline.common.exceptions import DamagedFileError, WrongFormatError
from dlt_pipeline.kraken.answers import TradePage, TradeRow, TradeRows
from dlt_pipeline.kraken.cursor import start_at, take
from tests.archive import exported
from tests.archive.exported import QUARTER_HEADER, Traded, write_zip
from tests.archive.reader import Brought, Plan, begun_by, brought, member_of, read, total
from tests.dbt_project.tape import random_tape

SECOND = 10**9
START = 1_704_067_200
LINES = [f"{START + number},{number + 1}.5,0.{number + 1}" for number in range(2_000)]


def zip_of(folder: Path, text: str, name: str = "XBTUSD.csv", method: int = zipfile.ZIP_DEFLATED) -> Path:
    return write_zip(folder / "some.zip", {name: text}, method)


def read_text(folder: Path, text: str, plan: Plan, name: str = "XBTUSD.csv") -> Brought:
    return brought(read(member_of(zip_of(folder, text, name)), plan), plan.format)


@pytest.mark.parametrize("block_bytes", [200, 1 << 20])
def test_a_broken_row_in_the_middle_is_kept_with_its_place(tmp_path: Path, block_bytes: int) -> None:
    lines = [*LINES[:999], "1704068199,12.5", *LINES[1000:]]
    found = read_text(tmp_path, "\r\n".join(lines), Plan("trades", block_bytes=block_bytes))
    (refused,) = found.refused
    assert {name: refused[name] for name in ("row_number", "line_number", "reason", "line", "member")} == {
        "row_number": 1000,
        "line_number": 1000,
        "reason": "it has 2 fields, not 3",
        "line": "1704068199,12.5",
        "member": "XBTUSD.csv",
    }
    assert refused["archive"] == str(tmp_path / "some.zip")
    assert len(found.rows) == 1_999
    (file,) = found.files
    assert (file["row_count"], file["refused_count"], file["altname"]) == (1_999, 1, "XBTUSD")


def test_an_empty_file_and_one_of_a_header_alone_claim_nothing(tmp_path: Path) -> None:
    for text, kind in (("", "trades"), ("\r\n\n", "trades"), ("\ufeff", "trades"), (QUARTER_HEADER, "trades_with_ids")):
        found = read_text(tmp_path, text, Plan(kind))
        (file,) = found.files
        assert (file["row_count"], file["first_time_ns"], file["covered_from_ns"], file["covered_to_ns"]) == (
            0,
            None,
            0,
            0,
        )
        assert not found.rows
        assert not found.parts
        assert not found.refused


def test_a_header_may_stand_behind_blank_lines(tmp_path: Path) -> None:
    text = "\r\n" * 40 + f"{QUARTER_HEADER}\r\n1.5,1,{START},b,l,,5\r\n"
    for block_bytes in (30, 1 << 20):
        found = read_text(tmp_path, text, Plan("trades_with_ids", block_bytes=block_bytes))
        assert [row["trade_id"] for row in found.rows] == [5]
        assert not found.refused
        assert found.parts[0]["first_row"] == 1


def test_of_what_is_committed_the_parts_have_the_last_word(tmp_path: Path) -> None:
    """As where another version of the program committed them."""
    member = member_of(zip_of(tmp_path, "\n".join(LINES)))
    committed = brought(read(member, Plan("trades", block_bytes=1_000))[:5], "trades")
    begun = begun_by(committed)
    assert begun is not None
    known = dataclasses.replace(begun, covered_from_ns=5, covered_to_ns=6)
    found = brought(read(member, Plan("trades", block_bytes=1_000, begun=known)), "trades")
    (file,) = found.files
    assert file["row_count"] == len(LINES)
    assert file["covered_from_ns"] == 5
    assert found.parts[0]["covered_from_ns"] == 6


@pytest.mark.parametrize("other", [{"row_count": 1}, {"base_volume": Decimal(1)}])
def test_rows_that_are_not_this_files_are_not_gone_on_with(tmp_path: Path, other: dict[str, Any]) -> None:
    member = member_of(zip_of(tmp_path, "\n".join(LINES)))
    begun = begun_by(brought(read(member, Plan("trades", block_bytes=1_000))[:5], "trades"))
    assert begun is not None
    with pytest.raises(DamagedFileError, match="import it again"):
        read(member, Plan("trades", block_bytes=1_000, begun=dataclasses.replace(begun, **other)))


def test_many_refused_rows_are_another_file(tmp_path: Path) -> None:
    member = member_of(zip_of(tmp_path, "\n".join([*LINES[:10], *["x,y"] * 6])))
    assert len(brought(read(member, Plan("trades", most_refused_rows=6)), "trades").refused) == 6
    with pytest.raises(
        WrongFormatError, match="more than 5 rows cannot be taken in, the last one in line 16: it has 2"
    ):
        read(member, Plan("trades", most_refused_rows=5))


def test_a_file_without_line_ends_does_not_fill_the_memory(tmp_path: Path) -> None:
    member = member_of(zip_of(tmp_path, f"{LINES[0]}\n" + "9" * 3_000_000))
    with pytest.raises(WrongFormatError, match="line 2: it has no end"):
        read(member, Plan("trades", block_bytes=100_000))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_damaged_member_says_so_and_nothing_claims_it(tmp_path: Path, method: int) -> None:
    path = zip_of(tmp_path, "\n".join(LINES), method=method)
    whole = path.read_bytes()
    (info,) = zipfile.ZipFile(path).infolist()
    begin = 30 + len(info.filename)
    for place in random.Random(1).sample(range(begin, begin + info.compress_size), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 0x11
        path.write_bytes(damaged)
        check_damaged(member_of(path))


def test_a_cut_deflate_stream_is_damage(tmp_path: Path) -> None:
    path = zip_of(tmp_path, "\n".join(LINES))
    whole = path.read_bytes()
    (info,) = zipfile.ZipFile(path).infolist()
    half = 30 + len(info.filename) + info.compress_size // 2
    path.write_bytes(
        whole[:half]
        + bytes(info.compress_size - info.compress_size // 2)
        + whole[30 + len(info.filename) + info.compress_size :]
    )
    check_damaged(member_of(path))


def check_damaged(member: Member) -> None:
    taken: list[ParsedBlock] = []
    plan = Reading("BTC/USD", "trades", None, 7, (None, None), False, None, lambda: 1, block_bytes=1_000)
    with pytest.raises((DamagedFileError, WrongFormatError), match=r"some\.zip: XBTUSD\.csv"):
        taken.extend(iter(read_parts(member, plan)))
    assert not any("archive_files" in one.tables for one in taken)


def test_a_file_that_grows_while_it_is_read_is_no_file_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "XBTUSD.csv"
    path.write_text("\n".join(LINES))
    member = member_of(path)
    assert member.crc32
    path.write_text("\n".join([*LINES, LINES[-1]]))
    with pytest.raises(DamagedFileError, match="changed while it was read"):
        read(member, Plan("trades"))


def test_ids_that_repeat_or_go_back_are_refused(tmp_path: Path) -> None:
    ids = [5, 6, 6, 4, "", 7, 5, "", 9]
    rows = [f"1.5,1,{START + number},b,l,,{one}" for number, one in enumerate(ids)]
    for block_bytes in (60, 1 << 20):
        plan = Plan("trades_with_ids", block_bytes=block_bytes)
        found = read_text(tmp_path, "\n".join([QUARTER_HEADER, *rows]), plan)
        assert [row["trade_id"] for row in found.rows] == [5, 6, 0, 7, 0, 9]
        assert [(row["row_number"], row["line_number"]) for row in found.refused] == [(3, 4), (4, 5), (7, 8)]
        assert "trade id does not come after the one before it" in found.refused[0]["reason"]


def test_a_row_without_id_whose_time_goes_back_could_be_taken_for_another(tmp_path: Path) -> None:
    rows = [f"1.5,1,{START + second},b,l,," for second in (1, 2, 1, 2)]
    for block_bytes in (25, 60, 1 << 20):
        found = read_text(
            tmp_path, "\n".join([QUARTER_HEADER, *rows]), Plan("trades_with_ids", block_bytes=block_bytes)
        )
        keys = [(row["idless_time_ns"], row["place"]) for row in found.rows]
        assert len(set(keys)) == len(keys) == 3
        assert [row["row_number"] for row in found.refused] == [3]
        assert "time goes back" in found.refused[0]["reason"]


def test_buckets_that_repeat_are_refused(tmp_path: Path) -> None:
    lines = [f"{START + 60 * n},1,1,1,1,1,1" for n in (0, 1, 1, 3, 2, 4)]
    plan = Plan("candles", "1m")
    found = read_text(tmp_path, "\n".join(lines), plan, "XBTUSD_1.csv")
    assert [row["row_number"] for row in found.rows] == [1, 2, 5, 6]
    assert [row["row_number"] for row in found.refused] == [3, 4]


def test_times_that_go_back_are_kept_and_said(tmp_path: Path) -> None:
    lines = [f"{START + second},1,1" for second in (1, 5, 3, 9, 8, 10)]
    taken = read(member_of(zip_of(tmp_path, "\n".join(lines))), Plan("trades", block_bytes=30))
    found = brought(taken, "trades")
    assert [row["time_ns"] // SECOND - START for row in found.rows] == [1, 5, 3, 9, 8, 10]
    (file,) = found.files
    assert not file["is_ascending"]
    assert (file["first_time_ns"], file["last_time_ns"]) == ((START + 1) * SECOND, (START + 10) * SECOND)
    for count in range(1, len(taken)):  # however an import was cut off
        committed = brought(taken[:count], "trades")
        plan = Plan("trades", block_bytes=30, begun=begun_by(committed))
        (again,) = brought(read(member_of(tmp_path / "some.zip"), plan), "trades").files
        assert {**again, "imported_at": None} == {**file, "imported_at": None}


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_keyed_as_a_load_keys_the_same_trades(tmp_path: Path, seed: int) -> None:
    trades = exported.of_tape(random_tape("IDS/USD", random.Random(seed), 150, 1.0, idless=True))
    trades.sort(key=lambda trade: trade.time_ns)
    trades = with_rising_ids(trades, random.Random(seed))
    text = exported.trades_with_ids_text(trades)
    found = read_text(tmp_path, text, Plan("trades_with_ids", block_bytes=300))
    assert not found.refused
    assert [(row["trade_id"], row["place"], row["after_trade_id"], row["idless_time_ns"]) for row in found.rows] == [
        (new.row.trade_id, new.place, new.after_trade_id, 0 if new.row.trade_id else new.row.time_ns)
        for new in loaded(trades)
    ]


def with_rising_ids(trades: list[Traded], chance: random.Random) -> list[Traded]:
    return [one._replace(trade_id=number if chance.random() < 0.7 else 0) for number, one in enumerate(trades, 1)]


def loaded(trades: list[Traded]) -> list[Any]:
    """Return what the loader's own rule makes of them as one page."""
    rows = [
        TradeRow(
            price=one.price, volume=one.volume, time_ns=one.time_ns, side="buy", order_type="limit", misc="",
            trade_id=one.trade_id,
        )
        for one in trades
    ]  # fmt: skip
    page = TradePage(rows=TradeRows.of(rows), last=None, exchange_ns=trades[-1].time_ns + 10**12)
    return list(take(start_at(trades[0].time_ns), page, 1000, None, 0).trades)


def test_the_recorded_files_lose_no_trade(recorded_folder: Path) -> None:
    found = []
    for member in find_members([recorded_folder / "bcheur"], ImportSettings()):
        assert isinstance(member, Member)
        assert member.altname == "BCHEUR"
        assert look(member) == ("trades", None)
        found.append(brought(read(member, Plan("trades", block_bytes=999)), "trades"))
    assert [len(one.rows) for one in found] == [148, 486]
    assert not any(one.refused for one in found)
    assert round(total(row["volume"] for one in found for row in one.rows), 2) == Decimal("1461.89")
