"""The dlt source of Kraken's downloads: rows, the ledger of parts and files, and refused rows, as resources."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import dlt
import pyarrow as pa
from dlt.extract import DltResource

from dlt_pipeline.archive.raw_tables import ARCHIVE_KEYS, ARCHIVE_SCHEMAS
from dlt_pipeline.archive.stored import read_stored
from dlt_pipeline.archive.symbols import make_archive_request
from dlt_pipeline.archive.work import Work
from dlt_pipeline.common.time import When
from dlt_pipeline.kraken.ledger_store import LedgerStore
from dlt_pipeline.kraken.raw_tables import SCHEMAS, Batch, hints, market_rows, merged, part_of, to_table, version_row
from dlt_pipeline.warehouse.pipeline import active_pipeline

# The tables that the rows of a file fill.
FILE_TABLES: Final = (*ARCHIVE_SCHEMAS, "trades")
# What the dbt models read besides, also where nothing but archives was ever loaded.
_OTHER_TABLES: Final = ("pages", "id_holes", "rest_candles")


class Gathered:
    """What was taken in since the last batch."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tables: dict[str, list[pa.Table]] = {}
        self.row_count = 0

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Put tables behind those that are there; empty ones are left out."""
        for name, table in tables.items():
            if table.num_rows:
                self._tables.setdefault(name, []).append(table)
                self.row_count += table.num_rows

    def flush(self) -> Batch:
        """Return all of it by table, and begin anew."""
        batch = {
            name: tables[0] if len(tables) == 1 else pa.concat_tables(tables) for name, tables in self._tables.items()
        }
        self._tables, self.row_count = {}, 0
        return batch


class ArchiveChunk:
    """Shared by the threads that read files; `work` goes on from chunk to chunk."""

    def __init__(self, work: Work) -> None:
        """Begin it."""
        self.work = work
        self.is_first = not work.has_begun
        work.begin_chunk()
        self.reader_count = work.settings.reader_count
        self._rows = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Learn what the warehouse has and which files are to be read: once, by whoever is first."""
        with self._lock:
            if not self.work.is_prepared:
                with LedgerStore.of_pipeline(active_pipeline("duckdb", "filesystem")) as store:
                    stored = read_stored(store)
                self.work.prepare(stored)
            self.work.has_begun = True

    def batches(self) -> Iterator[Batch]:
        """Yield batches of one file after another until the chunk has its rows, nothing waits or the user stops."""
        self.begin()
        gathered = Gathered()
        while self._has_room and (task := self.work.take()) is not None:
            for taken in self.work.read(task):
                gathered.add(taken.tables)
                self._count(taken.tables)
                if gathered.row_count >= self.work.settings.batch_rows:
                    yield gathered.flush()
                if not self._has_room:
                    break
            self.work.put_down(task)
        if gathered.row_count:
            yield gathered.flush()

    @property
    def _has_room(self) -> bool:
        return self._rows < self.work.settings.chunk_rows and not self.work.stop.is_set()

    def _count(self, tables: Mapping[str, pa.Table]) -> None:
        with self._lock:
            self._rows += sum(table.num_rows for table in tables.values())


@dlt.source(name="archive", section="archive", max_table_nesting=0)
def source_of(chunk: ArchiveChunk) -> list[DltResource]:
    """Return the source of one chunk of an import that keeps its work from chunk to chunk."""
    return resources(chunk)


@dlt.source(name="archive", section="archive", max_table_nesting=0)
def archive_source(
    paths: str | Path | Sequence[str | Path],
    symbols: Sequence[str] | None = None,
    start: When | None = None,
    end: When | None = None,
    symbol_map: str | Path | None = None,
    password: str | None = None,
    whole_days: bool = False,
    exact: bool = False,
) -> Any:
    """Kraken's official downloads (time and sales, OHLCVT) with the ledger that proves them.

    One run is one bounded chunk: about `sources.archive.chunk_rows` rows. It goes on where the destination's ledger
    ends, so run it again (or use `dlt_pipeline.import_archives`, which also replaces older editions) until nothing is
    added. Rows count only if their part stands in `archive_parts` with a complete load. After a run that was cut off,
    drop what is pending (`pipeline.drop_pending_packages()`): what it lacks is read again.

    Args:
        paths: ZIPs, folders with their files (searched to the bottom) or single CSV files; one or several.
        symbols: only these, as ccxt's symbols (`BTC/USD`) or Kraken's altnames (`XBTUSD`); None for all.
        start: first moment wanted, inclusive; ISO text, date or datetime; UTC where no zone is given.
        end: first moment not wanted any more.
        symbol_map: a CSV of `altname,symbol` that has the last word on what a file is called.
        password: of encrypted ZIPs.
        whole_days: believe that each file holds the whole of the UTC days of its first and last trade.
        exact: take start and end as they are instead of widening them to whole UTC days.

    A file that cannot be read is left out with a warning in the log. Raises BadInputError at once for arguments that
    make no sense.
    """
    request = make_archive_request(paths, symbols, start, end, symbol_map, password, whole_days, exact)
    return resources(ArchiveChunk(Work(request)))


def resources(chunk: ArchiveChunk) -> list[DltResource]:
    """Return the dlt resources of one chunk: a few files are read at once, each shared out to its tables."""
    # The ledger counts only with the id of its load, and dlt adds it to Arrow tables only when told to.
    os.environ.setdefault("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID", "true")
    found: list[DltResource] = []
    if chunk.is_first:
        found = [
            dlt.resource(_markets(chunk), name="markets", **hints("markets")),
            dlt.resource(_versions(chunk), name="warehouse_versions", **hints("warehouse_versions")),
            *(dlt.resource(_empty(table), name=table, **hints(table)) for table in _OTHER_TABLES),
        ]
    for number in range(chunk.reader_count):
        read = dlt.resource(_batches(chunk, number), name=f"files_{number}", selected=False, parallelized=True)
        found.extend(
            dlt.transformer(part_of(table), name=f"{table}_{number}", data_from=read, **archive_hints(table))
            for table in FILE_TABLES
        )
    return found


def archive_hints(table: str) -> dict[str, Any]:
    """Return dlt's hints of a table that files fill: rows are appended, for only parts make them count."""
    if table not in ARCHIVE_SCHEMAS:
        return hints(table)
    found = merged(table, ARCHIVE_SCHEMAS[table], ARCHIVE_KEYS[table])
    if table in ("archive_trades", "archive_candles"):
        found |= {"primary_key": None, "write_disposition": "append"}
    return found


def _batches(chunk: ArchiveChunk, number: int) -> Callable[[], Iterator[Batch]]:
    def batches() -> Iterator[Batch]:  # dlt puts an attribute on the function, which a bound method refuses
        if chunk.is_first and number == 0:
            yield {table: (ARCHIVE_SCHEMAS | SCHEMAS)[table].empty_table() for table in FILE_TABLES}
        yield from chunk.batches()

    return batches


def _empty(table: str) -> Iterator[pa.Table]:
    yield SCHEMAS[table].empty_table()


def _markets(chunk: ArchiveChunk) -> Iterator[pa.Table]:
    chunk.begin()
    yield to_table("markets", market_rows(list(chunk.work.asked_markets), time.time()))


def _versions(chunk: ArchiveChunk) -> Iterator[pa.Table]:
    """Say which program wrote here; which exchange, only if it was asked."""
    chunk.begin()
    base_url = chunk.work.base_url if chunk.work.asked_markets else ""
    yield to_table("warehouse_versions", [version_row(base_url)])
