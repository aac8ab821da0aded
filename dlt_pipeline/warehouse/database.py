"""The DuckDB file that a load writes and dbt reads: where it lies, whether it may be used, what went wrong with it."""

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import duckdb
import psutil

from dlt_pipeline.common import SCHEMA_VERSION
from dlt_pipeline.common.exceptions import (
    BadInputError,
    NothingBuiltError,
    NothingLoadedError,
    WarehouseError,
    WarehousePathError,
    WarehouseTooNewError,
    WrongWarehouseError,
)
from dlt_pipeline.warehouse.errors import CORES_NAME, ENVIRONMENT_NAME, MEMORY_NAME, explain

DATASET: Final = "kraken_raw"
# What stands in the place of the exchange where archives were imported and nobody was asked.
NO_EXCHANGE: Final = "none"
# DuckDB calls its own catalogs and schemas so, and dbt writes the name into its queries as it is.
_RESERVED: Final = frozenset({"main", "temp", "system", "information_schema", "pg_catalog"})
_QUOTES: Final = frozenset("'\";\\")
# DuckDB would fetch from its server, and run, what a file or a query seems to need.
_NO_EXTENSIONS: Final = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
_MEMORY: Final = re.compile(r"0*[1-9]\d*(\.\d+)? ?([KMGT]i?B)|(0*[1-9]\d?|100)%", re.ASCII | re.IGNORECASE)
# As many as a connection opens: the file, what it is written ahead to, a temporary one, and some to spare.
_DESCRIPTORS: Final = 8
# DuckDB's three headers; each checkpoint counts up in one of the last two.
_HEADERS: Final = 3 * 4096
# What DuckDB raises for a table that no build has made, and for a column that an older one made it without.
_NOT_BUILT: Final = (duckdb.CatalogException, duckdb.BinderException)
_checked: Final[set[Path]] = set()
_checking: Final = threading.Lock()
# Those that dlt, dbt and the commands make; DuckDB tells neither from the file's name, in whatever case that is.
_SCHEMAS: Final = frozenset(
    {"kraken", *(f"kraken_{name}" for name in ("internal", "kept", "ops", "raw", "raw_staging", "staging"))}
)


def warehouse_path(path: str | Path | None = None) -> Path:
    """Return the warehouse's absolute path: as given, or by KRAKEN_CANDLES_WAREHOUSE, or warehouse.duckdb here.

    Raises WarehousePathError for a name that DuckDB could not tell from the schemas inside, or a place that is none.
    """
    found = Path(path or os.environ.get(ENVIRONMENT_NAME) or "warehouse.duckdb").absolute()
    if found.stem.lower() in _SCHEMAS:
        raise WarehousePathError(
            f"The warehouse cannot be called {found.name}: DuckDB would confuse the file with the schema {found.stem} "
            f"in it. Set {ENVIRONMENT_NAME} to another name."
        )
    if found.stem.lower() in _RESERVED or _QUOTES.intersection(found.stem):
        raise WarehousePathError(
            f"The warehouse cannot be called {found.name}: neither DuckDB nor dbt could name it in a query. "
            f"Set {ENVIRONMENT_NAME} to another name."
        )
    if not found.parent.is_dir():
        raise WarehousePathError(
            f"The folder of the warehouse {found} does not exist; make it, or set {ENVIRONMENT_NAME}."
        )
    if found.exists() and not (found.is_dir() or found.is_file()):
        raise WarehousePathError(
            f"The warehouse {found} is neither a file nor a folder; set {ENVIRONMENT_NAME} to a file."
        )
    if found.is_dir():
        raise WarehousePathError(f"The warehouse {found} is a folder; set {ENVIRONMENT_NAME} to a file.")
    check_kind(found)
    return found


def database_settings() -> dict[str, str]:
    """Return what DuckDB is to be set to before anything else, as profiles.yml does for dbt: by name, as SQL's words.

    Memory and threads where the environment names them; BadInputError where it names none that can be.
    """
    settings = dict(_NO_EXTENSIONS)
    if memory := os.environ.get(MEMORY_NAME):
        if not _MEMORY.fullmatch(memory):
            raise BadInputError(f"{MEMORY_NAME} is {memory!r}; it must be as 4GB, 512MiB or 50%.")
        settings["memory_limit"] = memory
    if cores := os.environ.get(CORES_NAME):
        settings["threads"] = str(whole_number(CORES_NAME, cores))
    return settings


