"""What of the warehouse is to be published, as of one moment."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.common.exceptions import NothingBuiltError, PublishError
from dlt_pipeline.publishing.partitions import SOURCES, Column, Key, Partition, Settled, make_partition
from dlt_pipeline.publishing.settings import MEMORY, ROW_GROUP
from dlt_pipeline.warehouse.database import connect
from dlt_pipeline.warehouse.errors import MEMORY_NAME

_PARTITIONS: Final = "export_partitions"
_ROWS: Final = "exported_candles"
_DAYS: Final = "export_days"
# A column of the rows that files lack: by it DuckDB passes over other days, for it is stored and bucket_start is not.
_DAY: Final = "bucket_on"
# Tables that are a file each, in order, and those of them that only a whole build changes.
_FACTS: Final = {
    "coverage": "symbol, 2",
    "gaps": "symbol, 2",
    "bars": "symbol, bar, traded_on, bar_number",
    "market_names": "symbol, market",
    "market_status": "symbol, seen_from",
}
OF_WHOLE_BUILDS: Final = frozenset({"bars", "market_names", "market_status"})
# What stood before, in the schema beside that the dbt package gives what cannot be made anew, and what reads it there.
AS_OF: Final = {"replaced_candles": "candles_as_of", "replaced_gaps": "gaps_as_of"}
_KEY: Final = ", ".join(Key._fields)
# By partition the first day whose rows are not what they were, and how many rows there are from it on.
_CHANGED: Final = f"""
    with changed as (
        select {_KEY}, min(coalesce(now.bucket_on, before.bucket_on)) as first_on
        from days_now as now full join days_before as before using ({_KEY}, bucket_on)
        where now.content_hash is distinct from before.content_hash
        group by all
    )
    select {_KEY}, first_on, coalesce(sum(row_count), 0)::bigint
    from changed left join days_now using ({_KEY})
    where bucket_on is null or bucket_on >= first_on
    group by all
"""  # noqa: S608 - own names only
# By partition what lies before a day, the last of it where none is given: the day, the number of rows, a hash.
_SETTLED: Final = f"""
    with days as (
        select {_KEY}, bucket_on, row_count, content_hash,
            coalesce(first_on, max(bucket_on) over (partition by {_KEY})) as before
        from {{days}} inner join first_days using ({_KEY})
    )
    select {_KEY}, before, sum(row_count)::bigint, md5(string_agg(bucket_on || content_hash, '' order by bucket_on))
    from days where bucket_on < before group by all
"""  # noqa: S608 - own names only


@dataclass(frozen=True)
class Replaced:
    """What one UTC day's builds replaced; `said` changes with the rows, which are only ever added."""

    table: str
    day: date
    said: str


