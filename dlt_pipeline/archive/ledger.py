"""The rows that say what was read of a file: its parts, what was refused, and the file as a whole."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.archive.columns import Refused
from dlt_pipeline.archive.coverage import Coverage
from dlt_pipeline.archive.member import Member
from dlt_pipeline.archive.parts import Run
from dlt_pipeline.archive.plan import Reading
from dlt_pipeline.archive.sums import Sums
from dlt_pipeline.archive.tables import ARCHIVE_SCHEMAS
from dlt_pipeline.common.time import utc
from dlt_pipeline.kraken.raw_tables import DECIMAL

Row = dict[str, Any]


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
