"""A file's bytes as blocks of whole lines, with where each begins; hashed and checked on the way."""

import hashlib
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from dlt_pipeline.archive.files import UNREADABLE, Member, told
from dlt_pipeline.archive.formats import BOM
from dlt_pipeline.common.exceptions import DamagedFileError, WrongFormatError

# So many bytes are parsed at once: some 150,000 rows, large enough for Arrow, small beside the memory of a load.
BLOCK_BYTES: Final = 4 << 20
# No row of Kraken's has more than 200 bytes; a file without line ends must not fill the memory.
LONGEST_LINE_BYTES: Final = 1 << 20


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

    def __init__(self, member: Member, cut_byte: int = 0, block_bytes: int = BLOCK_BYTES) -> None:
        """Prepare; where `cut_byte` lies, at which a line begins, one block ends and the next one begins."""
        self._member, self._cut, self._block_bytes = member, cut_byte, block_bytes
        self._hash = hashlib.sha256()
        self._crc = 0
        self._size = 0

    @property
    def content_hash(self) -> str:
        """The SHA-256 of what was read, in hex."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks; DamagedFileError where the file cannot be read as it was packed.

        The last one comes when all of the file is read and proven sound.
        """
        waiting: Block | None = None
        try:
            with self._member.open() as file:
                for block in self._whole_lines(file):
                    is_blank = not block.data or block.data.isspace()
                    if waiting and not is_blank:
                        yield waiting
                    if not waiting or not is_blank:  # blank lines at the end are none
                        waiting = block
        except UNREADABLE as error:
            raise DamagedFileError(
                f"{self._member.where} is damaged: after {self._size:,} of {self._member.size_bytes:,} bytes it cannot "
                f"be read ({told(error)}). None of its rows count; download it again."
            ) from error
        is_same = self._member.is_packed or self._crc == self._member.crc32
        if self._size != self._member.size_bytes or not is_same:
            raise DamagedFileError(
                f"{self._member.where} changed while it was read, or is damaged; none of its rows count. Import it "
                "again."
            )
        if waiting:
            yield waiting._replace(is_last=True)

    def _whole_lines(self, file: BinaryIO) -> Iterator[Block]:
        first = self._read(file, len(BOM))
        rest, at, line = (b"", len(BOM), 1) if first == BOM else (first, 0, 1)
        while piece := self._read(file, self._block_bytes):
            data = rest + piece
            end = data.rfind(b"\n") + 1
            if not end:
                if len(data) > LONGEST_LINE_BYTES:
                    raise WrongFormatError(
                        f"{self._member.where}, line {line:,}: it has no end; this is no CSV file. None of its rows "
                        "count."
                    )
                rest = data
                continue
            rest = data[end:]
            for block in self._cut_up(data[:end], at, line):
                yield block
                at, line = block.end_byte, line + block.data.count(b"\n")
        if rest:
            yield from self._cut_up(rest, at, line)

    def _cut_up(self, data: bytes, at: int, line: int) -> Iterator[Block]:
        cut = self._cut - at
        if 0 < cut < len(data):
            yield Block(data[:cut], at, line, False)
            data, at, line = data[cut:], self._cut, line + data.count(b"\n", 0, cut)
        yield Block(data, at, line, False)

    def _read(self, file: BinaryIO, count: int) -> bytes:
        piece = file.read(count)
        self._hash.update(piece)
        if not self._member.is_packed:
            self._crc = zlib.crc32(piece, self._crc)
        self._size += len(piece)
        return piece
