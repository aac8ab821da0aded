"""The list of a quality tool: a CSV of symbol, start and end, each line sound or reported. Pure but for the file."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlt_pipeline.common.exceptions import BadInputError, KrakenCandlesError
from dlt_pipeline.common.time import show_ns, to_ns

COLUMNS: Final = ("symbol", "start", "end")


@dataclass(frozen=True)
class ListedWindow:
    """A sound line: [start_ns, end_ns) of a symbol, ns UTC."""

    line: int
    symbol: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class BrokenLine:
    """A line that cannot be used, and why; lines count from 1, the header's."""

    line: int
    why: str


def read_list(
    path: Path, now_ns: int, check_symbol: Callable[[str], object]
) -> tuple[list[ListedWindow], list[BrokenLine]]:
    """Read the windows of a CSV with the columns symbol, start and end; others are left alone, as are blank lines.

    Times are ISO, UTC where no zone is given; the end is exclusive and not later than `now_ns`, the exchange's clock.
    `check_symbol` raises a KrakenCandlesError for a symbol that the exchange does not list. Raises BadInputError where
    the file as a whole is no such list.
    """
    rows = _rows(path)
    number, header = next(rows, (1, []))
    names = [name.strip().lower() for name in header]
    if any(names.count(name) != 1 for name in COLUMNS):
        shown = ",".join(names) if names else "nothing"
        raise BadInputError(
            f"{path}, line {number}: the header must name symbol, start and end once each, not {shown}."
        )
    found = [
        _window_or_why(line, dict(zip(names, values, strict=False)), now_ns, check_symbol) for line, values in rows
    ]
    windows = [each for each in found if isinstance(each, ListedWindow)]
    return windows, [each for each in found if isinstance(each, BrokenLine)]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not blank, with the number on which each begins."""
    if path.exists() and not path.is_file():
        raise BadInputError(f"The list {path} is no file.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInputError(f"The list {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"The list {path} is not UTF-8 text; save it as CSV UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""))
    begins = 1
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield begins, values
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadInputError(f"{path}, line {begins}: this is not CSV ({error}).") from error


def _window_or_why(
    line: int, row: dict[str, str], now_ns: int, check_symbol: Callable[[str], object]
) -> ListedWindow | BrokenLine:
    try:
        return _window(line, row, now_ns, check_symbol)
    except KrakenCandlesError as error:
        return BrokenLine(line, str(error))


def _window(line: int, row: dict[str, str], now_ns: int, check_symbol: Callable[[str], object]) -> ListedWindow:
    values = {name: row.get(name, "").strip() for name in COLUMNS}
    for name, value in values.items():
        if not value:
            raise BadInputError(f"There is no {name}.")
    check_symbol(values["symbol"])
    start_ns, end_ns = to_ns(values["start"], "The start"), to_ns(values["end"], "The end")
    if end_ns <= start_ns:
        raise BadInputError(f"The end {values['end']} does not lie after the start {values['start']}.")
    if end_ns > now_ns:
        raise BadInputError(
            f"The end {values['end']} lies in the future: the exchange's clock says {show_ns(now_ns)} (UTC)."
        )
    return ListedWindow(line, values["symbol"], start_ns, end_ns)
