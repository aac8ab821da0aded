"""What a ZIP, a folder or a file holds, and every way in which a ZIP can mean harm; real ZIPs throughout."""

import gzip
import os
import random
import stat
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from dlt_pipeline.archive.formats import look
from dlt_pipeline.archive.members import Member, Problem, find_members
from dlt_pipeline.archive.work import ImportSettings
from dlt_pipeline.common.exceptions import DamagedFileError, KrakenCandlesError, WrongFormatError
from tests.archive.exported import write_folder, write_zip
from tests.archive.reader import Plan, read
from tests.archive.zips import CSV, raw_deflate, write_encrypted, write_raw

# More than the first bytes that zipfile reads, and checks, at once.
LONG = b"".join(b"%d,%d,%d\n" % (1_704_067_200 + n, 1 + n * 7919 % 10007, 1 + n * 104729 % 99991) for n in range(5_000))


def found_in(path: Path, password: str | None = None, **limits: int) -> list[Member | Problem]:
    settings = ImportSettings()
    for name, value in limits.items():
        setattr(settings, name, value)
    return find_members([path], settings, password)


def names(found: list[Member | Problem]) -> list[str]:
    return [one.name for one in found if isinstance(one, Member)]


def reasons(found: list[Member | Problem]) -> list[str]:
    return [one.reason for one in found if isinstance(one, Problem)]


def content_of(member: Member) -> bytes:
    with member.open() as file:
        return file.read()


def test_a_zip_s_files_come_in_its_order_and_know_their_names(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", {"b/XBTUSD_60.csv": CSV, "./a/XDGUSD.csv": CSV + CSV, "readme.txt": "x"})
    found = found_in(path)
    assert [(one.name, one.altname, one.minutes, one.size_bytes) for one in found if isinstance(one, Member)] == [
        ("b/XBTUSD_60.csv", "XBTUSD", 60, len(CSV)),
        ("./a/XDGUSD.csv", "XDGUSD", None, 2 * len(CSV)),
    ]
    assert not reasons(found)
    first, second = found
    assert isinstance(first, Member)
    assert isinstance(second, Member)
    assert first.crc32 == zlib.crc32(CSV)
    assert first.where == "all.zip: b/XBTUSD_60.csv"
    with first.open() as one, second.open() as other:  # side by side
        assert one.read(5) == other.read(5) == CSV[:5]
        assert one.read() + other.read() == CSV[5:] + CSV[5:] + CSV


def test_a_folder_is_searched_to_the_bottom(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path / "bcheur",
        {"deep/er/XBTUSD.csv": CSV, "2023-01-01.csv": CSV, ".hidden.csv": CSV, "__MACOSX/X.csv": CSV, "note.md": "x"},
    )
    write_zip(folder / "in.zip", {"ETHUSD.csv": CSV})
    (folder / "lost.csv").symlink_to(folder / "nowhere")
    (folder / "deep" / "again").symlink_to(folder)  # a circle
    found = found_in(folder)
    assert names(found) == ["2023-01-01.csv", "deep/er/XBTUSD.csv", "ETHUSD.csv"]
    assert reasons(found) == [f"{folder}/lost.csv is a link that leads nowhere, or no file."]
    first = found[0]
    assert isinstance(first, Member)
    assert (first.archive, first.altname, first.crc32) == (folder, "BCHEUR", zlib.crc32(CSV))
    assert content_of(first) == CSV


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere", {"XBTUSD.csv": CSV})
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere")
    assert names(found_in(tmp_path / "here")) == ["link/XBTUSD.csv"]


def test_a_single_file_is_its_own_archive(tmp_path: Path) -> None:
    path = write_folder(tmp_path, {"XBTUSD.txt": CSV}) / "XBTUSD.txt"
    (member,) = found_in(path)
    assert isinstance(member, Member)
    assert (member.archive, member.name, member.altname, member.where) == (path, "XBTUSD.txt", "XBTUSD", str(path))


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    assert reasons(found_in(tmp_path / "none")) == [f"There is no {tmp_path}/none."]
    os.mkfifo(tmp_path / "pipe")
    assert reasons(found_in(tmp_path / "pipe")) == [f"{tmp_path}/pipe is neither a file nor a folder."]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../XBTUSD.csv", "leads out"),
        ("a/../../XBTUSD.csv", "leads out"),
        ("/etc/XBTUSD.csv", "leads out"),
        ("..\\XBTUSD.csv", "leads out"),
        ("C:\\XBTUSD.csv", "leads out"),
        ("c:XBTUSD.csv", "leads out"),
        ("a\\XBTUSD.csv", "no file may have"),
        ("a/inner.zip", "ZIP within a ZIP"),
    ],
)
def test_a_name_that_leads_out_is_left_out_and_the_rest_is_there(tmp_path: Path, name: str, words: str) -> None:
    path = write_zip(tmp_path / "bad.zip", {name: CSV, "ETHUSD.csv": CSV})
    found = found_in(path)
    assert names(found) == ["ETHUSD.csv"]
    (reason,) = reasons(found)
    assert words in reason
    assert "bad.zip" in reason


