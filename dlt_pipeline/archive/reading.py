"""Reads one file of Kraken's downloads, part by part, into tables of the raw schemas."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.archive.blocks import BLOCK_BYTES, Block, Blocks
from dlt_pipeline.archive.columns import Parsed, Refused, columns_of, line_by_line, parse
from dlt_pipeline.archive.formats import is_header, look
from dlt_pipeline.archive.members import Member
from dlt_pipeline.archive.order import Order
from dlt_pipeline.archive.parts import SECOND_NS, Bounds, Coverage, Run, runs_of
from dlt_pipeline.archive.raw_rows import raw_rows
from dlt_pipeline.archive.tables import ARCHIVE_SCHEMAS
from dlt_pipeline.exceptions import WrongFormatError
from dlt_pipeline.kraken.arrow import utc
from dlt_pipeline.kraken.tables import DECIMAL

__all__ = ["Begun", "Reading", "Taken", "look", "read_parts"]


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
class Taken:
    """What one block brought, by raw table, and how many bytes are read; the last one has the file's own row."""

    tables: Mapping[str, pa.Table]
    bytes_read: int


def read_parts(member: Member, plan: Reading) -> Iterator[Taken]:
    """Yield what a file holds, block by block, each with the parts that make its rows count.

    Prices in quote, volumes in base units, DECIMAL(38, 12), exactly as they stand there; rows that cannot be taken in
    come as `archive_refused_rows` with line and reason. Raises DamagedFileError where the file cannot be read to its
    end as it was packed, WrongFormatError where too many rows are refused.
    """
    yield from _File(member, plan).taken()


@dataclass
class _Sums:
    row_count: int = 0
    refused_count: int = 0
    left_out_count: int = 0
    base_volume: Decimal = field(default_factory=Decimal)
    first_time_ns: int | None = None
    last_time_ns: int | None = None


