"""What kind of file a member is: told by looking at its first lines, never by its name alone."""

import re
import zipfile
import zlib
from typing import Final

from dlt_pipeline.archive.file_names import TIMEFRAMES
from dlt_pipeline.archive.members import Member
from dlt_pipeline.exceptions import DamagedFileError, WrongFormatError

Kind = tuple[str, str | None]
"""The format (trades, trades_with_ids or candles) and, of candles, the timeframe."""

BOM: Final = b"\xef\xbb\xbf"
HEADER: Final = ("price", "volume", "timestamp", "type", "miscellaneous", "trade id")
# Seconds of the year 5138; in milliseconds, of March 1973, before Kraken.
LATEST_SECONDS: Final = 100_000_000_000
_LOOK_BYTES: Final = 1 << 16
_SHOWN: Final = 100
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
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
    except (zlib.error, zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        raise DamagedFileError(f"{member.where} cannot be read ({error}); download it again.") from error
    lines = [line.strip() for line in first.removeprefix(BOM).decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line]
    by_name = "candles" if member.minutes else "trades", TIMEFRAMES.get(member.minutes or 0)
    if not lines:
        return by_name
    return _kind_of(member, lines)


def is_header(line: str) -> bool:
    """Whether a line is the header of Kraken's files by quarter."""
    return tuple(name.strip().strip('"').lower() for name in line.split(",")) == HEADER


def _kind_of(member: Member, lines: list[str]) -> Kind:
    line = lines[0]
    if is_header(line):
        _check_seconds(member, lines[1:2], 2)
        return "trades_with_ids", None
    fields = [field.strip().strip('"') for field in line.split(",")]
    shown = line[:_SHOWN]
    if not any(_NUMBER.fullmatch(field) for field in fields):
        raise WrongFormatError(f"{member.where}, line 1: {shown!r} is a header of another kind; {_KRAKENS}.")
    if len(fields) == 3:
        _check_seconds(member, [line], 0)
        return "trades", None
    if len(fields) == 7 and fields[3].isalpha():
        _check_seconds(member, [line], 2)
        return "trades_with_ids", None
    if len(fields) == 7 and member.minutes:
        _check_seconds(member, [line], 0)
        return "candles", TIMEFRAMES[member.minutes]
    if len(fields) == 7:
        raise WrongFormatError(
            f"{member.where} holds candles, and its name does not say of how many minutes; call it as Kraken does, "
            "XBTUSD_60.csv."
        )
    raise WrongFormatError(f"{member.where}, line 1: {shown!r} has {len(fields)} fields; {_KRAKENS}.")


def _check_seconds(member: Member, lines: list[str], place: int) -> None:
    for line in lines:
        text = line.split(",")[place].strip().strip('"') if line.count(",") >= place else ""
        if _NUMBER.fullmatch(text) and float(text) >= LATEST_SECONDS:
            raise WrongFormatError(
                f"{member.where}: the time {text} is not in seconds, rather in milliseconds or finer; Kraken's files "
                "have seconds. Convert it, or download it again."
            )
