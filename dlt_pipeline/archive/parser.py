"""Columns of a block of lines at once, exact; lines that are not plain are left to the parser of lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from dlt_pipeline.archive.line_parser import BLANKS, CANDLE_VOLUME_DECIMALS, RefusedLine, Values, values_of
from dlt_pipeline.kraken.answers import (
    HIGHEST,
    HIGHEST_AMOUNT,
    LATEST_SECONDS,
    OPENED_SECONDS,
    ORDER_TYPES,
    SIDES,
)
from dlt_pipeline.kraken.raw_tables import DECIMAL

_NS: Final = 10**9
_TEXT, _BIGINT = pa.string(), pa.int64()
_SECONDS: Final = pa.decimal128(19, 9)  # with a fraction, exactly
_WRITTEN: Final = pa.decimal256(76, 38)  # holds all digits of a float sum
# Of a number, not the e of a word.
_EXPONENT: Final = re.compile(rb"[0-9.][eE][+-]?[0-9]")
_PRICES: Final = ("open", "high", "low", "close")
# What pyarrow reads, in the order of a file's fields.
_FIELDS: Final[dict[str, dict[str, pa.DataType]]] = {
    "trades": {"time": _BIGINT, "price": DECIMAL, "volume": DECIMAL},
    "trades_with_ids": {
        "price": DECIMAL,
        "volume": DECIMAL,
        "time": _SECONDS,
        "side": _TEXT,
        "order_type": _TEXT,
        "misc": _TEXT,
        "trade_id": _BIGINT,
    },
    "candles": {"time": _BIGINT, **dict.fromkeys(_PRICES, DECIMAL), "volume": _TEXT, "trade_count": _BIGINT},
}
# What comes out, by name.
TYPES: Final[dict[str, dict[str, pa.DataType]]] = {
    kind: {"time_ns": _BIGINT, **{name: type_ for name, type_ in fields.items() if name != "time"}}
    for kind, fields in _FIELDS.items()
}
TYPES["candles"] |= {"volume": DECIMAL, "volume_text": _TEXT}

_SHOWN: Final = 500
# A block with a broken line is halved until so few bytes are left to be read line by line.
_FEW_BYTES: Final = 4096


def at_once(data: bytes, kind: str, minutes: int | None) -> dict[str, pa.Array] | None:
    """Return the columns of all rows, None where a line needs a closer look; blank lines are no rows."""
    if _needs_a_closer_look(data, kind):
        return None
    fields = _FIELDS[kind]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(column_names=list(fields), use_threads=False, block_size=len(data) + 1),
            parse_options=pacsv.ParseOptions(quote_char=False, ignore_empty_lines=True),
            convert_options=pacsv.ConvertOptions(
                column_types=fields, null_values=[""], strings_can_be_null=False, check_utf8=True
            ),
        )
        columns = {name: _whole(table[name]) for name in fields}
        if kind == "candles":
            columns |= _rounded(columns["volume"])
    except pa.ArrowInvalid:
        return None
    if not table.num_rows or any(columns[name].null_count for name in fields if name != "trade_id"):
        return None
    return _sound(columns, kind, minutes)


def _needs_a_closer_look(data: bytes, kind: str) -> bool:
    """Whether it has quotes, NUL bytes, CRs alone, or what Arrow takes for a number and we do not.

    That is a hexadecimal number for a whole one, and an exponent for a time with a fraction.
    """
    if b'"' in data or b"\0" in data:
        return True
    if kind == "trades_with_ids" and (b"e" in data or b"E" in data) and _EXPONENT.search(data):
        return True
    if (b"x" in data and b"0x" in data) or (b"X" in data and b"0X" in data):  # one byte is found ten times faster
        return True
    return b"\r" in data and data.count(b"\r") != data.count(b"\r\n")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _rounded(written: pa.Array) -> dict[str, pa.Array]:
    """Return the volumes of candles as numbers beside their text; ArrowInvalid where one is no number."""
    texts = pc.utf8_trim(written, BLANKS)
    return {
        "volume": pc.round(texts.cast(_WRITTEN), CANDLE_VOLUME_DECIMALS, "half_to_even").cast(DECIMAL),
        "volume_text": texts,
    }


def _sound(columns: dict[str, pa.Array], kind: str, minutes: int | None) -> dict[str, pa.Array] | None:
    """Return the columns as they come out, None where a value cannot be."""
    time = columns.pop("time")
    price = columns["price" if kind != "candles" else "high"]
    rest = (minutes or 1) * 60 - 1 if kind == "candles" else 0  # of a candle its last second counts
    if not _lie_within(time, OPENED_SECONDS - rest, LATEST_SECONDS - rest):
        return None
    if not _lie_within(columns["volume"], 0, HIGHEST):
        return None
    if not (_lie_within(price, 0, HIGHEST) and _least(price) > 0):
        return None
    if not (_are_candles(columns, time, minutes or 1) if kind == "candles" else _are_amounts(price, columns["volume"])):
        return None
    if kind == "trades_with_ids":
        time_ns = _to_ns(time)
        columns["side"] = _named(columns["side"], SIDES)
        columns["order_type"] = _named(columns["order_type"], ORDER_TYPES)
        columns["misc"] = pc.utf8_trim(columns["misc"], BLANKS)
        columns["trade_id"] = pc.fill_null(columns["trade_id"], 0)
        if columns["side"].null_count or columns["order_type"].null_count or _least(columns["trade_id"]) < 0:
            return None
    else:
        time_ns = pc.multiply(time, _NS)
    return {"time_ns": time_ns, **columns}


def _lie_within(column: pa.Array, lowest: int | Decimal, above: int | Decimal) -> bool:
    """Whether all values are at least `lowest` and less than `above`."""
    spread = pc.min_max(column)
    return bool(spread["min"].as_py() >= lowest and spread["max"].as_py() < above)


def _are_amounts(price: pa.Array, volume: pa.Array) -> bool:
    """Whether no price times volume comes near HIGHEST_AMOUNT; a million rows of floats take a few milliseconds."""
    near = float(HIGHEST_AMOUNT) * (1 - 1e-9)  # what floats cannot decide is looked at closer
    if pc.max(price).as_py() * pc.max(volume).as_py() < near:
        return True
    amounts = pc.multiply(price.cast(pa.float64()), volume.cast(pa.float64()))
    return bool(pc.max(amounts).as_py() < near)


def _to_ns(seconds: pa.Array) -> pa.Array:
    exactly = pc.multiply(seconds, pa.scalar(_NS, pa.decimal128(10, 0)))
    return exactly.cast(_BIGINT)


def _named(column: pa.Array, names: dict[str, str]) -> pa.Array:
    """Return the full names of what stands there, NULL where it is unknown."""
    places = pc.index_in(pc.utf8_lower(column), value_set=pa.array(list(names)))
    return pc.take(pa.array(list(names.values())), places)


def _are_candles(columns: dict[str, pa.Array], time: pa.Array, minutes: int) -> bool:
    seconds = minutes * 60
    if pc.any(pc.not_equal(pc.multiply(pc.divide(time, seconds), seconds), time)).as_py():
        return False
    low, high = columns["low"], columns["high"]
    inside = [
        pc.all(comparison).as_py()
        for name in ("open", "close")
        for comparison in (pc.less_equal(low, columns[name]), pc.less_equal(columns[name], high))
    ]
    return all(inside) and _least(low) > 0 and _least(columns["trade_count"]) >= 0


def _least(column: pa.Array) -> Any:
    return pc.min(column).as_py()


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
