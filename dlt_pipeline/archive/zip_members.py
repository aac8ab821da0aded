"""The members of one ZIP, by its directory alone."""

import io
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dlt_pipeline.archive.damage import UNREADABLE, told
from dlt_pipeline.archive.member import Limits, Member, Problem
from dlt_pipeline.archive.zip_hazards import HARMLESS_BYTES, wrong_with

_log = logging.getLogger("dlt_pipeline.archive")
_HIDDEN: Final = "__MACOSX"
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_LONGEST_COMMENT: Final = (1 << 16) - 1
_PIECE: Final = 1 << 20


class _Before(io.BufferedReader):
    """A file without what stands behind its ZIP: zipfile looks for the directory in the last 64 kB alone."""

    def __init__(self, path: Path) -> None:
        """Open it; zeros behind it, as a download into a file of fixed size leaves them, do not count."""
        super().__init__(io.FileIO(path))
        self._end = _end_of_zip(self, path.stat().st_size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return super().seek(self._end + offset) if whence == io.SEEK_END else super().seek(offset, whence)

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._end - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        return zipfile.ZipFile(_Before(path))


def _end_of_zip(file: io.BufferedReader, size: int) -> int:
    """Return where a ZIP ends that zeros may follow; the size where it has no end that can be told."""
    end = size
    while end:
        begin = max(0, end - _PIECE)
        io.BufferedReader.seek(file, begin)
        kept = len(io.BufferedReader.read(file, end - begin).rstrip(b"\0"))
        end = begin + kept
        if kept:
            break
    begin = max(0, end - _END_BYTES - _LONGEST_COMMENT)
    io.BufferedReader.seek(file, begin)
    found = io.BufferedReader.read(file, end - begin + _END_BYTES)
    place = found.rfind(_END)
    if place < 0 or len(found) < place + _END_BYTES:
        return size
    comment = int.from_bytes(found[place + _END_BYTES - 2 : place + _END_BYTES], "little")
    return min(size, begin + place + _END_BYTES + comment)


def zip_members(path: Path, settings: Limits, password: str | None) -> Iterator[Member | Problem]:
    """Yield the CSV files of a ZIP in its order, and a Problem for each that is not to be read."""
    try:
        opened = _opened(path)  # stays open: its members read from it as long as they live
    except UNREADABLE as error:
        yield Problem(path, "", _unreadable(path, error))
        return
    if password:
        opened.setpassword(password.encode())
    found = list(_entries(path, opened, settings, password is not None))
    packed, unpacked = path.stat().st_size, sum(one.size_bytes for one in found if isinstance(one, Member))
    if unpacked > max(HARMLESS_BYTES, packed * settings.most_ratio):
        # Each alone is sound: they must share their bytes.
        yield Problem(
            path,
            "",
            f"{path.name} has {packed:,} bytes that unpack to {unpacked:,}, more than {settings.most_ratio} times as "
            f"many, as a ZIP bomb does; nothing of it was read. If it is sound, raise sources.archive.most_ratio.",
        )
        return
    yield from found


def _entries(path: Path, opened: zipfile.ZipFile, settings: Limits, has_password: bool) -> Iterator[Member | Problem]:
    seen: set[str] = set()
    for info in opened.infolist():
        name = info.orig_filename
        if name.endswith("/") or is_of_a_system(name):
            continue
        reason = wrong_with(opened, info, path.name, settings, has_password) or (
            f"{path.name} has {name} twice; only the first was read." if name in seen else None
        )
        seen.add(name)
        if reason:
            yield Problem(path, name, reason)
        elif name.lower().endswith(".csv"):
            yield Member(path, name, info.file_size, info, opened)
        else:
            _log.info("%s: %s is no CSV file; left out.", path.name, name)


def _unreadable(path: Path, error: BaseException) -> str:
    with path.open("rb") as file:
        begins_well = file.read(2) == b"PK"
    if begins_well:
        return (
            f"{path} is truncated or damaged: its directory, which stands at its end, cannot be read ({told(error)}). "
            "Download it again; nothing of it was read."
        )
    return f"{path} is no ZIP file ({told(error)})."


def is_of_a_system(name: str) -> bool:
    """Whether a file is one that systems put beside others: hidden, or a Mac's shadow of a file."""
    parts = name.replace("\\", "/").split("/")
    return any(part == _HIDDEN or (part.startswith(".") and part.strip(".")) for part in parts)
