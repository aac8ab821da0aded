"""A time cut into ranges by what covers it, and what is missing by which ways can fill it. Pure; times in ns, UTC."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES

State = Literal["trades", "archive", "rest", "missing"]
Span = tuple[int, int]
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DAY: Final = 86_400


@dataclass(frozen=True)
class Stretch:
    """[start_ns, end_ns) is covered by `state`, the best there is of it, or missing."""

    start_ns: int
    end_ns: int
    state: State


def timeframe_seconds(name: str) -> int:
    """Return the seconds of a timeframe such as 1m, 12h or 15d; BadInputError for what cannot be built."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhdw])", name)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not seconds or (seconds % _DAY and _DAY % seconds):
        raise BadInputError(
            f"{name!r} is not a timeframe that candles can have: it must divide a day or be whole days, such as "
            f"{', '.join(REST_TIMEFRAMES)} or 12h."
        )
    return seconds


def cut(
    start_ns: int, end_ns: int, covered: Sequence[tuple[State, Iterable[Span]]], borders: Iterable[int]
) -> list[Stretch]:
    """Cut [start_ns, end_ns) into stretches that follow each other without overlap and leave nothing out.

    `covered` names the spans of each state, the best first: where two overlap, the better one counts. What no span
    holds is missing, and cut at each of the `borders` too.
    """
    spans = [(state, list(each)) for state, each in covered]
    inner = {time for _, each in spans for span in each for time in span if start_ns < time < end_ns}
    split = {time for time in borders if start_ns < time < end_ns}
    points = [start_ns, *sorted(inner | split), end_ns]
    cursors = dict.fromkeys(range(len(spans)), 0)
    found: list[Stretch] = []
    for left, right in pairwise(points):
        state = _state(left, spans, cursors)
        previous = found[-1] if found else None
        if previous and previous.state == state and not (state == "missing" and left in split):
            found[-1] = Stretch(previous.start_ns, right, state)
        elif right > left:
            found.append(Stretch(left, right, state))
    return found


def _state(time_ns: int, spans: Sequence[tuple[State, Sequence[Span]]], cursors: dict[int, int]) -> State:
    """Return the best state of the moment; the cursors only ever move on, as the moments do."""
    best: State = "missing"
    for number, (state, each) in enumerate(spans):
        while cursors[number] < len(each) and each[cursors[number]][1] <= time_ns:
            cursors[number] += 1
        is_inside = cursors[number] < len(each) and each[cursors[number]][0] <= time_ns
        if is_inside and best == "missing":
            best = state
    return best


def uncovered(start_ns: int, end_ns: int, lacking: Iterable[Span]) -> list[Span]:
    """Return what of [start_ns, end_ns) the ascending `lacking` spans leave over."""
    found: list[Span] = []
    position = start_ns
    for start, end in lacking:
        if start > position:
            found.append((position, min(start, end_ns)))
        position = max(position, end)
    if position < end_ns:
        found.append((position, end_ns))
    return found
