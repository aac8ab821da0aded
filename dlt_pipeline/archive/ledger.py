"""The ledger of imports: what each run of rows of a file proves, its sums, and from where to read on."""

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from itertools import pairwise
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.archive.files import Member
from dlt_pipeline.archive.formats import BLOCK_BYTES
from dlt_pipeline.archive.parser import Refused
from dlt_pipeline.archive.raw_tables import ARCHIVE_SCHEMAS
from dlt_pipeline.common.time import utc
from dlt_pipeline.kraken.raw_tables import DECIMAL

# A file whose ids jump more often than that within a block is no file of one market; then the models judge it.
_MOST_JUMPS: Final = 1_000
_EXACTLY: Final = Context(prec=60)  # sums of DECIMAL(38, 12); Python's own 28 digits would round them
Row = dict[str, Any]
SECOND_NS: Final = 10**9
DAY_NS: Final = 86_400 * SECOND_NS
Bounds = tuple[int | None, int | None]
"""The first moment wanted and the first not wanted any more, each None where there is none."""


def provable(kind: str, bounds: Bounds) -> Bounds:
    """Return the bounds up to which a file can prove anything: rows without ids know whole seconds alone."""
    if kind == "trades_with_ids":
        return bounds
    start, end = bounds
    return None if start is None else -(
        -start // SECOND_NS
    ) * SECOND_NS, None if end is None else end // SECOND_NS * SECOND_NS


class RowRun(NamedTuple):
    """An unbroken run of rows by their numbers in the file, with their earliest and latest time."""

    first_row: int
    last_row: int
    first_time_ns: int
    last_time_ns: int


class Others(NamedTuple):
    """Rows of a block that are not taken in, by number: the refused ones, ascending; the last one before the bounds,
    above all that is taken in; the first one behind the bounds, below all of it. 0: there is none."""

    refused: Sequence[int] = ()
    before: int = 0
    behind: int = 0


