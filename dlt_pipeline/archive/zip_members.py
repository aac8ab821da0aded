"""The members of one ZIP, by its directory alone."""

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


def zip_members(path: Path, settings: Limits, password: str | None) -> Iterator[Member | Problem]:
    """Yield the CSV files of a ZIP in its order, and a Problem for each that is not to be read."""
    try:
        opened = zipfile.ZipFile(path)  # stays open: its members read from it as long as they live
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
