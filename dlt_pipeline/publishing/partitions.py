"""What is to be published: a partition for each row of `export_partitions`, and the names of its files."""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from dlt_pipeline.common import program
from dlt_pipeline.common.exceptions import PublishError
from dlt_pipeline.publishing.settings import ROW_GROUP

# Raised when the files of a partition change their form though its rows do not; all of them are then written anew.
_LAYOUT: Final = 2
# The sources that a warehouse has, and what their rows are called there and in published.duckdb.
SOURCES: Final = {"trades": "candles", "rest": "rest_candles", "archive": "archive_candles"}
_SAFE: Final = {
    "source": re.compile(r"[a-z_][a-z0-9_]*"),
    # Letters, digits, points and underscores of any script, and slashes between them. No "-", which is the slash's
    # name in a path; nothing that a reader of paths would take for a separator, a wildcard or an escape.
    "symbol": re.compile(r"\w[\w.]*(/\w[\w.]*)*"),
    "timeframe": re.compile(r"[0-9A-Za-z_]+"),
}
PREFIX: Final = "kraken_candles."
_VERSION: Final = f"{PREFIX}file_version"
_SETTLED: Final = f"{PREFIX}settled_"
# What of a partition changes with its rows.
_OF_ROWS: Final = frozenset({"row_count", "content_hash"})


class Key(NamedTuple):
    """A partition's place in the tree: where its rows come from, their symbol (BTC/USD), timeframe and UTC year."""

    source: str
    symbol: str
    timeframe: str
    year: int

    @property
    def folder(self) -> Path:
        """The partition's folder in the tree; `symbol=BTC-USD` stands for BTC/USD and for nothing else."""
        symbol = self.symbol.replace("/", "-")
        return Path(f"source={self.source}", f"symbol={symbol}", f"timeframe={self.timeframe}", f"year={self.year}")

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.symbol} {self.timeframe} {self.year} from {self.source}"


class Column(NamedTuple):
    """A column of the files: its name, and its DuckDB type in the warehouse."""

    name: str
    type: str


@dataclass(frozen=True)
class Partition:
    """A partition as the warehouse wants it: all that `export_partitions` says of it, and its columns."""

    key: Key
    row_count: int
    stated: Mapping[str, str]
    columns: tuple[Column, ...]

    @cached_property
    def version(self) -> str:
        """The name of exactly this content: it changes with the rows and with anything that the file says of itself."""
        return _hash([_LAYOUT, self.columns, sorted(self.stated.items())])

    @property
    def form(self) -> tuple[tuple[str, str], ...]:
        """What `export_partitions` says of it but for its rows."""
        return tuple(sorted((name, value) for name, value in self.stated.items() if name not in _OF_ROWS))


@dataclass(frozen=True)
class Settled:
    """The rows of a partition before one UTC day: as long as the hash stays, they are what a file has of them."""

    before: date
    row_count: int
    hash: str

    @classmethod
    def of(cls, partition: Partition, before: date, row_count: int, days: str) -> "Settled":
        """Make it of a hash of the days before, as `export_days` has them."""
        return cls(before, row_count, _hash([_LAYOUT, partition.columns, partition.form, str(before), row_count, days]))

    @classmethod
    def read(cls, path: Path) -> "Settled | None":
        """Return what the file says of its settled rows; None where it is not there, broken, or says nothing."""
        try:
            said = pq.read_metadata(path).metadata or {}
            before, row_count, its = (said[f"{_SETTLED}{name}".encode()].decode() for name in _SETTLED_NAMES)
            return cls(date.fromisoformat(before), int(row_count), its)
        except (OSError, pa.ArrowException, KeyError, ValueError):
            return None

    def said(self) -> dict[str, str]:
        """Return what a file says of it."""
        values = (self.before.isoformat(), str(self.row_count), self.hash)
        return {f"{_SETTLED}{name}": value for name, value in zip(_SETTLED_NAMES, values, strict=True)}


