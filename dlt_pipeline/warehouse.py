"""The DuckDB file that a load writes and dbt reads: where it lies, whether it may be used, what went wrong with it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from dlt_pipeline.exceptions import (
    NothingLoadedError,
    WarehouseError,
    WarehouseTooNewError,
    WrongWarehouseError,
)
from dlt_pipeline.trouble import explain
from dlt_pipeline.version import SCHEMA_VERSION

ENVIRONMENT_NAME: Final = "KRAKEN_CANDLES_WAREHOUSE"
DATASET: Final = "kraken_raw"
# What stands in the place of the exchange where archives were imported and nobody was asked.
NO_EXCHANGE: Final = "none"
_SCHEMAS: Final = frozenset({"kraken", "kraken_ops", "kraken_raw", "kraken_staging", "kraken_raw_staging"})


def warehouse_path(path: str | Path | None = None) -> Path:
    """Return the warehouse's absolute path: as given, or by KRAKEN_CANDLES_WAREHOUSE, or warehouse.duckdb here.

    Raises WarehouseError for a name that DuckDB could not tell from the schemas inside, or a place that is none.
    """
    found = Path(path or os.environ.get(ENVIRONMENT_NAME) or "warehouse.duckdb").absolute()
    if found.stem in _SCHEMAS:
        raise WarehouseError(
            f"The warehouse cannot be called {found.name}: DuckDB would confuse the file with the schema {found.stem} "
            f"in it. Set {ENVIRONMENT_NAME} to another name."
        )
    if not found.parent.is_dir():
        raise WarehouseError(f"The folder of the warehouse {found} does not exist; make it, or set {ENVIRONMENT_NAME}.")
    if found.is_dir():
        raise WarehouseError(f"The warehouse {found} is a folder; set {ENVIRONMENT_NAME} to a file.")
    return found


@contextmanager
def open_warehouse(path: Path, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for a short while; raises a WarehouseError that says what is wrong with it.

    Who only reads says so, and then shares the file with other readers.
    """
    try:
        connection = _connected(path, read_only)
    except duckdb.Error as error:
        raise explain(error, path) or WarehouseError(f"The warehouse {path} cannot be opened: {error}") from error
    try:
        yield connection
    except duckdb.Error as error:
        known = explain(error, path)
        if known is None:
            raise
        raise known from error
    finally:
        connection.close()


def _connected(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=read_only)
    except duckdb.ConnectionException:
        if not read_only:
            raise
        return duckdb.connect(str(path))  # this very process has it open for writing, as a notebook may


def check_usable(path: Path, exchange: str | None, read_only: bool = False) -> None:
    """Refuse a warehouse that is locked, written by a newer version, or filled from another kind of exchange.

    None is what an import of archives asks: it fits to either kind.
    """
    if not path.exists():
        return
    with open_warehouse(path, read_only) as connection:
        for kind in exchanges_of(connection, path):
            if exchange is not None and kind != exchange:
                raise WrongWarehouseError(
                    f"The warehouse {path} holds trades of a {kind} exchange, this load is from a {exchange} one; "
                    f"set {ENVIRONMENT_NAME} to another path or delete the file."
                )


def require_trades(path: Path) -> None:
    """Raise NothingLoadedError before the first load, and whatever else keeps a build from reading the warehouse."""
    is_loaded = False
    if path.exists():
        with open_warehouse(path, read_only=True) as connection:
            exchanges_of(connection, path)
            is_loaded = all(_has_table(connection, table) for table in ("pages", "trades"))
    if not is_loaded:
        raise NothingLoadedError(
            f"The warehouse {path} holds no trades yet; run `kraken-candles load` first, or `kraken-candles import`."
        )


def exchanges_of(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Return the kinds of exchange that filled the warehouse; WarehouseTooNewError if a newer program wrote it.

    An import of archives alone asks none.
    """
    if not _has_table(connection, "warehouse_versions"):
        return []
    versions = connection.table(f"{DATASET}.warehouse_versions").select("schema_version", "exchange", "written_by")
    kinds = []
    for version, kind, written_by in versions.fetchall():
        if version > SCHEMA_VERSION:
            raise WarehouseTooNewError(
                f"The warehouse {path} has raw tables of version {version} (by {written_by}), newer than version "
                f"{SCHEMA_VERSION} known here; update kraken-candles or point {ENVIRONMENT_NAME} to another path."
            )
        if kind != NO_EXCHANGE:
            kinds.append(kind)
    return kinds


def _has_table(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    query = "select 1 from duckdb_tables() where schema_name = ? and table_name = ?"
    return bool(connection.execute(query, [DATASET, table]).fetchall())
