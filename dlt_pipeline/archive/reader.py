"""Reads files block by block into rows of the raw tables, bounded to what was asked for."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.archive.files import TIMEFRAMES, Member
from dlt_pipeline.archive.formats import Block, Blocks, look, without_header
from dlt_pipeline.archive.ledger import (
    DAY_NS,
    SECOND_NS,
    Begun,
    Bounds,
    Coverage,
    Others,
    ParsedBlock,
    Reading,
    RowRun,
    Sums,
    file_row,
    ledger_table,
    part_row,
    provable,
    refused_rows,
    runs_of,
)
from dlt_pipeline.archive.order import Order
from dlt_pipeline.archive.parser import Parsed, columns_of, line_by_line, parse
from dlt_pipeline.archive.raw_tables import ARCHIVE_SCHEMAS
from dlt_pipeline.common.exceptions import DamagedFileError, WrongFormatError
from dlt_pipeline.kraken.raw_tables import SCHEMAS

__all__ = ["Begun", "ParsedBlock", "Reading", "look", "read_parts"]
_SCHEMAS: Final = ARCHIVE_SCHEMAS | SCHEMAS
_MINUTES: Final = {name: length for length, name in TIMEFRAMES.items()}
_TABLES: Final = {"trades": "archive_trades", "trades_with_ids": "trades", "candles": "archive_candles"}


class Within(NamedTuple):
    """The columns and row numbers of the rows within; of the others, how many there are, the last one before the
    bounds, above all of those within, and the first one behind the bounds, below them (0: none)."""

    columns: dict[str, pa.Array]
    numbers: pa.Array
    left_out_count: int = 0
    before: int = 0
    behind: int = 0


def within(columns: dict[str, pa.Array], numbers: pa.Array, bounds: Bounds) -> Within:
    """Take away the rows outside `bounds`."""
    times = columns["time_ns"]
    if bounds == (None, None) or not len(times):
        return Within(columns, numbers)
    spread = pc.min_max(times).as_py()
    start = spread["min"] if bounds[0] is None else bounds[0]
    end = spread["max"] + 1 if bounds[1] is None else bounds[1]
    if start <= spread["min"] and spread["max"] < end:
        return Within(columns, numbers)
    is_before, is_behind = pc.less(times, start), pc.greater_equal(times, end)
    is_inside = pc.invert(pc.or_(is_before, is_behind))
    kept = numbers.filter(is_inside)
    before, behind = numbers.filter(is_before), numbers.filter(is_behind)
    if len(kept):
        before = before.filter(pc.less(before, kept[0]))
        behind = behind.filter(pc.greater(behind, kept[-1]))
    return Within(
        {name: column.filter(is_inside) for name, column in columns.items()},
        kept,
        len(numbers) - len(kept),
        pc.max(before).as_py() or 0,
        pc.min(behind).as_py() or 0,
    )


class FileKind(Protocol):
    """What all rows of a file share; see Reading."""

    symbol: str
    format: str
    timeframe: str | None
    edition_id: int


def raw_rows(
    kind: FileKind, columns: Mapping[str, pa.Array], numbers: pa.Array, part_ids: pa.Array
) -> tuple[str, pa.Table]:
    """Return the raw table's name and its rows. Prices in quote, volumes in base units; times ns and UTC."""
    name = _TABLES[kind.format]
    count = len(numbers)
    values: dict[str, pa.Array] = {
        "symbol": pa.repeat(kind.symbol, count),
        "edition_id": pa.repeat(pa.scalar(kind.edition_id, pa.int64()), count),
        "part_id": part_ids,
        "row_number": numbers,
        **columns,
    }
    values |= _of_candles(kind, values, count) if kind.format == "candles" else _of_trades(values)
    if kind.format == "trades_with_ids":
        values |= _of_ids(values)
    schema = _SCHEMAS[name]
    return name, pa.Table.from_arrays([values[column.name] for column in schema], schema=schema)


