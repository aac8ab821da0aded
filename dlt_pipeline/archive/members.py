"""Finds the files of Kraken's downloads in folders and ZIPs, ZIPs in ZIPs too, and opens them without unpacking."""

import io
import logging
import os
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from dlt_pipeline.archive.files import (
    PACKED_CSV,
    PIECE,
    UNREADABLE,
    Limits,
    Member,
    Problem,
    is_packed_alone,
    open_unpacked,
    told,
)
from dlt_pipeline.warehouse.database import head

__all__ = ["Member", "Problem", "find_members"]

# zipfile unpacks these two in bounded pieces; of bzip2 and LZMA it unpacks whatever a piece holds, at once.
_READABLE: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_AES: Final = 99
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_WAY_OUT: Final = "unpack it and import the folder"
# Below this much unpacked, no ratio does harm.
HARMLESS_BYTES: Final = 10_000_000
_log = logging.getLogger("dlt_pipeline.archive")
_HIDDEN: Final = "__MACOSX"
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_LONGEST_COMMENT: Final = (1 << 16) - 1
_PACKED_OTHERWISE: Final = (".csv.bz2", ".csv.xz", ".csv.lz4", ".csv.7z", ".csv.rar")
_ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def wrong_with(
    opened: zipfile.ZipFile, info: zipfile.ZipInfo, archive: str, settings: Limits, has_password: bool
) -> str | None:
    """Return why a member is not to be read, in a sentence; None where nothing is wrong."""
    name = info.orig_filename
    where = f"{archive}: {name}"
    return (
        _wrong_name(name, where)
        or (f"{where} is a link to another file; it was left out." if stat.S_ISLNK(info.external_attr >> 16) else None)
        or (f"{where} is a ZIP within a ZIP; {_WAY_OUT}." if name.lower().endswith(".zip") else None)
        or (f"{where} is packed within a ZIP; {_WAY_OUT}." if name.lower().endswith(PACKED_CSV) else None)
        or (_wrong_csv(opened, info, where, settings, has_password) if name.lower().endswith(".csv") else None)
    )


def _wrong_name(name: str, where: str) -> str | None:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or not parts[0] or _DRIVE.match(name):
        return f"{where} has a name that leads out of the archive; it was left out."
    if "\\" in name or "\0" in name:
        return f"{where!r} has a name that no file may have in a ZIP; {_WAY_OUT}."
    return None


def _wrong_csv(
    opened: zipfile.ZipFile, info: zipfile.ZipInfo, where: str, settings: Limits, has_password: bool
) -> str | None:
    if info.compress_type == _AES:
        return f"{where} is encrypted with AES, which cannot be read here; {_WAY_OUT}."
    if info.compress_type not in _READABLE:
        return f"{where} is packed by method {info.compress_type}, which cannot be read here; {_WAY_OUT}."
    if too_large := wrong_size(where, info.compress_size, info.file_size, settings):
        return too_large
    return _wrong_password(opened, info, where, has_password) if info.flag_bits & _ENCRYPTED else None


def wrong_size(where: str, packed: int, unpacked: int, settings: Limits) -> str | None:
    """Return why a file of so many bytes, packed and unpacked, is not to be read; None where nothing is wrong."""
    if unpacked > settings.most_unpacked_bytes:
        return (
            f"{where} unpacks to {unpacked:,} bytes, more than the {settings.most_unpacked_bytes:,} that "
            "sources.archive.most_unpacked_bytes allows; it was left out."
        )
    if unpacked > max(HARMLESS_BYTES, packed * settings.most_ratio):
        return (
            f"{where} has {packed:,} bytes that unpack to {unpacked:,}, more than {settings.most_ratio} times as many, "
            "as a ZIP bomb does; it was left out. If it is sound, raise sources.archive.most_ratio."
        )
    return None


