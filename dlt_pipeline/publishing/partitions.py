"""What is to be published: a partition for each row of `export_partitions`, and the names of its files."""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cached_property, partial
from itertools import chain, islice, repeat
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

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
_HEAD_NAMES: Final = (f"{PREFIX}head_bytes", f"{PREFIX}head_checksum")
# How often a row group is halved for settled rows that fill none: down to 8,192 rows, which take as long as a file.
_HALVED: Final = 4
_ANYTHING: Final = memoryview(bytes(2**20))


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
    """The first row groups of a file of ours, all of settled rows: as bytes a file of their own, and its footer.

    Shorter heads lie in it, each a file too: `ends` has for each the number of its bytes and their checksum.
    """

    content: pa.Buffer
    footer: pq.FileMetaData
    ends: tuple[tuple[int, int], ...]


def read_head(path: Path, settled: int) -> Head | None:
    """Return the longest head of the file with which one of so many settled rows can begin; None if there is none.

    Raises BrokenFileError.
    """
    try:
        said = pq.read_metadata(path).metadata or {}
        ends = list(zip(*(map(int, said.get(name.encode(), b"").split()) for name in _HEAD_NAMES), strict=True))
        with pa.memory_map(str(path)) as file:
            while ends:
                file.seek(0)
                content = file.read_buffer(ends[-1][0])
                footer = pq.read_metadata(pa.BufferReader(content))
                if footer.num_rows in _heads(settled) or footer.num_rows in range(0, settled + 1, ROW_GROUP):
                    if zlib.crc32(content) != ends[-1][1]:
                        raise BrokenFileError(
                            f"{path}: its first {content.size:,} bytes are not those that were written"
                        )
                    return Head(content, footer, tuple(ends))
                ends.pop()
    except (OSError, pa.ArrowException, ValueError) as error:
        raise BrokenFileError(f"{path}: {error}") from error
    return None


def write_parquet(
    path: Path,
    partition: Partition,
    rows: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    settled: Settled | None,
    taken: "Taken | None" = None,
) -> None:
    """Write a partition's rows in their order, those `taken` from a file that stands before the others.

    Row groups of settled rows are copied as they are, and written so that the next file can copy them. Raises
    PublishError if the rows are not as many as `export_partitions` says, BrokenFileError if those taken are not there.
    """
    count = settled.row_count if settled else 0
    head = read_head(taken.path, count) if taken else None
    if taken:
        rows = chain(settled_rows(taken, head), rows)
    heads = _heads(count, head.footer.num_rows if head else 0)
    said = _metadata(partition) | (settled.said() if settled else {})
    written = _write_groups(path, rows, schema, said, head, list(heads.values()))
    if written != partition.row_count:
        raise PublishError(
            f"export_partitions counts {partition.row_count:,} rows of {partition.key}, exported_candles has "
            f"{written:,}; run `kraken-candles build` so that both are of one state."
        )


