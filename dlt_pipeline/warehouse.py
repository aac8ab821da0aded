"""The DuckDB file that a load writes and dbt reads: where it lies, whether it may be used, what went wrong with it."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from dlt_pipeline.exceptions import (
    DiskFullError,
    KrakenCandlesError,
    WarehouseError,
    WarehouseLockedError,
    WarehouseTooNewError,
    WrongWarehouseError,
)
from dlt_pipeline.version import SCHEMA_VERSION

ENVIRONMENT_NAME: Final = "KRAKEN_CANDLES_WAREHOUSE"
DATASET: Final = "kraken_raw"
_HOLDER: Final = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")


def warehouse_path(path: str | Path | None = None) -> Path:
    """Return the warehouse's absolute path: as given, or by KRAKEN_CANDLES_WAREHOUSE, or warehouse.duckdb here."""
    return Path(path or os.environ.get(ENVIRONMENT_NAME) or "warehouse.duckdb").absolute()


@contextmanager
def open_warehouse(path: Path, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for a short while; raises a WarehouseError that says what is wrong with it."""
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        raise explain(error, path) or WarehouseError(f"The warehouse {path} cannot be opened: {error}") from error
    try:
        yield connection
    finally:
        connection.close()


def check_usable(path: Path, exchange: str) -> None:
    """Refuse a warehouse that is locked, written by a newer version, or filled from another kind of exchange."""
    if path.is_dir() or not path.parent.is_dir():
        raise WarehouseError(f"The warehouse {path} cannot be a file there; set {ENVIRONMENT_NAME} to another path.")
    if not path.exists():
        return
    with open_warehouse(path) as connection:
        if not _has_table(connection, "warehouse_versions"):
            return
        versions = connection.table(f"{DATASET}.warehouse_versions").select("schema_version", "exchange", "written_by")
        for version, kind, written_by in versions.fetchall():
            if version > SCHEMA_VERSION:
                raise WarehouseTooNewError(
                    f"The warehouse {path} has raw tables of version {version} (by {written_by}), newer than version "
                    f"{SCHEMA_VERSION} known here; update kraken-candles or point {ENVIRONMENT_NAME} to another path."
                )
            if kind != exchange:
                raise WrongWarehouseError(
                    f"The warehouse {path} holds trades of a {kind} exchange, this load is from a {exchange} one; "
                    f"set {ENVIRONMENT_NAME} to another path or delete the file."
                )


def has_trades(path: Path) -> bool:
    """Tell whether anything was ever loaded into the warehouse."""
    if not path.exists():
        return False
    with open_warehouse(path) as connection:
        return _has_table(connection, "pages") and _has_table(connection, "trades")


def _has_table(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    query = "select 1 from duckdb_tables() where schema_name = ? and table_name = ?"
    return bool(connection.execute(query, [DATASET, table]).fetchall())


def explain(error: BaseException, path: Path) -> KrakenCandlesError | None:
    """Return the clear sentence for an error that came from below (DuckDB, dlt, the system), or None if unknown."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, KrakenCandlesError):
            return link
        text = str(link)
        if "Could not set lock on file" in text:
            holder = _HOLDER.search(text)
            who = f"{holder['program']} (process {holder['pid']})" if holder else "another process"
            return WarehouseLockedError(
                f"The warehouse {path} is in use by {who}; close it there and run the same command again."
            )
        if "No space left on device" in text or (isinstance(link, OSError) and link.errno == errno.ENOSPC):
            return DiskFullError(
                f"No space is left on the disk of the warehouse {path} or of dlt's working folder; what was committed "
                "is safe. Free some space and run the same command again."
            )
        if "newer version of DuckDB" in text or "newer DuckDB" in text:
            return WarehouseTooNewError(f"The warehouse {path} was written by a newer DuckDB; update duckdb.")
        if "not a valid DuckDB database file" in text:
            return WarehouseError(f"{path} is not a DuckDB file; set {ENVIRONMENT_NAME} to another path.")
        link = link.__cause__ or link.__context__
    return None