_SETTLED_NAMES: Final = ("before", "row_count", "hash")
_HEAD: Final = f"{PREFIX}head_"
_HEAD_NAMES: Final = ("bytes", "checksum")


def _hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def make_partition(row: Mapping[str, object], columns: tuple[Column, ...]) -> Partition:
    """Make a partition from a row of `export_partitions`; PublishError for a name that a path cannot carry."""
    for name, pattern in _SAFE.items():
        if not pattern.fullmatch(str(row[name])):
            raise PublishError(
                f"The {name} {row[name]!r} cannot be published: readers could not tell it from another one by its "
                "path in the Parquet tree. Leave it out of export_partitions and exported_candles."
            )
    key = Key(str(row["source"]), str(row["symbol"]), str(row["timeframe"]), int(str(row["year"])))
    stated = {name: str(value) for name, value in row.items() if value is not None}
    return Partition(key, int(str(row["row_count"])), stated, columns)


class Head(NamedTuple):
    """The first row groups of a file of ours, all of settled rows: as bytes a file of their own, and its footer."""

    content: pa.Buffer
    footer: pq.FileMetaData

    @property
    def row_count(self) -> int:
        """How many rows there are in it, of whole row groups alone."""
        return int(self.footer.num_rows)

    def said(self) -> dict[str, str]:
        """Return what a file that begins with it says of it."""
        values = (str(self.content.size), str(zlib.crc32(self.content)))
        return {f"{_HEAD}{name}": value for name, value in zip(_HEAD_NAMES, values, strict=True)}


def read_head(path: Path) -> Head | None:
    """Return the row groups that may be copied as they are; None where the file has none. BrokenFileError otherwise."""
    try:
        said = pq.read_metadata(path).metadata or {}
        length, checksum = (int(said.get(f"{_HEAD}{name}".encode(), 0)) for name in _HEAD_NAMES)
        if not length:
            return None
        with pa.memory_map(str(path)) as file:
            content = file.read_buffer(length)
        if zlib.crc32(content) != checksum:
            raise BrokenFileError(f"{path}: its first {length:,} bytes are not those that were written")
        return Head(content, pq.read_metadata(pa.BufferReader(content)))
    except (OSError, pa.ArrowException, ValueError) as error:
        raise BrokenFileError(f"{path}: {error}") from error


def write_parquet(
    path: Path,
    partition: Partition,
    rows: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    settled: Settled | None,
    taken: "Taken | None" = None,
) -> None:
    """Write a partition's rows in their order, those `taken` from a file that stands before the others.

    Whole row groups of settled rows are copied as they are, and written so that the next file can copy them. Raises
    PublishError if the rows are not as many as `export_partitions` says, BrokenFileError if those taken are not there.
    """
    head = read_head(taken.path) if taken else None
    count, wanted = (head.row_count if head else 0) / ROW_GROUP, settled.row_count // ROW_GROUP if settled else 0
    if count > wanted or count % 1:
        head, count = None, 0
    if taken:
        rows = chain(settled_rows(taken, head), rows)
    groups, beside = _row_groups(rows), path.with_suffix(".head")
    if count < wanted:
        _write_groups(beside, islice(groups, int(wanted - count)), schema, {}, head)
        with pa.memory_map(str(beside)) as file:
            head = Head(file.read_buffer(), pq.read_metadata(beside))
    said = _metadata(partition) | (settled.said() if settled else {}) | (head.said() if head else {})
    written = _write_groups(path, groups, schema, said, head)
    with suppress(PermissionError):  # where a file in use cannot be removed; all of it goes with the folder
        beside.unlink(missing_ok=True)
    if written != partition.row_count:
        raise PublishError(
            f"export_partitions counts {partition.row_count:,} rows of {partition.key}, exported_candles has "
            f"{written:,}; run `kraken-candles build` so that both are of one state."
        )