def whole_number(name: str, text: str) -> int:
    """Return a setting of the environment as a number from 1; BadInputError for another."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise BadInputError(f"{name} is {text!r}; it must be a whole number from 1.")
    return int(text)


def connect(path: Path | None = None, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Connect to a DuckDB file, or to nothing but memory, without extensions fetched or loaded unasked, in UTC.

    Raises WarehouseError for a file that is none of DuckDB's, BadInputError for a setting of memory or threads that
    cannot be, and what DuckDB raises.
    """
    settings = database_settings()
    _require_descriptors()
    if path is not None:
        check_kind(path)
    name = ":memory:" if path is None else str(path)
    try:
        connection = duckdb.connect(name, read_only=read_only)
    except duckdb.ConnectionException:
        if not read_only:
            raise
        connection = duckdb.connect(name)  # this very process has it open for writing, as a notebook may
    try:
        # not in `config`: DuckDB refuses two connections of one process to a file that begin with different ones
        for setting, value in settings.items():
            connection.execute(f"set global {setting} = '{value}'")
        connection.execute("set TimeZone = 'UTC'")  # that of all times in the warehouse; its views refuse another
    except duckdb.Error:
        connection.close()
        raise
    return connection


def sql_text(value: object) -> str:
    """Return a value's text as DuckDB's SQL writes one."""
    return "'" + str(value).replace("'", "''") + "'"


def sql_digits(decimal: str) -> str:
    """Return the text of all digits of a DECIMAL with a scale, without the zeros behind and never with an exponent."""
    return f"rtrim(rtrim(cast({decimal} as varchar), '0'), '.')"


def sql_decimal(double: str, scale: int) -> str:
    """Return the decimal that a published double stands for, one of up to 15 digits; a cast of it alone adds digits."""
    return f"cast(cast({double} as varchar) as decimal(38, {scale}))"


def _require_descriptors() -> None:
    """Raise OutOfFilesError where DuckDB, finding none left, would end the whole process with an abort."""
    held: list[int] = []
    try:
        for _ in range(_DESCRIPTORS):
            held.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401 - those opened are to be closed
    except OSError as error:
        raise explain(error, Path(os.devnull)) or error from error
    finally:
        for each in held:
            os.close(each)


def check_kind(path: Path) -> None:
    """Refuse what is no DuckDB file, before DuckDB looks for the extension that could open it; WarehouseError."""
    with _checking:
        if path in _checked or not path.is_file():
            return
        try:
            begin = head(path, 16)
        except OSError:
            return  # DuckDB will say why
        if len(begin) == 16 and begin[8:12] != b"DUCK":  # one that is just being made is shorter
            kind = "a SQLite file" if begin.startswith(b"SQLite format 3") else "not a DuckDB file"
            raise WarehouseError(f"{path} is {kind}; set {ENVIRONMENT_NAME} to another path.")
        _checked.add(path)


def head(path: Path, count: int) -> bytes:
    """Return a file's first bytes, none where it cannot be known whether this process has it open.

    Where it has, they are read there: to open and to close it once more would take DuckDB's lock on it away, by POSIX.
    """
    about = path.stat()
    try:
        opened = psutil.Process().open_files()
    except psutil.Error:
        return b""
    for each in opened:
        with suppress(OSError):  # it is closed by now, only written to, or has no number, as on Windows
            if os.path.samestat(os.fstat(each.fd), about):
                return os.pread(each.fd, count, 0)
    with path.open("rb") as file:
        return file.read(count)