def _of_trades(values: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    days = pc.divide(values["time_ns"], DAY_NS)
    return {"traded_on": days.cast(pa.int32()).cast(pa.date32())}


def _of_candles(kind: FileKind, values: Mapping[str, pa.Array], count: int) -> dict[str, pa.Array]:
    minutes = _MINUTES[kind.timeframe or ""]
    return {
        "timeframe": pa.repeat(kind.timeframe, count),
        "timeframe_seconds": pa.repeat(pa.scalar(minutes * 60, pa.int64()), count),
        "bucket_start": pc.divide(values["time_ns"], 1_000).cast(pa.timestamp("us")),
        "base_volume": values["volume"],
        "base_volume_text": values["volume_text"],
    }


def _of_ids(values: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    has_no_id = pc.equal(values["trade_id"], 0)
    return {
        "more_items": pa.nulls(len(has_no_id), pa.string()),
        "idless_time_ns": pc.if_else(has_no_id, values["time_ns"], 0),
        "traded_at": pc.divide(values["time_ns"], 1_000).cast(pa.timestamp("us")),
    }


def read_parts(member: Member, plan: Reading) -> Iterator[ParsedBlock]:
    """Yield what a file holds, block by block, each with the parts that make its rows count.

    Prices in quote, volumes in base units, DECIMAL(38, 12), exactly as they stand there; rows that cannot be taken in
    come as `archive_refused_rows` with line and reason. A file that was begun is read from its beginning again, for its
    hash and for what holds from row to row, and nothing of it is yielded that is committed. Raises DamagedFileError
    where the file cannot be read to its end as it was packed, WrongFormatError where too many rows are refused.
    """
    yield from _File(member, plan).taken()


class _File:
    def __init__(self, member: Member, plan: Reading) -> None:
        self._member, self._plan = member, plan
        self._minutes = member.minutes if plan.format == "candles" else None
        self._next_row = 1
        self._may_begin = plan.format == "trades_with_ids"  # with a header
        self._sums = Sums()
        size_ns = (self._minutes or 0) * 60 * SECOND_NS
        self._coverage = Coverage(plan.format, size_ns, provable(plan.format, plan.bounds), plan.is_whole_days)
        self._order = Order(plan.format)

    def taken(self) -> Iterator[ParsedBlock]:
        begun = self._plan.begun
        blocks = Blocks(self._member, begun.next_byte if begun else 0, self._plan.block_bytes)
        tables: dict[str, pa.Table] = {}
        read = 0
        for block in blocks:
            if tables:
                yield ParsedBlock(tables, read)
            tables, read = self._tables_of(block), block.end_byte
            if begun and read <= begun.next_byte:
                tables = {}
            if begun and read == begun.next_byte:
                self._trust(begun)
        row = file_row(
            self._plan, self._member, self._sums, self._coverage, blocks.content_hash, self._order.is_ascending
        )
        yield ParsedBlock({**tables, "archive_files": ledger_table("archive_files", [row])}, self._member.size_bytes)

    def _trust(self, begun: Begun) -> None:
        """Let what is committed have the last word on it, if it was read of this very file.

        A damaged copy has the size and the CRC-32 of the sound one in its ZIP's directory, and what it says is only
        refuted at its end; an import that was killed before never came there.
        """
        sums, coverage = self._sums, self._coverage
        if (sums.row_count, sums.base_volume) != (begun.row_count, begun.base_volume):
            raise DamagedFileError(
                f"{self._member.where}: an import that was cut off had read other rows of it, from a damaged copy. "
                "Nothing of it counts now; import it again."
            )
        sums.row_count, sums.base_volume, sums.refused_count = begun.row_count, begun.base_volume, begun.refused_count
        coverage.from_ns, coverage.to_ns = begun.covered_from_ns, begun.covered_to_ns

    def _tables_of(self, block: Block) -> dict[str, pa.Table]:
        data, line = block.data, block.first_line
        if self._may_begin and data and not data.isspace():
            data, line = without_header(data, line)
            self._may_begin = False
        parsed = self._parsed(data)
        first_row, self._next_row = self._next_row, self._next_row + parsed.row_count
        refused = refused_rows(self._plan, self._member, parsed.refused, first_row, line)
        self._check(refused)
        columns = parsed.columns
        if self._plan.format == "trades_with_ids":
            columns |= self._order.places(columns)
        inside = within(columns, _numbers(parsed, first_row), self._plan.bounds)
        self._sums.left_out_count += inside.left_out_count
        tables = self._parts(block, inside, [row["row_number"] for row in refused])
        return tables | ({"archive_refused_rows": ledger_table("archive_refused_rows", refused)} if refused else {})

    def _parsed(self, data: bytes) -> Parsed:
        kind, minutes = self._plan.format, self._minutes
        if not data or data.isspace():
            return Parsed(columns_of([], kind), 0)
        parsed = parse(data, kind, minutes)
        return parsed if self._order.holds(parsed) else self._order.sifted(line_by_line(data, kind, minutes), data)

    def _check(self, refused: list[dict[str, Any]]) -> None:
        self._sums.refused_count += len(refused)
        most = self._plan.most_refused_rows
        if self._sums.refused_count > most:
            raise WrongFormatError(
                f"{self._member.where}: more than {most:,} rows cannot be taken in, the last one in line "
                f"{refused[-1]['line_number']:,}: {refused[-1]['reason']}. None of its rows count; is it a file of "
                "Kraken's?"
            )

    def _parts(self, block: Block, inside: Within, refused: list[int]) -> dict[str, pa.Table]:
        plan, columns = self._plan, inside.columns
        is_committed = plan.begun is not None and block.end_byte <= plan.begun.next_byte
        runs = runs_of(inside.numbers, columns.get("trade_id"))
        rows = [part_row(plan, columns, run, 0 if is_committed else plan.new_part_id()) for run in runs]
        stretches = [
            RowRun(row["first_row"], row["last_row"], row["first_time_ns"], row["last_time_ns"]) for row in rows
        ]
        covered = self._coverage.covers(stretches, Others(refused, inside.before, inside.behind), block.is_last)
        for row, (from_ns, to_ns) in zip(rows, covered, strict=True):
            self._sums.add(row["row_count"], row["base_volume"], row["first_time_ns"], row["last_time_ns"])
            row |= {"covered_from_ns": from_ns, "covered_to_ns": to_ns}
            row |= {"next_row": self._next_row, "next_byte": block.end_byte}
        if not rows or is_committed:
            return {}
        part_ids = pa.concat_arrays(
            [pa.repeat(row["part_id"], run.length) for row, run in zip(rows, runs, strict=True)]
        )
        name, table = raw_rows(plan, columns, inside.numbers, part_ids)
        return {name: table, "archive_parts": ledger_table("archive_parts", rows)}


def _numbers(parsed: Parsed, first_row: int) -> pa.Array:
    """Return the rows' numbers in the file."""
    if parsed.offsets is not None:
        return pa.array([first_row + offset for offset in parsed.offsets], pa.int64())
    return pa.arange(first_row, first_row + parsed.row_count)
