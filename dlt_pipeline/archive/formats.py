"""Of which kind a file is, by its first lines; and its lines in blocks."""

import hashlib
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from dlt_pipeline.archive.files import TIMEFRAMES, UNREADABLE, Member, told
from dlt_pipeline.archive.line_parser import EXPONENT
from dlt_pipeline.common.exceptions import DamagedFileError, WrongFormatError
from dlt_pipeline.kraken.answers import LATEST_SECONDS

FileFormat = tuple[str, str | None]
"""The format (trades, trades_with_ids or candles) and, of candles, the timeframe."""

BOM: Final = b"\xef\xbb\xbf"
# Kraken's own header leaves one of the seven fields unnamed; hands and programs mend that.
_HEADER: Final = re.compile(
    r"price,volume,time(stamp)?,(type,misc(ellaneous)?|(type|side),(ordertype|type),misc(ellaneous)?),tradeid"
)
_LOOK_BYTES: Final = 1 << 16
# A broken row, or a few, may stand at the top; a file of another kind has more of them.
_LOOK_LINES: Final = 50
_SHOWN: Final = 100
_PACKED: Final = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!": "RAR"}
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TIME_AT: Final = {"trades": 0, "trades_with_ids": 2, "candles": 0}
_KRAKENS: Final = (
    "Kraken's files have three fields (seconds, price, volume), seven under the header Price,Volume,Timestamp,Type,"
    "Miscellaneous,Trade ID, or seven of a candle"
)
# So many bytes are parsed at once: some 150,000 rows, large enough for Arrow, small beside the memory of a load.
BLOCK_BYTES: Final = 4 << 20
# No row of Kraken's has more than 200 bytes; a file without line ends must not fill the memory.
LONGEST_LINE_BYTES: Final = 1 << 20


def look(member: Member) -> FileFormat:
    """Return the kind of a file; an empty one counts as what its name says.

    Raises WrongFormatError for what is none of Kraken's formats, DamagedFileError where its beginning cannot be read.
    """
    try:
        with member.open() as file:
            first = file.read(_LOOK_BYTES)
    except UNREADABLE as error:
        raise DamagedFileError(f"{member.where} cannot be read ({told(error)}); download it again.") from error
    _refuse_packed(member, first)
    is_whole = len(first) < _LOOK_BYTES
    lines = [line.strip() for line in first.removeprefix(BOM).decode("utf-8", "replace").split("\n")]
    if len(lines) > 1 and not is_whole:
        lines.pop()  # cut off
    lines = [line for line in lines if line][:_LOOK_LINES]
    if not lines:
        return ("candles", TIMEFRAMES[member.minutes]) if member.minutes else ("trades", None)
    return _kind_of(member, lines)


def is_header(line: str) -> bool:
    """Whether a line is the header of Kraken's files by quarter, with six names or all seven."""
    names = ",".join(_fields(line)).lower()
    return _HEADER.fullmatch(names.replace(" ", "").replace("_", "")) is not None


def without_header(data: bytes, line: int) -> tuple[bytes, int]:
    """Return what follows the header, and the line in which that begins; without a header, what was given."""
    at, number = 0, line
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        text = data[at:end].decode("utf-8", "replace").strip()
        at, number = end, number + 1
        if text:
            return (data[at:], number) if is_header(text) else (data, line)
    return data, line


def _refuse_packed(member: Member, first: bytes) -> None:
    """Raise WrongFormatError for what another program has to make a CSV file of."""
    packing = next((name for magic, name in _PACKED.items() if first.startswith(magic)), None)
    if packing:
        raise WrongFormatError(
            f"{member.where} is packed by {packing}, which is not read here; unpack it and import the CSV file."
        )
    if first.startswith(_UTF_16) or (len(first) > 3 and (first[:4:2] == b"\0\0") != (first[1:4:2] == b"\0\0")):
        raise WrongFormatError(f"{member.where} is text in UTF-16; save it as UTF-8, or import it as Kraken gave it.")


def _kind_of(member: Member, lines: list[str]) -> FileFormat:
    """Return what the first line is that is of a known shape; broken rows may stand before it."""
    shapes = [_shape(line) for line in lines]
    first = _fields(lines[0])
    shown = f"{member.where}, line 1: {lines[0][:_SHOWN]!r}"
    is_text = lines[0].replace("\t", "").replace("\r", "").isprintable() and "\ufffd" not in lines[0]
    if is_header(lines[0]):
        kind = "trades_with_ids"
    elif not is_text and not any(shapes):
        raise WrongFormatError(f"{member.where} holds no text in UTF-8; {_KRAKENS}.")
    elif not any(_NUMBER.fullmatch(field) for field in first):
        raise WrongFormatError(f"{shown} is a header of another kind, or no text; {_KRAKENS}.")
    else:
        kind = next((shape for shape in shapes if shape), "")
    if not kind:
        raise WrongFormatError(f"{shown} has {len(first)} fields; {_KRAKENS}.")
    if kind == "candles" and not member.minutes:
        raise WrongFormatError(
            f"{member.where} holds candles, and its name does not say of how many minutes; call it as Kraken does, "
            "XBTUSD_60.csv."
        )
    times = [_fields(line)[_TIME_AT[kind]] for line, shape in zip(lines, shapes, strict=True) if shape == kind]
    if times and all(float(time) >= LATEST_SECONDS for time in times):
        raise WrongFormatError(f"{member.where}: the time {times[0]} is not in seconds, as Kraken's files have it.")
    if times and all(EXPONENT.search(time) for time in times):
        raise WrongFormatError(
            f"{member.where}: the time {times[0]} is as a spreadsheet writes it, with its last digits lost; import the "
            "file as Kraken gave it, never opened and saved."
        )
    return kind, TIMEFRAMES[member.minutes] if kind == "candles" and member.minutes else None


def _shape(line: str) -> str | None:
    """Return the format that a row has by its fields, None where it is of none."""
    fields = _fields(line)
    numbers = [_NUMBER.fullmatch(field) is not None for field in fields]
    if len(fields) == 3 and all(numbers):
        return "trades"
    if len(fields) == 7 and all(numbers):
        return "candles"
    if len(fields) == 7 and all(numbers[:3]) and fields[3].isalpha() and fields[4].isalpha():
        return "trades_with_ids"
    return None


def _fields(line: str) -> list[str]:
    return [field.strip().strip('"') for field in line.split(",")]


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
