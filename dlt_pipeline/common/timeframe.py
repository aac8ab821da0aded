"""Bucket sizes as users write them, such as 1s, 90m or 15d, to the timeframes of the dbt project."""

import re
from typing import Final

from dlt_pipeline.common.exceptions import BadInputError

_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DAY: Final = 86_400
_LONGEST: Final = 15 * _DAY
_SIZE: Final = re.compile(r"([1-9]\d{0,6})([smhdw])", re.ASCII)


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
