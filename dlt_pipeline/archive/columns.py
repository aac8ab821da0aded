"""A block of lines as typed Arrow columns: at once where all are sound, else line by line. No float is ever made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from dlt_pipeline.archive.at_once import TYPES, at_once
from dlt_pipeline.archive.values import RefusedLine, Values, values_of
from dlt_pipeline.kraken.raw_tables import DECIMAL

_SHOWN: Final = 500
# A block with a broken line is halved until so few bytes are left to be read line by line.
_FEW_BYTES: Final = 4096


@dataclass
class Refused:
    """A line that could not be taken in: `offset` counts the block's rows, `line` its lines, both from 0."""

    offset: int
    line: int
    reason: str
    text: str


@dataclass
class Parsed:
    """A block's rows: columns of those taken in, their places among the rows (None: all of them), and the refused.

    `lines` has the line of each row, from 0, where lines were read one by one.
    """

    columns: dict[str, pa.Array]
    row_count: int
    offsets: list[int] | None = None
    refused: list[Refused] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def parse(data: bytes, kind: str, minutes: int | None) -> Parsed:
    """Return the rows of a block of whole lines; blank lines are no rows."""
    columns = at_once(data, kind, minutes)
    if columns is not None:
        return Parsed(columns, len(columns["time_ns"]))
    middle = data.find(b"\n", len(data) // 2) + 1
    if len(data) <= _FEW_BYTES or not 0 < middle < len(data):
        return line_by_line(data, kind, minutes)
    halves = parse(data[:middle], kind, minutes), parse(data[middle:], kind, minutes)
    return _joined(*halves, data.count(b"\n", 0, middle))


def line_by_line(data: bytes, kind: str, minutes: int | None) -> Parsed:
    """Return the same for lines of which some may be broken."""
    rows: list[Values] = []
    offsets: list[int] = []
    refused: list[Refused] = []
    lines: list[int] = []
    for number, line in enumerate(data.split(b"\n")):
        if not line or line.isspace():
            continue
        try:
            rows.append(values_of(line, kind, minutes))
            offsets.append(len(lines))
        except RefusedLine as reason:
            refused.append(Refused(len(lines), number, str(reason), shown(line)))
        lines.append(number)
    return Parsed(columns_of(rows, kind), len(lines), offsets if refused else None, refused, lines)


def _joined(first: Parsed, second: Parsed, line_count: int) -> Parsed:
    """Return the rows of two pieces; `line_count` is of the first one. Lines of rows are not kept."""
    columns = {name: pa.concat_arrays([column, second.columns[name]]) for name, column in first.columns.items()}
    moved = [
        Refused(one.offset + first.row_count, one.line + line_count, one.reason, one.text) for one in second.refused
    ]
    refused = [*first.refused, *moved]
    offsets = [*_offsets(first), *(offset + first.row_count for offset in _offsets(second))] if refused else None
    return Parsed(columns, first.row_count + second.row_count, offsets, refused)


def _offsets(parsed: Parsed) -> Sequence[int]:
    return range(parsed.row_count) if parsed.offsets is None else parsed.offsets


def shown(line: bytes) -> str:
    """Return a line as it can be stored and shown, cut where it is long."""
    return line.strip()[:_SHOWN].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def columns_of(rows: Sequence[Values], kind: str) -> dict[str, pa.Array]:
    """Return rows of values as columns."""
    found: dict[str, pa.Array] = {}
    for name, type_ in TYPES[kind].items():
        values: list[Any] = [row[name] for row in rows]
        found[name] = pa.array(values, pa.string()).cast(DECIMAL) if type_ == DECIMAL else pa.array(values, type_)
    return found
