"""The CSV files of what a user names: each knows where it is, what it is called, and how to open it."""

import gzip
import zlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol, cast
from zipfile import ZipFile, ZipInfo

import pyarrow as pa

from dlt_pipeline.archive.damage import UNREADABLE, told
from dlt_pipeline.archive.file_names import called
from dlt_pipeline.common.exceptions import DamagedFileError

PACKED_CSV: Final = (".csv.gz", ".csv.zst")
PIECE: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


class Limits(Protocol):
    """What a ZIP may be at the most; see ImportSettings."""

    most_unpacked_bytes: int
    most_ratio: int


class Problem(NamedTuple):
    """A file, or a whole archive (`name` is empty), that cannot be read; `reason` is a sentence with the way out."""

    archive: Path
    name: str
    reason: str


def is_packed_alone(path: Path) -> bool:
    """Whether a file begins as gzip or Zstandard does."""
    with path.open("rb") as file:
        return file.read(4).startswith((_GZIP, _ZSTD))


def open_unpacked(path: Path) -> BinaryIO:
    """Open a file for reading, also one that gzip or Zstandard has packed."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(_GZIP):
        return cast(BinaryIO, gzip.open(path))
    return cast(BinaryIO, pa.input_stream(path, compression="zstd")) if magic == _ZSTD else path.open("rb")


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
        """`size_bytes` is its content's; `opened` is the ZIP that `info` is of, shared by all its members; `folders`
        lie above a file without ZIP."""
        self.archive, self.name, self.size_bytes = archive, name, size_bytes
        self._info, self._opened = info, opened
        self._path = archive / name if archive.is_dir() else archive
        self._is_alone = self._path == archive and info is None
        self.altname, self.minutes = called([*folders, *name.split("/")])

    @property
    def where(self) -> str:
        """How an error calls the file."""
        return str(self.archive) if self._is_alone else f"{self.archive.name}: {self.name}"

    @property
    def is_packed(self) -> bool:
        """Whether it lies in a ZIP, which checks the CRC-32 where it ends."""
        return self._info is not None

    @cached_property
    def crc32(self) -> int:
        """The CRC-32 of its content: a ZIP's directory says it, another file is read for it (or DamagedFileError)."""
        if self._info is not None:
            return self._info.CRC
        found = 0
        try:
            with self.open() as file:
                while piece := file.read(PIECE):
                    found = zlib.crc32(piece, found)
        except UNREADABLE as error:
            raise DamagedFileError(f"{self.where} cannot be read ({told(error)}).") from error
        return found

    def open(self) -> BinaryIO:
        """Open the content for reading from its beginning; several members of a ZIP may be open at once."""
        if self._info is not None and self._opened is not None:
            return cast(BinaryIO, self._opened.open(self._info))
        return open_unpacked(self._path)