@dataclass
class Coverage:
    """What the runs of one file prove, block by block.

    A border within a file lies where a second (or the ns, where times have a fraction) may still go on. Nobody knows
    what a refused row was, so the seconds from the row before it to the row behind it are proven by nothing.
    """

    kind: str
    size_ns: int  # of candles, the length of a bucket; else 0
    bounds: Bounds
    is_whole_days: bool
    from_ns: int | None = None
    to_ns: int = 0
    last_row: int = 0  # of what was taken in; 0 before the first
    latest_ns: int = 0
    _clear_ns: int = 0  # the moment from which no refused row stands in the way
    _refused_row: int = 0
    _before_row: int = 0
    _is_closed: bool = False  # a row behind the bounds follows the last one taken in, and nothing refused between them

    def covers(self, runs: Sequence[RowRun], others: Others, is_file_end: bool) -> list[tuple[int, int]]:
        """Return from and to (half-open) of the next block's runs of rows."""
        refused = others.refused
        if not self.last_row:
            self._before_row = max(self._before_row, others.before)
        found = []
        for place, run in enumerate(runs):
            ahead = bisect_left(refused, run.first_row)
            self._refused_row = refused[ahead - 1] if ahead else self._refused_row
            is_last = place == len(runs) - 1
            limit = runs[place + 1].first_row if not is_last else others.behind
            broken_by = refused[ahead] if ahead < len(refused) else 0
            is_broken = bool(broken_by) and (not limit or broken_by < limit)
            self._is_closed = is_last and bool(others.behind) and not is_broken
            start = self._start(run)
            self.latest_ns = max(self.latest_ns, run.last_time_ns)
            end = self._end(is_broken, is_last and is_file_end)
            self.from_ns = start if self.from_ns is None else self.from_ns
            self.to_ns, self.last_row = end, run.last_row
            found.append((start, end))
        if not runs and others.behind and self._refused_row <= self.last_row:
            self._is_closed = self._is_closed or not refused or others.behind < refused[0]
        self._refused_row = refused[-1] if refused else self._refused_row
        return found

    def end(self) -> int:
        """Return up to where the file has everything, once it is read."""
        return self.bounds[1] if self._is_closed and self.bounds[1] is not None else self.to_ns

    def _start(self, run: RowRun) -> int:
        is_broken = self._refused_row > (self.last_row or self._before_row)
        if self.last_row and not is_broken:
            return max(self.to_ns, self._clear_ns)
        if self.kind == "candles":
            return run.first_time_ns
        if is_broken:
            self._clear_ns = self._floor(max(run.first_time_ns, self.latest_ns)) + self._grain
            return self._clear_ns
        if self._before_row and self.bounds[0] is not None:
            return self.bounds[0]
        return run.first_time_ns // DAY_NS * DAY_NS if self.is_whole_days else self._floor(run.first_time_ns)

    def _end(self, is_broken: bool, is_file_end: bool) -> int:
        last_ns = self.latest_ns  # a file whose times go back does not take back what it proved
        if self.kind == "candles":
            return last_ns + self.size_ns
        if self._is_closed and self.bounds[1] is not None:
            return self.bounds[1]
        if is_broken or not is_file_end:
            return self._floor(last_ns)
        return (last_ns // DAY_NS + 1) * DAY_NS if self.is_whole_days else self._floor(last_ns) + self._grain

    @property
    def _grain(self) -> int:
        """The finest border there can be: whole seconds where the file has no fractions."""
        return 1 if self.kind == "trades_with_ids" else SECOND_NS

    def _floor(self, time_ns: int) -> int:
        return time_ns // self._grain * self._grain


@dataclass(frozen=True)
class Run:
    """Rows [start, stop) of a block's columns, the first of which is the file's row `first_row`."""

    start: int
    stop: int
    first_row: int

    @property
    def length(self) -> int:
        """How many rows they are."""
        return self.stop - self.start

    @property
    def last_row(self) -> int:
        """The file's number of the last one."""
        return self.first_row + self.length - 1


def runs_of(numbers: pa.Array, trade_ids: pa.Array | None) -> list[Run]:
    """Return the unbroken runs of ascending row numbers; where trade ids jump, a run ends too."""
    if not len(numbers):
        return []
    cuts = _breaks(numbers)
    if trade_ids is not None and pc.min(trade_ids).as_py() > 0:
        jumps = _breaks(trade_ids)
        cuts = sorted({*cuts, *jumps}) if len(jumps) <= _MOST_JUMPS else cuts
    places = [0, *cuts, len(numbers)]
    return [Run(start, stop, numbers[start].as_py()) for start, stop in pairwise(places)]


def _breaks(ascending: pa.Array) -> list[int]:
    """Return the places whose value is not the one before plus 1."""
    if ascending[-1].as_py() - ascending[0].as_py() == len(ascending) - 1:
        return []
    steps = pc.subtract(ascending[1:], ascending[:-1])
    return [place + 1 for place in pc.indices_nonzero(pc.not_equal(steps, 1)).to_pylist()]


@dataclass
class Sums:
    """Rows taken in, refused, and left out for lying outside the bounds; volume and times of those taken in."""

    row_count: int = 0
    refused_count: int = 0
    left_out_count: int = 0
    base_volume: Decimal = field(default_factory=Decimal)
    first_time_ns: int | None = None
    last_time_ns: int | None = None

    def add(self, row_count: int, base_volume: Decimal, first_time_ns: int, last_time_ns: int) -> None:
        """Add rows, with their earliest and latest time."""
        self.row_count += row_count
        self.base_volume = _EXACTLY.add(self.base_volume, base_volume)
        self.first_time_ns = first_time_ns if self.first_time_ns is None else min(self.first_time_ns, first_time_ns)
        self.last_time_ns = last_time_ns if self.last_time_ns is None else max(self.last_time_ns, last_time_ns)


@dataclass(frozen=True)
class Begun:
    """Where a file that was not read to its end goes on: behind the rows of its complete parts, of which these are the
    sums; times and coverage in ns."""

    last_row: int
    next_row: int
    next_byte: int
    row_count: int
    base_volume: Decimal
    first_time_ns: int
    last_time_ns: int
    covered_from_ns: int
    covered_to_ns: int
    refused_count: int = 0


@dataclass
class Reading:
    """How to read a file: its market and kind, the bounds asked for (ns, half-open), and where to go on."""

    symbol: str
    format: str
    timeframe: str | None
    edition_id: int
    bounds: Bounds
    is_whole_days: bool
    begun: Begun | None
    new_part_id: Callable[[], int]
    most_refused_rows: int = 10_000
    block_bytes: int = BLOCK_BYTES


@dataclass
class ParsedBlock:
    """What one block brought, by raw table, and how many bytes are read; the last one has the file's own row."""

    tables: Mapping[str, pa.Table]
    bytes_read: int


def part_row(plan: Reading, columns: Mapping[str, pa.Array], run: Run, part_id: int) -> Row:
    """Return a part's row of `archive_parts`, less what it proves and where reading goes on behind it."""
    times = pc.min_max(columns["time_ns"].slice(run.start, run.length)).as_py()
    with_id = pa.array([], pa.int64())
    if plan.format == "trades_with_ids":
        trade_ids = columns["trade_id"].slice(run.start, run.length)
        with_id = trade_ids.filter(pc.greater(trade_ids, 0))
    ids = pc.min_max(with_id).as_py()
    return {
        "edition_id": plan.edition_id,
        "part_id": part_id,
        "symbol": plan.symbol,
        "format": plan.format,
        "timeframe": plan.timeframe,
        "first_row": run.first_row,
        "last_row": run.last_row,
        "row_count": run.length,
        "idless_count": 0 if plan.format == "candles" else run.length - len(with_id),
        "base_volume": pc.sum(columns["volume"].slice(run.start, run.length)).as_py(),
        "first_time_ns": times["min"],
        "last_time_ns": times["max"],
        "first_trade_id": ids["min"],
        "last_trade_id": ids["max"],
        "taken_at": utc(time.time()),
    }


def refused_rows(
    plan: Reading, member: Member, refused: Sequence[Refused], first_row: int, first_line: int
) -> list[Row]:
    """Return the rows of `archive_refused_rows`; `first_row` and `first_line` are those of the block."""
    now = utc(time.time())
    return [
        {
            "edition_id": plan.edition_id,
            "symbol": plan.symbol,
            "archive": str(member.archive),
            "member": member.name,
            "row_number": first_row + one.offset,
            "line_number": first_line + one.line,
            "reason": one.reason,
            "line": one.text,
            "refused_at": now,
        }
        for one in refused
    ]


def file_row(
    plan: Reading, member: Member, sums: Sums, coverage: Coverage, content_hash: str, is_ascending: bool
) -> Row:
    """Return the row of `archive_files` of a file that was read to its end."""
    return {
        "edition_id": plan.edition_id,
        "symbol": plan.symbol,
        "altname": member.altname or plan.symbol,
        "format": plan.format,
        "timeframe": plan.timeframe,
        "archive": str(member.archive),
        "member": member.name,
        "size_bytes": member.size_bytes,
        "crc32": member.crc32,
        "content_hash": content_hash,
        "row_count": sums.row_count,
        "refused_count": sums.refused_count,
        "left_out_count": sums.left_out_count,
        "base_volume": sums.base_volume,
        "first_time_ns": sums.first_time_ns,
        "last_time_ns": sums.last_time_ns,
        "wanted_from_ns": plan.bounds[0],
        "wanted_to_ns": plan.bounds[1],
        "covered_from_ns": coverage.from_ns or 0,
        "covered_to_ns": coverage.end() if sums.row_count else 0,
        "is_ascending": is_ascending,
        "is_whole_days": plan.is_whole_days,
        "imported_at": utc(time.time()),
    }


def ledger_table(name: str, rows: Sequence[Row]) -> pa.Table:
    """Return rows as an Arrow table of the raw schema."""
    columns = []
    for column in ARCHIVE_SCHEMAS[name]:
        values = [row[column.name] for row in rows]
        if column.type == DECIMAL:
            columns.append(pa.array([f"{value:f}" for value in values], pa.string()).cast(DECIMAL))
        else:
            columns.append(pa.array(values, column.type))
    return pa.Table.from_arrays(columns, schema=ARCHIVE_SCHEMAS[name])
