"""What kind of file a member is: told by looking at its first lines, never by its name alone."""

import re
from typing import Final

from dlt_pipeline.archive.damage import UNREADABLE, told
from dlt_pipeline.archive.file_names import TIMEFRAMES
from dlt_pipeline.archive.member import Member
from dlt_pipeline.archive.values import EXPONENT, LATEST_SECONDS
from dlt_pipeline.exceptions import DamagedFileError, WrongFormatError

Kind = tuple[str, str | None]
"""The format (trades, trades_with_ids or candles) and, of candles, the timeframe."""

BOM: Final = b"\xef\xbb\xbf"
HEADER: Final = ("price", "volume", "timestamp", "type", "miscellaneous", "trade id")
_LOOK_BYTES: Final = 1 << 16
# A broken row, or a few, may stand at the top; a file of another kind has more of them.
_LOOK_LINES: Final = 50
_SHOWN: Final = 100
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TIME_AT: Final = {"trades": 0, "trades_with_ids": 2, "candles": 0}
_KRAKENS: Final = (
    "Kraken's files have three fields (seconds, price, volume), seven under the header Price,Volume,Timestamp,Type,"
    "Miscellaneous,Trade ID, or seven of a candle"
)


def look(member: Member) -> Kind:
    """Return the kind of a file; an empty one counts as what its name says.

    Raises WrongFormatError for what is none of Kraken's formats, DamagedFileError where its beginning cannot be read.
    """
    try:
        with member.open() as file:
            first = file.read(_LOOK_BYTES)
    except UNREADABLE as error:
        raise DamagedFileError(f"{member.where} cannot be read ({told(error)}); download it again.") from error
    is_whole = len(first) < _LOOK_BYTES
    lines = [line.strip() for line in first.removeprefix(BOM).decode("utf-8", "replace").split("\n")]
    if len(lines) > 1 and not is_whole:
        lines.pop()  # cut off
    lines = [line for line in lines if line][:_LOOK_LINES]
    if not lines:
        return ("candles", TIMEFRAMES[member.minutes]) if member.minutes else ("trades", None)
    return _kind_of(member, lines)


def is_header(line: str) -> bool:
    """Whether a line is the header of Kraken's files by quarter."""
    return tuple(field.lower() for field in _fields(line)) == HEADER


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


def _kind_of(member: Member, lines: list[str]) -> Kind:
    """Return what the first line is that is of a known shape; broken rows may stand before it."""
    shapes = [_shape(line) for line in lines]
    first = _fields(lines[0])
    shown = f"{member.where}, line 1: {lines[0][:_SHOWN]!r}"
    if is_header(lines[0]):
        kind = "trades_with_ids"
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
