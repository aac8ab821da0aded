"""Plans a repair: what is to be asked for, and what is left alone and why. Asks the exchange only about a list."""

import csv
import io
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlt_pipeline.common.exceptions import BadInputError, KrakenCandlesError
from dlt_pipeline.common.time import show_ns, to_ns, utc, widen
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, load_settings
from dlt_pipeline.repairs.attempts import load_repair_settings, read_attempts, why_not_now
from dlt_pipeline.repairs.gaps import (
    REASONS,
    CoverageState,
    Repair,
    read_coverage_state,
    repairs_of_gaps,
    repairs_of_list,
)
from dlt_pipeline.warehouse.database import open_warehouse, require_trades, warehouse_path

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
    symbol, start, end = values = [row.get(name, "").strip() for name in COLUMNS]
    if not all(values):
        return BrokenLine(line, f"There is no {COLUMNS[values.index('')]}.")
    try:
        check_symbol(symbol)
        start_ns, end_ns = to_ns(start, "The start"), to_ns(end, "The end")
    except KrakenCandlesError as error:
        return BrokenLine(line, str(error))
    if end_ns <= start_ns:
        return BrokenLine(line, f"The end {end} does not lie after the start {start}.")
    if end_ns > now_ns:
        return BrokenLine(line, f"The end {end} lies in the future: the exchange's clock says {show_ns(now_ns)} (UTC).")
    return ListedWindow(line, symbol, start_ns, end_ns)


@dataclass(frozen=True)
class LeftOut:
    """A stretch that stays as it is, and why."""

    repair: Repair
    why: str


@dataclass(frozen=True)
class RepairPlan:
    """What a repair of the warehouse will ask for, in the order of symbols and times."""

    warehouse: Path
    repairs: tuple[Repair, ...]
    left_out: tuple[LeftOut, ...] = ()
    broken: tuple[BrokenLine, ...] = ()


def plan_repairs(
    symbols: Sequence[str] | None = None,
    from_file: str | Path | None = None,
    *,
    again: bool = False,
    timeframe: str | None = None,
    reasons: Collection[str] | None = None,
    warehouse: str | Path | None = None,
    stop: threading.Event | None = None,
) -> RepairPlan:
    """Plan what `repair` with the same arguments does; nothing is loaded.

    Raises BadInputError for arguments that make no sense, UnknownSymbolError, NothingLoadedError before the first load
    and NothingBuiltError before the first build.
    """
    if timeframe is not None and timeframe not in REST_TIMEFRAMES:
        raise BadInputError(f"Kraken has no candles of {timeframe!r}; it has {', '.join(REST_TIMEFRAMES)}.")
    possible = [name for name in REASONS if name != "listed"]
    unknown = [name for name in reasons or () if name not in possible]
    if unknown:
        raise BadInputError(f"There is no gap for the reason {unknown[0]!r}; there are {', '.join(possible)}.")
    if reasons and from_file is not None:
        raise BadInputError("A list says itself what to repair: give a list or reasons, not both.")
    path = warehouse_path(warehouse)
    settings = load_repair_settings()
    require_trades(path)
    broken: list[BrokenLine] = []
    if from_file is None:
        known = read_coverage_state(path, timeframe, load_settings().page_size)
        found = repairs_of_gaps(known, _held(path, known, symbols), reasons or possible)
    else:
        session = Session(load_settings(), stop)
        session.open(Request({}, ()))
        for symbol in symbols or ():
            session.market(symbol)
        windows, broken = read_list(Path(from_file), session.now_ns, session.market)
        listed = [(each.symbol, (each.start_ns, each.end_ns)) for each in windows]
        known = read_coverage_state(path, timeframe, session.settings.page_size)
        found = repairs_of_list(known, [each for each in listed if not symbols or each[0] in symbols], again)
    attempts, now = [] if again else read_attempts(path), utc(time.time())
    judged = [
        (each, why_not_now(attempts, each.symbol, each.span, settings, now) if each.asked else _no_cure(each))
        for each in found
    ]
    repairs = tuple(each for each, why in judged if not why)
    left_out = tuple(LeftOut(each, why) for each, why in judged if why)
    return RepairPlan(path, repairs, left_out, tuple(broken))


def _held(path: Path, known: CoverageState, symbols: Sequence[str] | None) -> set[str]:
    """Return the symbols to look at, of loads and of archives; BadInputError names one of which nothing is held."""
    with open_warehouse(path, read_only=True) as connection:
        held = {name for (name,) in connection.execute("select distinct symbol from kraken_raw.pages").fetchall()}
    held |= known.covered.keys() | known.breaks.keys()
    for symbol in symbols or ():
        if symbol not in held:
            raise BadInputError(
                f"Nothing of {symbol} is loaded, so nothing of it can be repaired; the warehouse {path} holds "
                f"{', '.join(sorted(held))}."
            )
    return set(symbols or held)


def _no_cure(repair: Repair) -> str:
    start_ns, end_ns = widen(*repair.span)
    assert end_ns is not None  # noqa: S101 - it has an end
    return (
        "no trade is missing by its id, so rows of kraken_raw.trades stand twice or were changed, which no load mends; "
        f"`kraken-candles repair {repair.symbol} --start {show_ns(start_ns)[:10]} --end {show_ns(end_ns)[:10]}` asks "
        "anew for these days and replaces them"
    )
