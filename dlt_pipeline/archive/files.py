"""A file of Kraken's downloads: where it lies, what its name says, what makes it unreadable."""

import gzip
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, NamedTuple, Protocol, cast
from zipfile import ZipFile, ZipInfo

import pyarrow as pa

from dlt_pipeline.common.exceptions import DamagedFileError

# A RuntimeError is a wrong password, or (NotImplementedError) a feature of ZIP that is not known; a ValueError is a
# name or a place in the directory that cannot be one.
UNREADABLE: Final = (zlib.error, zipfile.BadZipFile, struct.error, EOFError, OSError, RuntimeError, ValueError)
# Kraken's altnames: XBTUSD, 1INCHEUR, ETH2.SEUR. A date is none.
_NAME: Final = r"[A-Z0-9.]*[A-Z][A-Z0-9.]*"
_ALTNAME: Final = re.compile(_NAME)
_CANDLES: Final = re.compile(rf"({_NAME})_([0-9]{{1,4}})")
_DATED: Final = re.compile(rf"({_NAME})[-_ ](?:[0-9]{{4}}|Q[1-4])(?![0-9]).*")
_DATE: Final = re.compile(r"[0-9Q][-_ .0-9Q]*")
# What browsers and systems put behind the name of a second copy.
_COPY: Final = re.compile(r"[-_ ]?\([0-9]{1,4}\)$")
_PACKED: Final = re.compile(r"\.(?:GZ|ZST)")
_SHORTEST: Final = 4
_LONGEST: Final = 30
# The lengths in minutes that OHLCVT files have, and our names for them.
TIMEFRAMES: Final = {1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 720: "12h", 1440: "1d"}
PACKED_CSV: Final = (".csv.gz", ".csv.zst")
PIECE: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


def told(error: BaseException) -> str:
    """Return what an error says, in a few words and without the path that the sentence around it has already."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__).rstrip(".")


def called(parts: Sequence[str]) -> tuple[str | None, int | None]:
    """Return the altname and the minutes of an OHLCVT file, each None where the path does not say it.

    `parts` are the folders and the name of the file: XBTUSD.csv, XBTUSD_60.csv.gz, XBTUSD-2024-01 (1).csv. A file that
    is called by a date alone is of the market that its folder names: BCHEUR/2023-01-01.csv.
    """
    name = PurePosixPath(parts[-1].upper())
    stem = PurePosixPath(name.stem).stem if _PACKED.fullmatch(name.suffix) else name.stem
    stem = _COPY.sub("", stem)
    candles = _CANDLES.fullmatch(stem)
    if candles and int(candles[2]) in TIMEFRAMES and _is_altname(candles[1]):
        return candles[1], int(candles[2])
    dated = _DATED.fullmatch(stem)
    folder = parts[-2].upper() if _DATE.fullmatch(stem) and len(parts) > 1 else ""
    for called_so in (stem, dated[1] if dated else "", folder):
        if _is_altname(called_so):
            return called_so, None
    return None, None


def _is_altname(name: str) -> bool:
    return (
        len(name) >= _SHORTEST
        and len(name) <= _LONGEST
        and not name.startswith(".")
        and _ALTNAME.fullmatch(name) is not None
    )


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
