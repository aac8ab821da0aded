"""Dates as users write them, to ns since the epoch, UTC; bucket sizes; half-open spans of ns joined and cut."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Final, overload

from dlt_pipeline.common.exceptions import BadInputError

NS_PER_DAY: Final = 86_400_000_000_000
FOREVER_NS: Final = 2**63 - 1
# The last midnight whose ns fit into 64 bits, 2262-04-11: what lies before it can be widened to whole days.
_LAST_NS: Final = (2**63 - 1) // NS_PER_DAY * NS_PER_DAY
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the raw tables hold naive UTC
_ISO: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"([T ](?P<time>\d\d:\d\d)((?P<second>:\d\d)(\.(?P<fraction>\d{1,6}))?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
When = str | date | datetime
Span = tuple[int, int]
_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DAY: Final = 86_400
_LONGEST: Final = 15 * _DAY
_SIZE: Final = re.compile(r"([1-9]\d{0,6})([smhdw])", re.ASCII)


def utc_datetime(when: When, what: str = "The time") -> datetime:
    """Turn an ISO 8601 date or time, a date or a datetime into a UTC datetime; without a zone it is UTC.

    `what` names the value in the BadInputError raised for anything else.
    """
    if isinstance(when, str):
        when = _parsed(when.strip(), what)
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day)  # noqa: DTZ001 - made UTC in the next line
    try:
        return when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when.astimezone(timezone.utc)
    except OverflowError:
        raise BadInputError(f"{what} {when} lies outside of what a date can be.") from None


def _parsed(text: str, what: str) -> datetime:
    """Parse what every Python from 3.10 on would: later ones take more forms, and a script must not depend on that."""
    match = _ISO.fullmatch(text)
    try:
        if match:
            fraction = (match["fraction"] or "").ljust(6, "0")
            zone = (match["zone"] or "+00:00").replace("Z", "+00:00")
            return datetime.fromisoformat(
                f"{match['date']}T{match['time'] or '00:00'}{match['second'] or ':00'}.{fraction}{zone}"
            )
    except ValueError:
        pass
    raise BadInputError(f"{what} {text!r} is not a date: write it as 2026-11-01 or 2026-11-01T12:30:00 (UTC).")


def to_ns(when: When, what: str) -> int:
    """Turn a time as of `utc_datetime` into ns since the epoch; BadInputError before 1970 or after 2262-04-11."""
    since_epoch = utc_datetime(when, what) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    ns = (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000_000 + since_epoch.microseconds * 1_000
    if ns < 0:
        raise BadInputError(f"{what} {when} lies before 1970; Kraken's history begins in 2013.")
    if ns > _LAST_NS:
        raise BadInputError(f"{what} {when} lies behind {show_ns(_LAST_NS)} (UTC), the last midnight there is here.")
    return ns


@overload
def bounds_ns(start: When, end: When | None) -> tuple[int, int | None]: ...
@overload
def bounds_ns(start: When | None, end: When | None) -> tuple[int | None, int | None]: ...
def bounds_ns(start: When | None, end: When | None) -> tuple[int | None, int | None]:
    """Turn a user's [start, end), each None where it is open, into ns; BadInputError where the end is not after it."""
    start_ns = None if start is None else to_ns(start, "The start")
    end_ns = None if end is None else to_ns(end, "The end")
    if start_ns is not None and end_ns is not None and end_ns <= start_ns:
        raise BadInputError(f"The end {show_ns(end_ns)} does not lie after the start {show_ns(start_ns)} (UTC).")
    return start_ns, end_ns


@overload
def widen(start_ns: int, end_ns: int | None) -> tuple[int, int | None]: ...
@overload
def widen(start_ns: int | None, end_ns: int | None) -> tuple[int | None, int | None]: ...
def widen(start_ns: int | None, end_ns: int | None) -> tuple[int | None, int | None]:
    """Widen [start, end), each None where it is open, to whole UTC days."""
    return (
        None if start_ns is None else start_ns - start_ns % NS_PER_DAY,
        None if end_ns is None else -(-end_ns // NS_PER_DAY) * NS_PER_DAY,
    )


def show_ns(time_ns: int) -> str:
    """Return ns since the epoch as `2026-11-01 12:30:00`, UTC, cut to the second."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def utc(seconds: float) -> datetime:
    """Return Unix seconds as a naive UTC datetime, as the raw tables hold it."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).replace(tzinfo=None)


def utc_of_ns(time_ns: int) -> datetime:
    """Return ns since the epoch as a naive UTC datetime, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=time_ns // 1_000)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return the spans ascending, with those that touch or overlap made one; empty ones are dropped."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def cut(span: Span, to: Iterable[Span]) -> list[Span]:
    """Return the parts of `span` that lie in `to`, ascending."""
    return joined((max(span[0], start), min(span[1], end)) for start, end in to)


def without(span: Span, taken: Iterable[Span]) -> list[Span]:
    """Return the parts of `span` that lie outside of `taken`, ascending."""
    left: list[Span] = []
    position = span[0]
    for start, end in cut(span, taken):
        left.append((position, start))
        position = end
    left.append((position, span[1]))
    return [part for part in left if part[0] < part[1]]


def timeframe_seconds(name: str) -> int:
    """Return the seconds of a bucket size from 1s to 15d; BadInputError for one that cannot be built day by day."""
    match = _SIZE.fullmatch(name.strip())
    if match is None:
        raise BadInputError(f"The bucket size {name!r} is none: write it as 1s, 15m, 4h, 1d or 1w.")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST:
        raise BadInputError(f"The bucket size {name} is longer than 15d, the longest there is.")
    if _DAY % seconds and seconds % _DAY:
        raise BadInputError(f"The bucket size {name} must divide a day or be whole days.")
    return seconds


def timeframe_name(name: str) -> str:
    """Return the one name of a bucket size, in its largest unit: 60m is 1h, 7d is 1w. BadInputError as above."""
    seconds = timeframe_seconds(name)
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