class _File:
    def __init__(self, member: Member, plan: Reading) -> None:
        self._member, self._plan = member, plan
        minutes = member.minutes if plan.format == "candles" else None
        self._minutes = minutes
        self._next_row = 1
        self._sums = _Sums()
        self._coverage = Coverage(plan.format, (minutes or 0) * 60 * SECOND_NS, plan.bounds, plan.is_whole_days)
        self._order = Order(plan.format)
        begun = plan.begun
        if begun:
            self._next_row = begun.next_row
            left_out = begun.next_row - 1 - begun.row_count - begun.refused_count
            self._sums = _Sums(
                begun.row_count,
                begun.refused_count,
                left_out,
                begun.base_volume,
                begun.first_time_ns,
                begun.last_time_ns,
            )
            self._coverage.from_ns, self._coverage.to_ns = begun.covered_from_ns, begun.covered_to_ns
            self._coverage.last_row = begun.last_row
            self._coverage.last_refused_row = begun.next_row - 1 if begun.next_row - 1 > begun.last_row else 0
            self._order.last_time_ns = begun.last_time_ns

    def taken(self) -> Iterator[Taken]:
        begun = self._plan.begun
        blocks = Blocks(self._member, begun.next_byte if begun else 0, self._plan.block_bytes)
        is_first = True
        tables: dict[str, pa.Table] = {}
        read = 0
        for block in blocks:
            if tables:
                yield Taken(tables, read)
            if is_first:
                self._prime(blocks.skipped_tail)
            tables = self._tables_of(block, is_first and begun is None)
            read, is_first = block.end_byte, False
        yield Taken({**tables, "archive_files": self._file_row(blocks.content_hash)}, self._member.size_bytes)

    def _prime(self, tail: bytes) -> None:
        """Learn of the rows before what is to be known of the next ones: the last id, and equal moments."""
        lines = tail[tail.find(b"\n") + 1 :] if b"\n" in tail[:-1] else tail
        parsed = line_by_line(lines, self._plan.format, self._minutes)
        self._order.prime(parsed.columns)

    def _tables_of(self, block: Block, is_beginning: bool) -> dict[str, pa.Table]:
        data, line = block.data, block.first_line
        if is_beginning and self._plan.format == "trades_with_ids":
            data, line = _without_header(data, line)
        parsed = (
            parse(data, self._plan.format, self._minutes)
            if data.strip()
            else Parsed(columns_of([], self._plan.format), 0)
        )
        if not self._order.holds(parsed):
            parsed = self._order.sifted(line_by_line(data, self._plan.format, self._minutes), data)
        first_row = self._next_row
        self._next_row += parsed.row_count
        numbers = _numbers(parsed, first_row)
        refused = self._refuse(parsed.refused, first_row, line)
        columns, numbers = self._within_bounds(parsed.columns, numbers)
        tables = self._parts(block, columns, numbers, [row["row_number"] for row in refused])
        if refused:
            tables["archive_refused_rows"] = _table("archive_refused_rows", refused)
        return tables

    def _refuse(self, refused: Sequence[Refused], first_row: int, first_line: int) -> list[dict[str, Any]]:
        plan, member = self._plan, self._member
        self._sums.refused_count += len(refused)
        if self._sums.refused_count > plan.most_refused_rows:
            worst = refused[-1]
            raise WrongFormatError(
                f"{member.where}: more than {plan.most_refused_rows:,} rows cannot be taken in, the last one in line "
                f"{first_line + worst.line}: {worst.reason}. None of its rows count; is it a file of Kraken's?"
            )
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

    def _within_bounds(self, columns: dict[str, pa.Array], numbers: pa.Array) -> tuple[dict[str, pa.Array], pa.Array]:
        """Leave out the rows outside the bounds, and remember on which sides some were."""
        start, end = self._plan.bounds
        times = columns["time_ns"]
        if (start is None and end is None) or not len(times):
            return columns, numbers
        spread = pc.min_max(times).as_py()
        self._coverage.was_before |= start is not None and spread["min"] < start
        self._coverage.was_after |= end is not None and spread["max"] >= end
        low, high = (spread["min"] if start is None else start), (spread["max"] + 1 if end is None else end)
        if low <= spread["min"] and spread["max"] < high:
            return columns, numbers
        inside = pc.and_(pc.greater_equal(times, low), pc.less(times, high))
        kept = numbers.filter(inside)
        self._sums.left_out_count += len(numbers) - len(kept)
        return {name: column.filter(inside) for name, column in columns.items()}, kept

    def _parts(
        self, block: Block, columns: dict[str, pa.Array], numbers: pa.Array, refused: Sequence[int]
    ) -> dict[str, pa.Table]:
        runs = runs_of(numbers, columns.get("trade_id"))
        waiting = list(refused)
        ids = [self._plan.new_part_id() for _ in runs]
        ledger = []
        for place, run in enumerate(runs):
            while waiting and waiting[0] < run.first_row:
                self._coverage.last_refused_row = waiting.pop(0)
            is_last = place == len(runs) - 1
            is_end = is_last and (block.is_last or self._coverage.was_after)
            following = runs[place + 1].first_row if not is_last else self._next_row
            next_is_refused = bool(waiting) and waiting[0] < following
            ledger.append(self._part(block, columns, run, ids[place], is_end, next_is_refused))
        if waiting:
            self._coverage.last_refused_row = waiting[-1]
        if not runs:
            return {}
        part_ids = pa.concat_arrays(
            [pa.repeat(part_id, run.stop - run.start) for part_id, run in zip(ids, runs, strict=True)]
        )
        name, rows = raw_rows(self._plan, columns, numbers, part_ids, self._order)
        return {name: rows, "archive_parts": _table("archive_parts", ledger)}

    def _part(
        self, block: Block, columns: dict[str, pa.Array], run: Run, part_id: int, is_end: bool, next_is_refused: bool
    ) -> dict[str, Any]:
        plan, sums = self._plan, self._sums
        length = run.stop - run.start
        times = pc.min_max(columns["time_ns"].slice(run.start, length)).as_py()
        volume = pc.sum(columns["volume"].slice(run.start, length)).as_py()
        covered = self._coverage.covers(run, times["min"], times["max"], is_end, next_is_refused)
        sums.row_count += length
        sums.base_volume += volume
        sums.first_time_ns = min(times["min"], sums.first_time_ns or times["min"])
        sums.last_time_ns = max(times["max"], sums.last_time_ns or 0)
        trade_ids = columns["trade_id"].slice(run.start, length) if "trade_id" in columns else None
        with_id = trade_ids.filter(pc.greater(trade_ids, 0)) if trade_ids is not None else None
        spread = pc.min_max(with_id).as_py() if with_id is not None else {"min": None, "max": None}
        return {
            "edition_id": plan.edition_id,
            "part_id": part_id,
            "symbol": plan.symbol,
            "format": plan.format,
            "timeframe": plan.timeframe,
            "first_row": run.first_row,
            "last_row": run.last_row,
            "row_count": length,
            "idless_count": 0 if plan.format == "candles" else length - (len(with_id) if with_id is not None else 0),
            "base_volume": volume,
            "first_time_ns": times["min"],
            "last_time_ns": times["max"],
            "first_trade_id": spread["min"],
            "last_trade_id": spread["max"],
            "covered_from_ns": covered[0],
            "covered_to_ns": covered[1],
            "next_row": self._next_row,
            "next_byte": block.end_byte,
            "taken_at": utc(time.time()),
        }

    def _file_row(self, content_hash: str) -> pa.Table:
        plan, member, sums = self._plan, self._member, self._sums
        return _table(
            "archive_files",
            [
                {
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
                    "covered_from_ns": self._coverage.from_ns or 0,
                    "covered_to_ns": self._coverage.end() if sums.row_count else 0,
                    "is_ascending": self._order.is_ascending,
                    "is_whole_days": plan.is_whole_days,
                    "imported_at": utc(time.time()),
                }
            ],
        )


def _numbers(parsed: Parsed, first_row: int) -> pa.Array:
    """Return the rows' numbers in the file."""
    if parsed.offsets is not None:
        return pa.array([first_row + offset for offset in parsed.offsets], pa.int64())
    counted = pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), parsed.row_count))
    return pc.add(counted, first_row - 1)


def _without_header(data: bytes, line: int) -> tuple[bytes, int]:
    """Return what follows the header, and the line in which that begins; without a header, what was given."""
    at, number = 0, line
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        text = data[at:end].decode("utf-8", "replace").strip()
        at, number = end, number + 1
        if text:
            return (data[at:], number) if is_header(text) else (data, line)
    return data, line


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    schema = ARCHIVE_SCHEMAS[name]
    columns = []
    for column in schema:
        values = [row[column.name] for row in rows]
        if column.type == DECIMAL:
            columns.append(pa.array([f"{value:f}" for value in values], pa.string()).cast(DECIMAL))
        else:
            columns.append(pa.array(values, column.type))
    return pa.Table.from_arrays(columns, schema=schema)
