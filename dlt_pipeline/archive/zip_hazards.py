"""Why a member of a ZIP is not to be read: where its name leads, how it is packed, how large it would become."""

import re
import stat
import zipfile
from typing import Final

from dlt_pipeline.archive.damage import UNREADABLE
from dlt_pipeline.archive.member import PACKED_CSV, Limits

# zipfile unpacks these two in bounded pieces; of bzip2 and LZMA it unpacks whatever a piece holds, at once.
_READABLE: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_AES: Final = 99
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_WAY_OUT: Final = "unpack it and import the folder"
# Below this much unpacked, no ratio does harm.
HARMLESS_BYTES: Final = 10_000_000


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
