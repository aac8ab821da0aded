"""A file's bytes as blocks of whole lines, with where each begins; hashed and checked on the way."""

import hashlib
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from dlt_pipeline.archive.formats import BOM
from dlt_pipeline.archive.members import Member
from dlt_pipeline.exceptions import DamagedFileError, WrongFormatError

# So many bytes are parsed at once: some 150,000 rows, large enough for Arrow, small beside the memory of a load.
BLOCK_BYTES: Final = 4 << 20
# No row of Kraken's has more than 200 bytes; a file without line ends must not fill the memory.
LONGEST_LINE_BYTES: Final = 1 << 20
# What is kept of the rows before, to learn the last id and equal moments from.
_TAIL_BYTES: Final = 1 << 16


class Block(NamedTuple):
    """Whole lines: where they begin in the file (byte, line from 1), and whether none comes behind them."""

    data: bytes
    first_byte: int
    first_line: int
    is_last: bool

    @property
    def end_byte(self) -> int:
        """Where the next block begins."""
        return self.first_byte + len(self.data)


class Blocks:
    """Reads one member once; `content_hash` is complete when the last block was given out."""

    def __init__(self, member: Member, start_byte: int, block_bytes: int = BLOCK_BYTES) -> None:
        """Begin at `start_byte`, where a line begins; what lies before is read too, for the hash, but not given out."""
        self._member, self._start, self._block_bytes = member, start_byte, block_bytes
        self._hash = hashlib.sha256()
        self._crc = 0
        self._size = 0
        self.skipped_lines = 0
        self.skipped_tail = b""

    @property
    def content_hash(self) -> str:
        """The SHA-256 of what was read, in hex."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks; DamagedFileError where the file cannot be read as it was packed."""
        waiting: deque[tuple[bytes, int, int]] = deque()
        try:
            with self._member.open() as file:
                for data, at, line in self._lines(file):
                    if waiting and data.strip():
                        yield Block(*waiting.popleft(), False)
                    if data.strip() or not waiting:  # blank lines at the end are none
                        waiting.append((data, at, line))
        except (zlib.error, zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
            raise DamagedFileError(
                f"{self._member.where} is damaged: after {self._size:,} of {self._member.size_bytes:,} bytes it cannot "
                f"be read ({error}). None of its rows count; download it again."
            ) from error
        if self._size != self._member.size_bytes or self._crc != self._member.crc32:
            raise DamagedFileError(
                f"{self._member.where} changed while it was read, or is damaged; none of its rows count. Import it again."
            )
        if waiting:
            yield Block(*waiting.popleft(), True)

    def _lines(self, file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
        """Yield whole lines with their byte and line, from the start asked for."""
        rest, at, line = self._skip(file)
        while piece := self._read(file, self._block_bytes):
            data = rest + piece
            cut = data.rfind(b"\n") + 1
            if not cut:
                if len(data) > LONGEST_LINE_BYTES:
                    raise WrongFormatError(f"{self._member.where}, line {line}: it has no end; this is no CSV file.")
                rest = data
                continue
            yield data[:cut], at, line
            at, line, rest = at + cut, line + data.count(b"\n", 0, cut), data[cut:]
        if rest:
            yield rest, at, line

    def _skip(self, file: BinaryIO) -> tuple[bytes, int, int]:
        left = self._start
        while left and (piece := self._read(file, min(left, self._block_bytes))):
            left -= len(piece)
            self.skipped_lines += piece.count(b"\n")
            self.skipped_tail = (self.skipped_tail + piece)[-_TAIL_BYTES:]
        if self._start:
            return b"", self._start, self.skipped_lines + 1
        first = self._read(file, len(BOM))
        return (b"", len(BOM), 1) if first == BOM else (first, 0, 1)

    def _read(self, file: BinaryIO, count: int) -> bytes:
        piece = file.read(count)
        self._hash.update(piece)
        self._crc = zlib.crc32(piece, self._crc)
        self._size += len(piece)
        return piece
