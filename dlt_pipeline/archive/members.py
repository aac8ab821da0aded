"""The files of what a user names: a ZIP's members, a folder's files, a single CSV; nothing is unpacked."""

import logging
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol
from zipfile import ZipFile, ZipInfo

from dlt_pipeline.archive.file_names import called

_log = logging.getLogger("dlt_pipeline.archive")
_ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_PIECE: Final = 1 << 20


class Limits(Protocol):
    """What a ZIP may be at the most; see ImportSettings."""

    most_unpacked_bytes: int
    most_ratio: int


class Problem(NamedTuple):
    """A file, or a whole archive (`name` is empty), that cannot be read; `reason` is a sentence with the way out."""

    archive: Path
    name: str
    reason: str


class Member:
    """A CSV file: `name` is its path within `archive`, `altname` and `minutes` what its path says, or None."""

    def __init__(
        self,
        archive: Path,
        name: str,
        size_bytes: int,
        info: ZipInfo | None = None,
        opened: ZipFile | None = None,
        folders: Iterable[str] = (),
    ) -> None:
        """`opened` is the ZIP that `info` is of, shared by all its members; `folders` lie above a file without ZIP."""
        self.archive, self.name, self.size_bytes = archive, name, size_bytes
        self._info, self._opened = info, opened
        self.altname, self.minutes = called([*folders, *name.split("/")])

    @property
    def where(self) -> str:
        """How an error calls the file."""
        return f"{self.archive.name}: {self.name}" if self._info or self.archive.is_dir() else str(self.archive)

    @cached_property
    def crc32(self) -> int:
        """The CRC-32 of its content: a ZIP's directory says it, another file is read for it."""
        if self._info is not None:
            return self._info.CRC
        found = 0
        with self.open() as file:
            while piece := file.read(_PIECE):
                found = zlib.crc32(piece, found)
        return found

    def open(self) -> BinaryIO:
        """Open the content for reading from its beginning; several members of a ZIP may be open at once."""
        if self._info is not None and self._opened is not None:
            return self._opened.open(self._info)  # type: ignore[return-value]
        return self._path.open("rb")

    @property
    def _path(self) -> Path:
        return self.archive / self.name if self.archive.is_dir() else self.archive


def find_members(paths: Iterable[Path], settings: Limits, password: str | None = None) -> list[Member | Problem]:
    """List the CSV files of ZIPs, of folders (to the bottom, ZIPs in them too) and of single files, in order.

    What cannot or must not be read is a Problem, and the rest goes on. Names in a ZIP must not lead out of it, and no
    member may be larger, or packed smaller, than `settings` allow.
    """
    found: list[Member | Problem] = []
    for path in paths:
        try:
            found.extend(_found_in(path, settings, password))
        except OSError as error:
            found.append(Problem(path, "", f"{path} cannot be read: {error.strerror or error}."))
    return found


def _found_in(path: Path, settings: Limits, password: str | None) -> Iterator[Member | Problem]:
    from dlt_pipeline.archive.zip_members import zip_members

    if path.is_dir():
        for below in sorted(path.rglob("*")):
            name = below.relative_to(path).as_posix()
            if not below.is_file() or is_of_a_system(name):
                continue
            if _is_zip(below):
                yield from zip_members(below, settings, password)
            elif below.suffix.lower() == ".csv":
                yield Member(path, name, below.stat().st_size, folders=(path.absolute().name,))
            else:
                _log.info("%s is no CSV file; left out.", below)
    elif not path.exists():
        yield Problem(path, "", f"There is no {path}.")
    elif _is_zip(path):
        yield from zip_members(path, settings, password)
    else:
        yield Member(path, path.name, path.stat().st_size, folders=(path.absolute().parent.name,))


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _ZIP_MAGIC or path.suffix.lower() == ".zip"


def is_of_a_system(name: str) -> bool:
    """Whether a file is one that systems put beside others: hidden, or a Mac's shadow of a file."""
    return any((part.startswith(".") and part.strip(".")) or part == "__MACOSX" for part in name.split("/"))