class WarehouseRows:
    """What `export_partitions` and `exported_candles` of a schema say, read over an open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, schema: str, spill: Path) -> None:
        """Read the partitions and columns; NothingBuiltError if the tables are not there.

        `spill` is the folder in which a sort larger than the memory limit may write.
        """
        self._connection = connection
        self._schema = schema
        for table in (_PARTITIONS, _ROWS):
            if not self._has(table):
                raise NothingBuiltError(
                    f"The warehouse {path} has no {schema}.{table} to publish from; run `kraken-candles build` first."
                )
        connection.execute(f"set memory_limit = '{os.environ.get(MEMORY_NAME) or MEMORY}'")
        connection.execute("set temp_directory = ?", [str(spill)])
        described = connection.table(f'"{schema}".{_ROWS}')
        missing = {*Key._fields, "bucket_start"} - set(described.columns)
        if missing:
            raise PublishError(f"{schema}.{_ROWS} of {path} lacks {', '.join(sorted(missing))}; build it anew.")
        pairs = zip(described.columns, described.types, strict=True)
        self.columns = tuple(Column(name, str(kind)) for name, kind in pairs if name not in {*Key._fields, _DAY})
        self._day = _DAY if _DAY in described.columns else "bucket_start"  # as an older version built it
        self.partitions = self._partitions(path)

    def _partitions(self, path: Path) -> list[Partition]:
        table = self._connection.table(f'"{self._schema}".{_PARTITIONS}').order(", ".join(Key._fields))
        missing = {*Key._fields, "row_count", "content_hash"} - set(table.columns)
        if missing:
            raise PublishError(f"{self._schema}.{_PARTITIONS} of {path} lacks {', '.join(missing)}; build it anew.")
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]
        partitions = [make_partition(row, self.columns) for row in rows]
        if len({partition.key for partition in partitions}) < len(partitions):
            raise PublishError(f"{self._schema}.{_PARTITIONS} of {path} names a partition twice; build it anew.")
        return partitions

    def days(self) -> pa.Table | None:
        """Return `export_days`: of each partition's days their number of rows and hash; None where there is no such."""
        if not self._has(_DAYS):
            return None
        names = ", ".join((*Key._fields, "bucket_on", "row_count", "content_hash"))
        query = f'select {names} from "{self._schema}".{_DAYS}'  # noqa: S608 - own names only
        return self._connection.sql(query).to_arrow_table()

    def facts(self, left_out: Collection[str] = ()) -> dict[str, pa.Table]:
        """Return the tables that are a file each, such as `coverage` and `gaps`, as far as they are there."""
        return {
            name: self._connection.sql(f'from "{self._schema}".{name} order by {_FACTS[name]}').to_arrow_table()
            for name in _FACTS
            if name not in left_out and self._has(name)
        }

    @cached_property
    def as_of(self) -> dict[str, str]:
        """The table macros of what stood at an instant that are there: the definition by the table it reads.

        They are those of the warehouse but for its name, so that they say the same over views of the same names.
        """
        tables = {AS_OF[table]: table for table in AS_OF if self._has(table, f"{self._schema}_kept")}
        query = r"""
            select function_name,
                regexp_replace(macro_definition, '(^|[^\w".])"?' || regexp_escape(current_database()) || '"?[.]("?'
                    || regexp_escape($1) || '(_kept)?"?[.])', '\1published.\2', 'g')
            from duckdb_functions() where database_name = current_database() and schema_name = $1
        """  # of thousands of functions, so it is asked once, and only where there is something
        found = dict(self._connection.execute(query, [self._schema]).fetchall()) if tables else {}
        return {table: found[macro] for macro, table in tables.items() if macro in found}

    def replaced(self) -> list[Replaced]:
        """Return what was replaced, by table and day."""
        found = []
        for table in self.as_of:
            rows = self._replaced(table)
            days = rows.aggregate("known_to::date as day, count(*), max(known_to)").order("day").fetchall()
            kinds = (rows.columns, list(map(str, rows.types)))
            found += [Replaced(table, day, str((count, last, kinds))) for day, count, last in days]
        return found

    def replaced_rows(self, replaced: Replaced) -> pa.RecordBatchReader:
        """Stream its rows."""
        rows = self._replaced(replaced.table).filter(f"known_to::date = date '{replaced.day}'")
        return rows.order("symbol, known_to").to_arrow_reader(ROW_GROUP)

    def _replaced(self, table: str) -> duckdb.DuckDBPyRelation:
        """Return the table, with the numbers of candles as those that are published have them."""
        rows = self._connection.table(f'"{self._schema}_kept".{table}')
        kinds = {column.name: column.type for column in self.columns} if table == next(iter(AS_OF)) else {}
        picked = [f'"{name}"::{kinds[name]} as "{name}"' if name in kinds else f'"{name}"' for name in rows.columns]
        return rows.project(", ".join(picked))

    def rows_from(self, first_days: Mapping[Key, date]) -> pa.RecordBatchReader:
        """Stream the partitions' rows from the start of a day each, with source, symbol and timeframe."""
        names = ["rows.source", "rows.symbol", "rows.timeframe", *(f'rows."{column.name}"' for column in self.columns)]
        return self._rows_from(first_days, names, "rows.source, rows.symbol, rows.timeframe")

    def by_partition(self, first_days: Mapping[Key, date]) -> tuple[pa.Schema, Iterator[tuple[Key, pa.RecordBatch]]]:
        """Stream the rows of partitions from a day on, one partition after another, by bucket_start; one may have none.

        Times are naive UTC, as in the warehouse. Nothing else can be asked until all are read.
        """
        names = [*(f'rows."{column.name}"' for column in self.columns), "first_days.number"]
        reader = self._rows_from(first_days, names, "first_days.number")
        return reader.schema.remove(len(self.columns)), _by_number(reader, list(first_days))

    def settled(self, before: Mapping[Key, date | None]) -> dict[Key, Settled]:
        """Return what of partitions lies before a UTC day each, None for the last one with rows, if anything does."""
        if not before or not self._has(_DAYS):
            return {}
        self._connection.register("first_days", _table(before))
        partitions = {partition.key: partition for partition in self.partitions}
        found = self._connection.execute(_SETTLED.format(days=f'"{self._schema}".{_DAYS}')).fetchall()
        return {Key(*row[:4]): Settled.of(partitions[Key(*row[:4])], *row[4:]) for row in found}

    def _rows_from(self, first_days: Mapping[Key, date], names: Sequence[str], order: str) -> pa.RecordBatchReader:
        self._connection.register("first_days", _table(first_days))
        using = " and ".join(f"rows.{name} = first_days.{name}" for name in Key._fields)
        # Said once more as constants, which are asked of the tables before any number is computed.
        of_sources, of_symbols = {key.source for key in first_days}, {key.symbol for key in first_days}
        query = (
            f"select {', '.join(names)} "  # noqa: S608 - own names only
            f'from "{self._schema}".{_ROWS} as rows inner join first_days on {using} '
            f"and rows.{self._day} >= first_days.first_on "
            f"where rows.{self._day} >= ? and rows.source in ({_places(of_sources)}) "
            f"and rows.symbol in ({_places(of_symbols)}) order by {order}, rows.bucket_start"
        )
        parameters = [min(first_days.values()), *of_sources, *of_symbols]
        return self._connection.sql(query, params=parameters).to_arrow_reader(ROW_GROUP)

    def _has(self, table: str, schema: str | None = None) -> bool:
        return (schema or self._schema, table) in self._tables

    @cached_property
    def _tables(self) -> set[tuple[str, str]]:
        query = "select table_schema, table_name from information_schema.tables"
        return set(self._connection.execute(query).fetchall())


