"""A warehouse's raw side as dlt leaves it: packages that arrive table by table, and the row that completes them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dlt_pipeline.archive.raw_tables import ARCHIVE_KEYS, ARCHIVE_SCHEMAS
from dlt_pipeline.kraken.ledger import LEDGER_COLUMNS
from dlt_pipeline.kraken.raw_tables import KEYS, SCHEMAS

_SCHEMAS = SCHEMAS | ARCHIVE_SCHEMAS
_KEYS = KEYS | ARCHIVE_KEYS
_APPENDED = ("archive_trades", "archive_candles")
_LOADS = """
    create table kraken_raw._dlt_loads (
        load_id varchar, schema_name varchar, status bigint,
        inserted_at timestamp with time zone, schema_version_hash varchar
    )
"""


@dataclass
class Package:
    """One dlt load: its Arrow tables by raw table."""

    load_id: str
    tables: dict[str, list[pa.Table]] = field(default_factory=dict)
    is_done: bool = True

    def add(self, table: str, rows: pa.Table) -> None:
        if len(rows):
            self.tables.setdefault(table, []).append(rows)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [row for part in self.tables.get(table, ()) for row in part.to_pylist()]


def create_raw(path: Path) -> None:
    """Make a warehouse with all raw tables of the loader, empty."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema kraken_raw")
        connection.execute(_LOADS)
        for name, schema in _SCHEMAS.items():
            connection.register("arriving", schema.empty_table())
            connection.execute(f"create table kraken_raw.{name} as select *, '' as _dlt_load_id from arriving")


def arrive(path: Path, package: Package, tables: Iterable[str] = tuple(_SCHEMAS)) -> None:
    """Merge the package's rows by key, as dlt does: what is there already stays, with the load id it came with.

    Rows of archives without ids are appended.
    """
    with duckdb.connect(str(path)) as connection:
        for name in tables:
            for rows in package.tables.get(name, ()):
                connection.register("arriving", rows)
                key = ", ".join(_KEYS[name])
                if name == "markets":
                    connection.execute(f"delete from kraken_raw.markets where ({key}) in (select {key} from arriving)")
                connection.execute(
                    f"insert into kraken_raw.{name} by name select *, '{package.load_id}' as _dlt_load_id "
                    f"from arriving {'' if name in _APPENDED else f'anti join kraken_raw.{name} using ({key})'}"
                )


def complete(path: Path, package: Package) -> None:
    """Write the row that says that all tables of the package were committed."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into kraken_raw._dlt_loads values (?, 'kraken', 0, now(), 'version')", [package.load_id]
        )


def copy_raw(source: Path, target: Path) -> None:
    """Make a warehouse with the same raw rows in another order, and nothing built but what no build can make anew."""
    with duckdb.connect(str(target)) as connection:
        connection.execute(f"attach '{source}' as source (read_only)")
        query = (
            "select schema_name, table_name from duckdb_tables() where database_name = 'source' "
            "and schema_name in ('kraken_raw', 'kraken_kept', 'kraken_ops')"
        )
        for schema, name in connection.execute(query).fetchall():
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(
                f"create table {schema}.{name} as select t.* from source.{schema}.{name} as t order by hash(t)"
            )


def ledger_values(package: Package) -> list[tuple[Any, ...]]:
    """The package's ledger: symbol, missing_id_count, asked_at, then what a later load reads back of a page."""
    names = ("symbol", "missing_id_count", "asked_at", *LEDGER_COLUMNS)
    return [tuple(row[name] for name in names) for row in package.rows("pages")]