def write_rows(path: Path, rows: Iterable[pa.RecordBatch], schema: pa.Schema, said: Mapping[str, str]) -> int:
    """Write rows as a stream with what the file says of itself; return how many there were."""
    return _write_groups(path, _row_groups(rows), schema, said, None)


def _write_groups(
    path: Path, groups: Iterable[pa.Table], schema: pa.Schema, said: Mapping[str, str], head: Head | None
) -> int:
    schema = schema.with_metadata(dict(said))
    # Times, ids and counts as differences, prices plain: without dictionaries written in less than half the time, and
    # smaller. Text keeps its own, without which DuckDB 2.0 takes the only text of a row group for NULL beside NULLs.
    # With checksums, so that rows taken over from file to file for years are those that the warehouse gave.
    whole = [each.name for each in schema if pa.types.is_integer(each.type) or pa.types.is_timestamp(each.type)]
    texts = [each.name for each in schema if pa.types.is_string(each.type) or pa.types.is_large_string(each.type)]
    written = head.row_count if head else 0
    with pa.OSFile(str(path), "wb") as file:
        with pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            use_dictionary=texts or False,
            column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
            write_page_checksum=True,
        ) as writer:
            if head:  # where the writer has begun the file, so that it counts places from behind these bytes
                file.write(head.content.slice(file.tell()))
            for table in groups:
                writer.write_table(table.cast(schema))
                written += table.num_rows
        if head:
            _joined(schema, head.footer, pq.read_metadata(path)).write_metadata_file(file)
    return written


def _joined(schema: pa.Schema, *footers: pq.FileMetaData) -> pq.FileMetaData:
    """Return a footer of the row groups of these, which says what the schema does."""
    nothing = pa.BufferOutputStream()
    with pq.ParquetWriter(nothing, schema):
        pass
    joined = pq.read_metadata(pa.BufferReader(nothing.getvalue()))
    for footer in footers:
        joined.append_row_groups(footer)
    return joined


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        while sum(each.num_rows for each in waiting) >= ROW_GROUP:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, ROW_GROUP)
            waiting = table.slice(ROW_GROUP).to_batches()
    if waiting:
        yield pa.Table.from_batches(waiting)


class BrokenFileError(Exception):
    """A file of ours cannot be read, or has fewer rows than it says."""


class Taken(NamedTuple):
    """The settled rows of a file of ours that stands."""

    path: Path
    settled: Settled


def settled_rows(taken: Taken, head: Head | None) -> Iterator[pa.RecordBatch]:
    """Stream the settled rows of a file of ours behind those of its head; BrokenFileError if they are not all there."""
    left = taken.settled.row_count - (head.row_count if head else 0)
    try:
        with pq.ParquetFile(taken.path, page_checksum_verification=True) as file:
            groups = range(head.footer.num_row_groups if head else 0, file.num_row_groups)
            batches = file.iter_batches(ROW_GROUP, groups)
            while left:
                rows = next(batches).slice(0, left)
                left -= rows.num_rows
                yield rows
    except (OSError, pa.ArrowException, StopIteration) as error:
        raise BrokenFileError(f"{taken.path}: {error}") from error


def is_version(path: Path, partition: Partition) -> bool:
    """Tell whether the file at `path` is whole and holds exactly what is wanted of the partition."""
    try:
        footer = pq.read_metadata(path)
    except (OSError, pa.ArrowException):  # not there, cut off, or something else
        return False
    said = (footer.metadata or {}).get(_VERSION.encode(), b"").decode(errors="replace")
    return bool(said == partition.version and footer.num_rows == partition.row_count)


def is_ours(path: Path) -> bool:
    """Tell whether a publish wrote the file at `path`, whatever it holds."""
    try:
        return _VERSION.encode() in (pq.read_metadata(path).metadata or {})
    except (OSError, pa.ArrowException):
        return False


def _metadata(partition: Partition) -> dict[str, str]:
    stated = dict(partition.stated)
    stated["version"] = program()
    stated["file_version"] = partition.version
    stated["written_at"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {PREFIX + name: value for name, value in stated.items()}
