"""Lists the CSV files of ZIPs, folders and single files; none is unpacked to disk, what cannot be read is named."""

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from dlt_pipeline.archive.damage import UNREADABLE, told
from dlt_pipeline.archive.member import PACKED_CSV, PIECE, Limits, Member, Problem, is_packed_alone, open_unpacked
from dlt_pipeline.archive.zip_hazards import wrong_size
from dlt_pipeline.archive.zip_members import is_of_a_system, zip_members

__all__ = ["Member", "Problem", "find_members"]

_log = logging.getLogger("dlt_pipeline.archive")
_PACKED_OTHERWISE: Final = (".csv.bz2", ".csv.xz", ".csv.lz4", ".csv.7z", ".csv.rar")
_ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


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
    with path.open("rb") as file:
        return file.read(4) in _ZIP_MAGIC or path.suffix.lower() == ".zip"