def _wrong_password(opened: zipfile.ZipFile, info: zipfile.ZipInfo, where: str, has_password: bool) -> str | None:
    """Return what is wrong with the password; a look at the first bytes tells. Other damage is met when it is read."""
    if not has_password:
        return f"{where} is encrypted; name its password with --password."
    try:
        with opened.open(info) as file:
            file.read(1)
    except UNREADABLE:  # one wrong password in 256 passes zipfile's own look, and what it unpacks makes no sense
        return f"{where} cannot be opened with this password, or is damaged; name the right one or download it again."
    return None


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
        begin = max(0, end - PIECE)
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


def find_members(paths: Iterable[Path], settings: Limits, password: str | None = None) -> list[Member | Problem]:
    """List the CSV files of ZIPs, of folders (to the bottom, ZIPs in them too) and of single files, in order.

    What cannot or must not be read is a Problem, and the rest goes on. Names in a ZIP must not lead out of it, and no
    member may be larger, or packed smaller, than `settings` allow.
    """
    found: list[Member | Problem] = []
    for path in paths:
        if path.is_dir():
            found.extend(_in_folder(path, settings, password))
        elif not os.path.lexists(path):
            found.append(Problem(path, "", f"There is no {path}."))
        elif not path.is_file():
            found.append(Problem(path, "", f"{path} is neither a file nor a folder."))
        else:
            found.extend(_in_file(path, path, settings, password))
    return found


def _in_folder(folder: Path, settings: Limits, password: str | None) -> Iterator[Member | Problem]:
    errors: list[OSError] = []
    for path in sorted(_files_below(folder, errors)):
        yield from _in_file(path, folder, settings, password)
    for error in errors:
        yield Problem(folder, "", f"{error.filename or folder} cannot be read ({told(error)}).")


def _files_below(folder: Path, errors: list[OSError]) -> Iterator[Path]:
    """Yield all files but those of the system; links to folders are followed, each folder once."""
    seen = {folder.resolve()}
    for name, below, files in os.walk(folder, onerror=errors.append, followlinks=True):
        here = Path(name)
        kept = []
        for one in below:
            real = (here / one).resolve()
            if not is_of_a_system(one) and real not in seen:
                seen.add(real)
                kept.append(one)
        below[:] = kept
        yield from (here / one for one in files if not is_of_a_system(one))


def _in_file(path: Path, archive: Path, settings: Limits, password: str | None) -> Iterator[Member | Problem]:
    """Yield the file, or what is in it; `archive` is what the user named: the file itself, or a folder above it."""
    is_named = path == archive
    try:
        if not path.is_file():
            yield Problem(path, "", f"{path} is a link that leads nowhere, or no file.")
        elif _is_zip(path):
            yield from zip_members(path, settings, password)
        elif path.name.lower().endswith(_PACKED_OTHERWISE):
            yield Problem(path, "", f"{path} is packed in a way that is not read here; unpack it first.")
        elif is_named or path.name.lower().endswith((".csv", *PACKED_CSV)):
            size = path.stat().st_size
            if is_packed_alone(path):
                packed, size = size, _unpacked_bytes(path, settings)
                if reason := wrong_size(str(path), packed, size, settings):
                    yield Problem(path, "", reason)
                    return
            name = path.name if is_named else path.relative_to(archive).as_posix()
            above = (path.absolute().parent if is_named else archive.absolute()).name
            yield Member(archive, name, size, folders=(above,))
        else:
            _log.info("%s is no CSV file; left out.", path)
    except UNREADABLE as error:
        again = " Download it again." if path.name.lower().endswith(PACKED_CSV) else ""
        yield Problem(path, "", f"{path} cannot be read ({told(error)}).{again}")


def _unpacked_bytes(path: Path, settings: Limits) -> int:
    """Read a packed file for the size of its content, which no directory says; no further than the limits go."""
    size = 0
    with open_unpacked(path) as file:
        while piece := file.read(PIECE):
            size += len(piece)
            if wrong_size(str(path), path.stat().st_size, size, settings):
                break
    return size


def _is_zip(path: Path) -> bool:
    return head(path, 4) in _ZIP_MAGIC or path.suffix.lower() == ".zip"  # a warehouse may lie in the folder, too