def _heads(count: int, begun: int = 0) -> dict[int, list[int]]:
    """Return where the heads of so many settled rows end, each with the sizes of its row groups behind the one before.

    First all whole row groups, then halves of them down to the least, each once at the most: so most of what a file
    has lies in a head of the next one, however little it grows, and it has few row groups. `begun` rows are there.
    """
    end = count // ROW_GROUP * ROW_GROUP
    heads = {end: [ROW_GROUP] * ((end - begun) // ROW_GROUP)}
    for halved in range(1, _HALVED + 1):
        if end + (size := ROW_GROUP >> halved) <= count:
            end += size
            heads[end] = [size]
    return {end: sizes for end, sizes in heads.items() if end > begun}


def write_rows(path: Path, rows: Iterable[pa.RecordBatch], schema: pa.Schema, said: Mapping[str, str]) -> int:
    """Write rows as a stream with what the file says of itself; return how many there were."""
    return _write_groups(path, rows, schema, said, None, [])


def _write_groups(
    path: Path,
    rows: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    said: Mapping[str, str],
    head: Head | None,
    heads: Sequence[Sequence[int]],
) -> int:
    """Write rows behind a head, first those of further heads by the sizes of their row groups; return how many."""
    # Times, ids and counts as differences, prices plain: without dictionaries written in less than half the time, and
    # smaller. Text keeps its own, without which DuckDB 2.0 takes the only text of a row group for NULL beside NULLs.
    # With checksums, so that rows taken over from file to file for years are those that the warehouse gave.
    whole = [each.name for each in schema if pa.types.is_integer(each.type) or pa.types.is_timestamp(each.type)]
    texts = [each.name for each in schema if pa.types.is_string(each.type) or pa.types.is_large_string(each.type)]
    open_writer = partial(
        pq.ParquetWriter,
        compression="zstd",
        use_dictionary=texts or False,
        column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        write_page_checksum=True,
    )
    groups = _row_groups(rows, chain(chain.from_iterable(heads), repeat(ROW_GROUP)))
    ends, footers = (list(head.ends), [head.footer]) if head else ([], [])

    def append(tables: Iterable[pa.Table], told: pa.Schema) -> None:
        sink = pa.PythonFile(_Behind(file), mode="w")
        with open_writer(sink, told) as writer:
            while known := min(file.tell() - sink.tell(), len(_ANYTHING)):
                sink.write(_ANYTHING[:known])
            for table in tables:
                writer.write_table(table.cast(told))
        file.flush()
        footers.append(pq.read_metadata(path))
        if footers[1:]:
            _joined(told, footers).write_metadata_file(file)

    with path.open("wb") as file:
        if head:
            file.write(head.content)
            file.flush()
        for sizes in heads:
            append(islice(groups, len(sizes)), schema.remove_metadata())
            file.flush()
            ends.append(_end(path, file.tell(), *(ends[-1] if ends else (0, 0))))
        names = {
            name: " ".join(map(str, each)) for name, each in zip(_HEAD_NAMES, zip(*ends, strict=True), strict=False)
        }
        append(groups, schema.with_metadata({**said, **names}))
    return sum(footer.num_rows for footer in footers)


class _Behind:
    """The end of a file, for a ParquetWriter, which appends to none: as many bytes as the file has are left out.

    So it counts places from the beginning of the file, once as many were written.
    """

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left_out = file, file.tell()

    def write(self, content: bytes) -> None:
        known = min(self._left_out, len(content))
        self._left_out -= known
        self._file.write(memoryview(content)[known:])

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Leave it open."""


def _end(path: Path, size: int, before: int, checksum: int) -> tuple[int, int]:
    """Return the size of a head that a file ends with, and its checksum, made of those of the one before."""
    with pa.memory_map(str(path)) as file:
        file.seek(before)
        return size, zlib.crc32(file.read_buffer(size - before), checksum)


def _joined(schema: pa.Schema, footers: Iterable[pq.FileMetaData]) -> pq.FileMetaData:
    """Return a footer of the row groups of these, which says what the schema does."""
    nothing = pa.BufferOutputStream()
    with pq.ParquetWriter(nothing, schema):
        pass
    joined = pq.read_metadata(pa.BufferReader(nothing.getvalue()))
    for footer in footers:
        joined.append_row_groups(footer)
    return joined


def _row_groups(batches: Iterable[pa.RecordBatch], sizes: Iterator[int]) -> Iterator[pa.Table]:
    """Share out rows to tables of these sizes; the last one may have fewer."""
    waiting: list[pa.RecordBatch] = []
    size = next(sizes)
    for batch in batches:
        waiting.append(batch)
        while sum(each.num_rows for each in waiting) >= size:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, size)
            waiting = table.slice(size).to_batches()
            size = next(sizes)
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
    left = taken.settled.row_count - (head.footer.num_rows if head else 0)
    try:
        with pq.ParquetFile(taken.path, page_checksum_verification=True) as file:
            groups = range(head.footer.num_row_groups if head else 0, file.num_row_groups)
            batches = file.iter_batches(ROW_GROUP, groups, use_threads=False)
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