def _by_number(reader: pa.RecordBatchReader, keys: Sequence[Key]) -> Iterator[tuple[Key, pa.RecordBatch]]:
    for batch in reader:
        runs, start = pc.run_end_encode(batch.column("number")), 0
        rows = batch.drop_columns("number")
        for number, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield keys[number], rows.slice(start, end - start)
            start = end


def _places(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


def _table(first_days: Mapping[Key, date | None]) -> pa.Table:
    columns = [pa.array(values) for values in zip(*first_days, strict=True)]
    days = pa.array(list(first_days.values()), pa.date32())
    return pa.table([*columns, days, pa.array(range(len(first_days)))], names=[*Key._fields, "first_on", "number"])


def sources(partitions: Sequence[Partition]) -> list[str]:
    """Return the sources in order; those that we know are always there, so that their views are, even without rows."""
    return sorted({*SOURCES, *(partition.key.source for partition in partitions)})


@dataclass(frozen=True)
class Snapshot:
    """What was published: its columns, its partitions, the hash of each of their days, and the files of tables."""

    columns: tuple[Column, ...]
    partitions: Mapping[Key, Partition]
    days: pa.Table
    facts: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """From which UTC day on a partition's rows are others than in the base, and how many rows that are in all."""

    first_days: Mapping[Key, date]
    row_count: int


def read_snapshot(wanted: WarehouseRows, facts: Mapping[str, Path]) -> Snapshot | None:
    """Keep what is published now; None where the warehouse does not tell of days."""
    days = wanted.days()
    return None if days is None else Snapshot(wanted.columns, _by_key(wanted.partitions), days, facts)


def changes_since(base: Snapshot, wanted: WarehouseRows) -> Changes | None:
    """Return what changed since the base; None where it is more than rows: columns, settings, partitions that went."""
    now = read_snapshot(wanted, {})
    if now is None or now.columns != base.columns or not base.partitions.keys() <= now.partitions.keys():
        return None
    changed = [key for key, partition in now.partitions.items() if _version(base, key) != partition.version]
    if any(key in base.partitions and base.partitions[key].form != now.partitions[key].form for key in changed):
        return None
    with connect() as connection:
        connection.register("days_now", now.days)
        connection.register("days_before", base.days)
        found = connection.execute(_CHANGED).fetchall()
    first_days = {Key(*values[:4]): values[4] for values in found}
    if set(changed) - first_days.keys():
        return None  # the file is another one although its days are the same
    return Changes(first_days, sum(values[5] for values in found))


def _by_key(partitions: Sequence[Partition]) -> dict[Key, Partition]:
    return {partition.key: partition for partition in partitions}


def _version(state: Snapshot, key: Key) -> str:
    return state.partitions[key].version if key in state.partitions else ""