def test_a_link_in_a_zip_is_left_out(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.zip", "X.csv", b"/etc/passwd", 0, 11, 0, attributes=(stat.S_IFLNK | 0o777) << 16)
    assert "is a link to another file" in reasons(found_in(path))[0]


def test_files_of_a_system_are_passed_over(tmp_path: Path) -> None:
    files = {"__MACOSX/._XBTUSD.csv": CSV, ".DS_Store": "x", "a/.XBTUSD.csv": CSV, "a/XBTUSD.csv": CSV}
    found = found_in(write_zip(tmp_path / "mac.zip", files))
    assert (names(found), reasons(found)) == (["a/XBTUSD.csv"], [])


def test_of_a_name_that_stands_twice_the_first_is_read(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("XBTUSD.csv", CSV)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("XBTUSD.csv", CSV * 2)
    found = found_in(path)
    assert [content_of(one) for one in found if isinstance(one, Member)] == [CSV]
    assert reasons(found) == ["twice.zip has XBTUSD.csv twice; only the first was read."]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_encrypted_member_needs_its_password(tmp_path: Path, method: int) -> None:
    path = write_encrypted(tmp_path / "secret.zip", "XBTUSD.csv", CSV * 100, "right", method)
    assert reasons(found_in(path)) == ["secret.zip: XBTUSD.csv is encrypted; name its password with --password."]
    (member,) = found_in(path, "right")
    assert isinstance(member, Member)
    assert content_of(member) == CSV * 100


def test_no_wrong_password_of_hundreds_brings_a_row(tmp_path: Path) -> None:
    """One in 256 passes the first look of zipfile."""
    path = write_encrypted(tmp_path / "secret.zip", "XBTUSD.csv", LONG, "right")
    is_passed = 0
    for number in range(600):
        (found,) = found_in(path, f"{random.Random(number).getrandbits(64):x}")
        if isinstance(found, Problem):
            assert "cannot be opened with this password" in found.reason
            continue
        is_passed += 1
        with pytest.raises((DamagedFileError, WrongFormatError)):
            read(found, Plan(*look(found)))
    path = write_encrypted(tmp_path / "stored.zip", "XBTUSD.csv", LONG, "right", zipfile.ZIP_STORED)
    for number in range(600):
        (found,) = found_in(path, f"{random.Random(number).getrandbits(64):x}")
        if isinstance(found, Member):
            is_passed += 1
            with pytest.raises(DamagedFileError):
                read(found, Plan("trades"))
    assert is_passed


@pytest.mark.parametrize(
    ("method", "words"), [(99, "encrypted with AES"), (9, "by method 9"), (12, "by method 12"), (14, "by method 14")]
)
def test_a_method_that_is_not_read_is_named(tmp_path: Path, method: int, words: str) -> None:
    path = write_raw(tmp_path / "odd.zip", "XBTUSD.csv", b"abc", 0, 3, method)
    (reason,) = reasons(found_in(path, "password"))
    assert words in reason
    assert "unpack it and import the folder" in reason


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bomb.zip", {"XBTUSD.csv": b"0" * 20_000_000, "ETHUSD.csv": CSV})
    found = found_in(path)
    assert names(found) == ["ETHUSD.csv"]
    assert "more than 200 times as many, as a ZIP bomb does" in reasons(found)[0]
    assert names(found_in(path, most_ratio=2_000)) == ["XBTUSD.csv", "ETHUSD.csv"]
    assert (
        "more than the 1,000,000 that sources.archive.most_unpacked_bytes"
        in reasons(found_in(path, most_ratio=2_000, most_unpacked_bytes=1_000_000))[0]
    )


def test_members_that_share_their_bytes_are_a_bomb(tmp_path: Path) -> None:
    single = write_zip(tmp_path / "one.zip", {"A0000.csv": b"0" * 8_000_000})  # alone it does no harm
    assert names(found_in(single)) == ["A0000.csv"]
    with zipfile.ZipFile(single, "a") as archive:
        (info,) = archive.infolist()
        for number in range(1, 200):
            other = zipfile.ZipInfo(f"A{number:04}.csv")
            other.compress_type, other.CRC = info.compress_type, info.CRC
            other.compress_size, other.file_size, other.header_offset = info.compress_size, info.file_size, 0
            archive.filelist.append(other)
        archive._didModify = True
    found = found_in(single)
    assert names(found) == []
    assert "nothing of it was read" in reasons(found)[0]


def test_a_member_that_unpacks_to_more_than_it_says_is_damaged(tmp_path: Path) -> None:
    packed = raw_deflate(CSV * 1000)
    for size in (len(CSV), len(CSV) * 2000):
        path = write_raw(tmp_path / f"{size}.zip", "XBTUSD.csv", packed, zlib.crc32(CSV * 1000), size)
        (member,) = found_in(path)
        assert isinstance(member, Member)
        with pytest.raises(DamagedFileError):
            read(member, Plan("trades"))


def test_a_truncated_zip_and_one_that_is_none(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "whole.zip", {"XBTUSD.csv": CSV * 1000}).read_bytes()
    for size in (4, len(whole) // 2, len(whole) - 1):
        path = tmp_path / "cut.zip"
        path.write_bytes(whole[:size])
        (reason,) = reasons(found_in(path))
        assert "is truncated or damaged" in reason
        assert "Download it again" in reason
    (tmp_path / "none.zip").write_bytes(b"<html>not found</html>")
    assert "none.zip is no ZIP file" in reasons(found_in(tmp_path / "none.zip"))[0]
    (tmp_path / "empty.zip").write_bytes(b"")
    assert "empty.zip is no ZIP file" in reasons(found_in(tmp_path / "empty.zip"))[0]


@pytest.mark.parametrize("count", [1, 70_000, 3_000_000])
def test_zeros_behind_a_zip_are_no_truncation(tmp_path: Path, count: int) -> None:
    path = write_zip(tmp_path / "all.zip", {"XBTUSD.csv": CSV * 1000, "ETHUSD.csv": CSV})
    path.write_bytes(path.read_bytes() + bytes(count))
    found = found_in(path)
    assert (names(found), reasons(found)) == (["XBTUSD.csv", "ETHUSD.csv"], [])
    assert [content_of(one) for one in found if isinstance(one, Member)] == [CSV * 1000, CSV]
    path.write_bytes(path.read_bytes()[:200] + bytes(count))
    assert "is truncated or damaged" in reasons(found_in(path))[0]


def test_gzip_and_zstandard_are_read_as_what_they_hold(tmp_path: Path) -> None:
    packed = {"XBTUSD.csv.gz": gzip.compress(LONG), "ETHUSD_60.csv.zst": pa.compress(LONG, "zstd", asbytes=True)}
    found = found_in(
        write_folder(tmp_path / "all", packed | {"a.csv.bz2": b"BZh9", "notes.gz": packed["XBTUSD.csv.gz"]})
    )
    assert [(one.altname, one.minutes, one.size_bytes, one.crc32) for one in found if isinstance(one, Member)] == [
        ("ETHUSD", 60, len(LONG), zlib.crc32(LONG)),
        ("XBTUSD", None, len(LONG), zlib.crc32(LONG)),
    ]
    assert [content_of(one) for one in found if isinstance(one, Member)] == [LONG, LONG]
    assert reasons(found) == [f"{tmp_path}/all/a.csv.bz2 is packed in a way that is not read here; unpack it first."]
    (alone,) = found_in(tmp_path / "all" / "notes.gz")  # named by the user
    assert isinstance(alone, Member)
    assert sum(one.tables["archive_trades"].num_rows for one in read(alone, Plan("trades"))) == 5_000


def test_a_damaged_gzip_a_bomb_and_one_in_a_zip_are_named(tmp_path: Path) -> None:
    good, bomb = gzip.compress(LONG), gzip.compress(b"0" * 20_000_000)
    files = {"A0000.csv.gz": good[:-9], "B0000.csv.gz": good[:900] + b"x" + good[901:], "C0000.csv.gz": bomb}
    found = found_in(
        write_folder(tmp_path / "all", {**files, "D0000.csv.zst": pa.compress(LONG, "zstd", asbytes=True)[:99]})
    )
    assert names(found) == []
    told = reasons(found)
    assert [str(tmp_path / "all") in one for one in told] == [True] * 4
    assert ["Download it again" in one for one in told] == [True, True, False, True]
    assert "more than 200 times as many, as a ZIP bomb does" in told[2]
    assert names(found_in(tmp_path / "all", most_ratio=2_000)) == ["C0000.csv.gz"]
    (reason,) = reasons(found_in(write_zip(tmp_path / "a.zip", {"XBTUSD.csv.gz": good})))
    assert "a.zip: XBTUSD.csv.gz is packed within a ZIP; unpack it and import the folder" in reason


def test_one_bad_zip_in_a_folder_leaves_the_rest(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.zip": b"PK\x03\x04", "b.csv": CSV})
    write_zip(tmp_path / "c.zip", {"XBTUSD.csv": CSV})
    found = found_in(tmp_path)
    assert names(found) == ["b.csv", "XBTUSD.csv"]
    assert len(reasons(found)) == 1


def test_eleven_hundred_members_are_listed_unread(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path / "many.zip", {f"TimeAndSales_Combined/A{number:04}USD.csv": CSV for number in range(1_100)}
    )
    found = found_in(path)
    assert len(names(found)) == 1_100
    assert {one.crc32 for one in found if isinstance(one, Member)} == {zlib.crc32(CSV)}


def test_no_flipped_byte_is_a_traceback_or_a_wrong_row(tmp_path: Path) -> None:
    """Any byte of a ZIP may be another one: then what is read is what was packed, or a sentence is said."""
    content = b"".join(b"%d,%d.5,0.%d\n" % (1_704_067_200 + n, n + 1, n + 1) for n in range(40))
    whole = write_zip(tmp_path / "whole.zip", {"XBTUSD.csv": content, "é.csv": content}).read_bytes()
    chance = random.Random(3)
    path = tmp_path / "flipped.zip"
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        for one in found_in(path, "password"):
            if isinstance(one, Problem):
                assert one.reason
                continue
            try:
                taken = read(one, Plan(*look(one)))
            except KrakenCandlesError:
                pass
            else:
                assert sum(each.tables["archive_trades"].num_rows for each in taken) == 40
