"""The members of one ZIP, by its directory alone, and what may be wrong with them."""

import logging
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dlt_pipeline.archive.members import Limits, Member, Problem, is_of_a_system

_log = logging.getLogger("dlt_pipeline.archive")
_READABLE: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED: Final = 0x1
_AES: Final = 99
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_WAY_OUT: Final = "unpack it and import the folder"
# Below this much unpacked, no ratio does harm.
_HARMLESS_BYTES: Final = 10_000_000


def zip_members(path: Path, settings: Limits, password: str | None) -> Iterator[Member | Problem]:
    """Yield the CSV files of a ZIP in its order, and a Problem for each that is not to be read."""
    try:
        opened = zipfile.ZipFile(path)  # stays open: its members read from it as long as they live
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        yield Problem(path, "", _unreadable(path, error))
        return
    if password:
        opened.setpassword(password.encode())
    entries = [info for info in opened.infolist() if not info.is_dir() and not is_of_a_system(info.orig_filename)]
    packed, unpacked = path.stat().st_size, sum(info.file_size for info in entries)
    if unpacked > max(_HARMLESS_BYTES, packed * settings.most_ratio):
        yield Problem(
            path,
            "",
            f"{path.name} holds {packed:,} bytes that unpack to {unpacked:,}, more than {settings.most_ratio} times as "
            f"many, as a ZIP bomb does; nothing of it was read. If it is sound, raise sources.archive.most_ratio.",
        )
        return
    seen: set[str] = set()
    for info in entries:
        reason = _wrong(opened, info, path, settings, password) or (
            f"{path.name} has {info.orig_filename} twice; only the first was read." if info.filename in seen else None
        )
        seen.add(info.filename)
        if reason:
            yield Problem(path, info.orig_filename, reason)
        elif info.filename.lower().endswith(".csv"):
            yield Member(path, info.filename, info.file_size, info, opened)
        else:
            _log.info("%s: %s is no CSV file; left out.", path.name, info.filename)


def _unreadable(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        begins_well = file.read(2) == b"PK"
    if begins_well:
        return (
            f"{path} is truncated or damaged: its directory, which stands at its end, cannot be read ({error}). "
            "Download it again; nothing of it was read."
        )
    return f"{path} is no ZIP file ({error})."


def _wrong(
    opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, settings: Limits, password: str | None
) -> str | None:
    """Return why a member is not to be read, None where nothing is wrong."""
    name, where = info.orig_filename, f"{path.name}: {info.orig_filename}"
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or "" in parts or "\\" in name or _DRIVE.match(name) or "\0" in name:
        return f"{where} has a name that leads out of the archive; it was left out."
    if stat.S_ISLNK(info.external_attr >> 16):
        return f"{where} is a link to another file; it was left out."
    if name.lower().endswith(".zip"):
        return f"{where} is a ZIP within a ZIP; {_WAY_OUT}."
    if not name.lower().endswith(".csv"):
        return None
    if info.compress_type == _AES:
        return f"{where} is encrypted with AES, which cannot be read here; {_WAY_OUT}."
    if info.compress_type not in _READABLE:
        return f"{where} is packed by method {info.compress_type}, which cannot be read here; {_WAY_OUT}."
    if info.file_size > settings.most_unpacked_bytes:
        return (
            f"{where} unpacks to {info.file_size:,} bytes, more than the {settings.most_unpacked_bytes:,} that "
            "sources.archive.most_unpacked_bytes allows; it was left out."
        )
    if info.file_size > max(_HARMLESS_BYTES, info.compress_size * settings.most_ratio):
        return (
            f"{where} holds {info.compress_size:,} bytes that unpack to {info.file_size:,}, more than "
            f"{settings.most_ratio} times as many, as a ZIP bomb does; it was left out. If it is sound, raise "
            "sources.archive.most_ratio."
        )
    return _wrong_inside(opened, info, where, password)


def _wrong_inside(opened: zipfile.ZipFile, info: zipfile.ZipInfo, where: str, password: str | None) -> str | None:
    """Return what is wrong with the password; a look at the first bytes tells. Other damage is met when it is read."""
    if not info.flag_bits & _ENCRYPTED:
        return None
    if password is None:
        return f"{where} is encrypted; name its password with --password."
    try:
        with opened.open(info) as file:
            file.read(1)
    except RuntimeError:
        return f"{where} cannot be opened with this password; name the right one with --password."
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        # One wrong password in 256 passes the first look.
        return f"{where} cannot be opened with this password, or is damaged; name the right one or download it again."
    return None