@contextmanager
def open_warehouse(path: Path, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for a short while; raises a WarehouseError that says what is wrong with it.

    Who only reads says so, and then shares the file with other readers.
    """
    try:
        connection = connect(path, read_only=read_only)
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


def check_usable(path: Path, exchange: str | None, read_only: bool = False) -> None:
    """Refuse a warehouse that is locked, written by a newer version, or filled from another kind of exchange.

    None is what an import of archives asks: it fits to either kind.
    """
    if not path.exists():
        return
    with open_warehouse(path, read_only) as connection:
        _refuse_built_of_lake(connection, path)
        refuse_unusable(connection, f"The warehouse {path}", ENVIRONMENT_NAME, exchange)


def _is_built_of_lake(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether dbt's target duckdb_lake made views of the raw tables in it."""
    return bool(connection.execute(f"select 1 from duckdb_views() where schema_name = '{DATASET}' limit 1").fetchall())  # noqa: S608


def _refuse_built_of_lake(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a file that is for reading candles alone."""
    if _is_built_of_lake(connection):
        raise WrongWarehouseError(
            f"{path} was built from a lake, whose raw trades it only shows: load with --destination lake and build "
            f"with `kraken-candles build --target duckdb_lake`, or set {ENVIRONMENT_NAME} to another path."
        )


def refuse_unusable(connection: duckdb.DuckDBPyConnection, named: str, variable: str, exchange: str | None) -> None:
    """Refuse what `check_usable` does by the raw tables of a connection; `variable` is that which sets the place."""
    for kind in exchanges_of(connection, named, variable):
        if exchange is not None and kind != exchange:
            raise WrongWarehouseError(
                f"{named} holds trades of a {kind} exchange, this load is from a {exchange} one; "
                f"set {variable} to another path or delete it."
            )


def require_trades(path: Path, may_be_of_lake: bool = False) -> None:
    """Raise NothingLoadedError before the first load, and whatever else keeps a build from reading the warehouse.

    Who reads what was built alone says that the file may be of a lake.
    """
    is_loaded = False
    if path.exists():
        with open_warehouse(path, read_only=True) as connection:
            if may_be_of_lake and _is_built_of_lake(connection):
                return
            _refuse_built_of_lake(connection, path)
            exchanges_of(connection, f"The warehouse {path}")
            is_loaded = all(_has_table(connection, table) for table in ("pages", "trades"))
    if not is_loaded:
        raise NothingLoadedError(
            f"The warehouse {path} holds no trades yet; run `kraken-candles load` first, or `kraken-candles import`."
        )


def exchanges_of(connection: duckdb.DuckDBPyConnection, named: str, variable: str = ENVIRONMENT_NAME) -> list[str]:
    """Return the kinds of exchange that filled the place; WarehouseTooNewError if a newer program wrote it.

    An import of archives alone asks none.
    """
    if not _has_table(connection, "warehouse_versions"):
        return []
    versions = connection.table(f"{DATASET}.warehouse_versions").select("schema_version", "exchange", "written_by")
    kinds = []
    for version, kind, written_by in versions.fetchall():
        if version > SCHEMA_VERSION:
            raise WarehouseTooNewError(
                f"{named} has raw tables of version {version} (by {written_by}), newer than version "
                f"{SCHEMA_VERSION} known here; update kraken-candles or point {variable} to another path."
            )
        if kind != NO_EXCHANGE:
            kinds.append(kind)
    return kinds


def _has_table(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    try:
        connection.execute(f"select 1 from {DATASET}.{table} limit 0")  # noqa: S608 - own names; the catalog takes 10 ms
    except duckdb.CatalogException:
        return False
    return True


def ask_built(connection: duckdb.DuckDBPyConnection, query: str, values: object = None) -> list[tuple[Any, ...]] | None:
    """Return the rows of a query of built tables; None where one, or a column of it, is not there (yet)."""
    try:
        return connection.execute(query, values).fetchall()
    except _NOT_BUILT:
        return None


@contextmanager
def require_built(named: str) -> Iterator[None]:
    """Raise NothingBuiltError, with the way out, where a built table, or a column of it, is not there (yet)."""
    try:
        yield
    except _NOT_BUILT as error:
        how = "is not built yet" if isinstance(error, duckdb.CatalogException) else "was built by an older version"
        raise NothingBuiltError(f"{named} {how}; run `kraken-candles build`.") from error


def file_state(warehouse: Path) -> str | None:
    """Return what tells this state of a DuckDB file from every other one; None while commits lie beside it in a log.

    Whoever needs it of a certain moment must hold the file open for writing, and have made a checkpoint.
    """
    if warehouse.with_name(warehouse.name + ".wal").exists():
        return None
    about = warehouse.stat()
    if not (headers := head(warehouse, _HEADERS)):
        return None
    return f"{about.st_ino} {about.st_size} {about.st_mtime_ns} {hashlib.sha256(headers).hexdigest()}"


def size_of(warehouse: Path) -> int:
    """Return the bytes of the warehouse and of its log beside it."""
    files = (warehouse, warehouse.with_name(warehouse.name + ".wal"))
    return sum(file.stat().st_size for file in files if file.exists())
