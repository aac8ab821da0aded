"""The lake: Parquet in a folder or a bucket, which dlt's filesystem destination appends to and DuckDB reads here."""

import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

import dlt
import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import JobClientBase, LoadJob
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.exceptions import MissingDependencyException
from dlt.common.schema import Schema
from dlt.destinations.impl.filesystem.configuration import FilesystemDestinationClientConfiguration
from dlt.destinations.impl.filesystem.factory import filesystem
from dlt.destinations.impl.filesystem.filesystem import CURRENT_VERSION, FilesystemClient, FilesystemLoadJob

from dlt_pipeline.common.exceptions import BadInputError, KrakenCandlesError, NothingLoadedError, WarehouseError
from dlt_pipeline.warehouse.database import DATASET, connect, refuse_unusable, sql_text
from dlt_pipeline.warehouse.errors import explain, links
from dlt_pipeline.warehouse.pipeline import Delete, Tables, begun_anew, only_in_folder, ready

LAKE_NAME: Final = "KRAKEN_CANDLES_LAKE"
# Who reads one symbol, or one day, opens no file of another. The columns stand in the path alone, as Spark writes them.
PARTITIONS: Final[dict[str, tuple[str, ...]]] = {
    "trades": ("symbol", "traded_on"),
    "pages": ("symbol",),
    "archive_trades": ("symbol", "traded_on"),
    "archive_candles": ("symbol",),
}
# How DuckDB writes files of several loads: times as their differences, which takes a sixth less at Kraken's trades, and
# in row groups twice as long as its own.
WRITTEN_ANEW: Final = (
    "(format parquet, parquet_version v2, row_group_size 245760, compression zstd, compression_level 9)"
)
# What Hive calls the folder of NULL. A table without rows has its columns from an empty file there.
_NO_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"
_EXTRAS: Final = {"s3": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfss": "az"}
_WILDCARDS: Final = frozenset("*?[]{}")
_SCHEME: Final = re.compile(r"([a-z0-9]+)://.")
_LOAD_ID: Final = re.compile(r"\d{9,}\.\d+")
_T = TypeVar("_T")


class LakeLoadJob(FilesystemLoadJob):
    """Puts a file of a package into the lake, in one piece or by partition; run again, it replaces what it put."""

    _job_client: "LakeClient"

    def run(self) -> None:
        """Put it: a reader sees the whole of a file or none of it."""
        columns, client = PARTITIONS.get(self.load_table_name), self._job_client
        remote = self.make_remote_path()
        if columns is None or not remote.endswith(".parquet"):
            client.put_whole(Path(self._file_path), remote)
            return
        folder, name = client.pathlib.split(remote)
        with tempfile.TemporaryDirectory(prefix="kraken-candles-lake-") as temporary:
            for path in _partitioned(Path(self._file_path), Path(temporary), columns, name):
                client.put_whole(path, client.pathlib.join(folder, *path.relative_to(temporary).parts))


def _partitioned(file: Path, folder: Path, columns: Sequence[str], name: str) -> Iterator[Path]:
    """Write the rows of a Parquet file into `folder`, a file of that `name` or several for each value of `columns`."""
    with pq.ParquetFile(file) as source:
        schema = source.schema_arrow
        if not source.metadata.num_rows:
            path = folder.joinpath(*(f"{column}={_NO_PARTITION}" for column in columns), "empty.parquet")
            path.parent.mkdir(parents=True)
            pq.write_table(source.read([each for each in schema.names if each not in columns]), path)
            yield path
            return
        ds.write_dataset(
            source.iter_batches(),
            folder,
            schema=schema,
            format="parquet",
            file_options=ds.ParquetFileFormat().make_write_options(compression="zstd"),
            basename_template=name.replace(".parquet", "-{i}.parquet"),
            partitioning=ds.partitioning(pa.schema([schema.field(column) for column in columns]), flavor="hive"),
            use_threads=False,  # the same files again where the job is run again
            max_open_files=100,  # a process may have 1,024, DuckDB and connections among them
            max_partitions=1_000_000,
        )
    yield from sorted(folder.rglob("*.parquet"))


class LakeClient(FilesystemClient):
    """dlt's client of a folder or bucket, which never shows half of a file."""

    def get_load_job_class(self, table: PreparedTableSchema, file_path: str) -> type[LoadJob]:
        """Return dlt's class, or ours in the place of the one that copies."""
        found = super().get_load_job_class(table, file_path)
        return LakeLoadJob if found is FilesystemLoadJob else found

    def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:
        """Make the place; dlt would first make a folder, or a bucket, and fail where somebody else did so meanwhile."""
        if not self.is_storage_initialized():
            versions = {"initial_version": CURRENT_VERSION, "current_version": CURRENT_VERSION}
            self._write_to_json_file(self.init_file_path, versions)
        super().initialize_storage(truncate_tables or ())

    def put_whole(self, file: Path, remote: str) -> None:
        """Copy a file; a bucket shows it when all of it has come, and so does a folder, for it is renamed then."""
        if self.is_local_filesystem:
            with _renamed(Path(remote)) as hidden:
                shutil.copyfile(file, hidden)
        else:
            self.fs_client.put_file(str(file), remote)

    def _write_to_json_file(self, filepath: str, data: dict[str, Any]) -> None:
        if self.is_local_filesystem:
            with _renamed(Path(filepath)) as hidden:
                super()._write_to_json_file(str(hidden), data)
        else:
            super()._write_to_json_file(filepath, data)


@contextmanager
def _renamed(path: Path) -> Iterator[Path]:
    """Give a name to write to beside `path`, which no engine reads, and rename it at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        yield hidden
        hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)  # of a copy that failed


class LakeDestination(filesystem):
    """dlt's filesystem destination, of Parquet alone, with the partitions of the lake.

    It takes every merge for one that it can, for who reads counts one version of each key.
    """

    @property
    def client_class(self) -> type[FilesystemClient]:
        """Return ours."""
        return LakeClient

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        capabilities = super()._raw_capabilities()
        capabilities.preferred_loader_file_format = "parquet"
        capabilities.merge_strategies_selector = lambda strategies, *, table_schema: strategies  # noqa: ARG005
        return capabilities


@dataclass(frozen=True)
class Lake:
    """The lake at `url`: a folder's absolute path, or the address of a place in a bucket. Many may write to it."""

    kind: ClassVar[str] = "Lake"
    build_command: ClassVar[str] = "build --target duckdb_lake"
    url: str

    def __str__(self) -> str:
        """Return the folder or address."""
        return self.url

    def holding(self, symbols: Sequence[str] | None) -> AbstractContextManager[None]:
        """Be the only load of these symbols, or import, on this machine, in whose folder of dlt packages would mix."""
        return only_in_folder(self.pipeline_name(symbols))

    def check(self, exchange: str | None, read_only: bool = False) -> None:
        """Refuse what cannot be reached, was written by a newer program, or filled from another kind of exchange.

        Unless `read_only` also what cannot be written to.
        """
        with self.reading() as (connection, table):
            table("warehouse_versions")
            refuse_unusable(connection, f"The lake {self}", LAKE_NAME, exchange)
        if not read_only:
            with self._told("written to"):
                self._client().initialize_storage()

    def is_there(self) -> bool:
        """Whether anything was ever loaded into it; WarehouseError where it cannot be reached."""
        with self._told("reached"):
            return bool(self._client().is_storage_initialized())

    def patiently(self, call: Callable[[], _T], stop: threading.Event) -> _T:  # noqa: ARG002 - nobody holds it
        """Return what `call` returns."""
        return call()

    def pipeline(self, symbols: Sequence[str]) -> dlt.Pipeline:
        """Return the pipeline of these symbols, `ready`; WarehouseError where the lake cannot be written to."""
        with self._told("written to"):
            name = self.pipeline_name(symbols)
            return ready(self, name, lambda: self._pipeline(name))

    def import_pipeline(self) -> dlt.Pipeline:
        """Return the pipeline of imports, begun anew; WarehouseError where the lake cannot be written to."""
        with self._told("written to"):
            return begun_anew(self._pipeline(self.pipeline_name(None)))

    def _pipeline(self, name: str) -> dlt.Pipeline:
        return dlt.pipeline(name, destination=self._destination(), dataset_name=DATASET)

    def pipeline_name(self, symbols: Sequence[str] | None) -> str:
        """Return a name of its own for each set of symbols, so that loads of others run beside it, and for imports."""
        kind, words = ("archives", []) if symbols is None else ("lake", sorted(symbols))
        return f"kraken_{kind}_{hashlib.sha256(' '.join([self.url, *words]).encode()).hexdigest()[:12]}"

    def load_packages(self, pipeline: dlt.Pipeline) -> None:
        """Commit what waits; WarehouseError where the lake cannot be written to."""
        with self._told("written to"):
            pipeline.load()

    def explain(self, error: BaseException) -> KrakenCandlesError | None:
        """Return the clear sentence for an error of using it, or None if it is not known."""
        for link in links(error):
            if isinstance(link, MissingDependencyException):
                extra = _EXTRAS[self._scheme]
                return BadInputError(f"The lake {self} needs a package of dlt's extra: pip install 'dlt[{extra}]'.")
            if isinstance(link, ConfigurationException):
                fields = getattr(link, "fields", None)
                reason = f"no {' and '.join(fields)}" if fields else str(link).splitlines()[0]
                return BadInputError(
                    f"dlt's settings for the lake {self} do not do ({reason}): its credentials are "
                    "DESTINATION__FILESYSTEM__CREDENTIALS__… in the environment, or stand in dlt's secrets.toml."
                )
            if isinstance(link, KrakenCandlesError):
                return link
        return explain(error, Path(self.url), LAKE_NAME) if self._scheme == "file" else None

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        """Give what `reading` does; WarehouseError where the lake cannot be reached."""
        with self._told("read"), reading(self._client()) as found:
            yield found

    @contextmanager
    def changing(self, tables: Iterable[str]) -> Iterator[tuple[duckdb.DuckDBPyConnection, Delete]]:
        """Write the files anew that have rows to go, each as a whole, one after the other: there are no transactions.

        Loads that are not complete have no rows here.
        """
        client = self._client()
        with self._told("changed"), reading(client) as (connection, table):
            for name in tables:
                table(name)
            loads = _complete_loads(connection, table)

            def delete(name: str, condition: str, **values: object) -> int:
                files = [file for file in _files(client, name) if _is_complete(file, loads)]
                return _rewrite_without(connection, client, files, condition, values)

            yield connection, delete

    def compact(self, keys: Mapping[str, Sequence[str]]) -> "Compacted":
        """Write the files of each partition (see PARTITIONS) into one, and then remove them.

        One version of each key stays, that which counts: the first that a complete load brought. A kill at any moment
        leaves rows that stand twice, no row less. Files of loads that are not complete stay as they are, as do those of
        another layout. `keys` has the key of each table. NothingLoadedError where there is no lake, WarehouseError
        where it cannot be read or written to, or a newer program wrote it.
        """
        if not self.is_there():
            raise NothingLoadedError(
                f"There is no lake at {self}; load first with --destination lake, or set {LAKE_NAME}."
            )
        client, made, replaced = self._client(), 0, 0
        with self.reading() as (connection, table), self._told("compacted"):
            table("warehouse_versions")
            refuse_unusable(connection, f"The lake {self}", LAKE_NAME, None)
            loads = _complete_loads(connection, table)
            for name, columns in PARTITIONS.items():
                key = [column for column in keys[name] if column not in columns]
                folders: dict[str, list[str]] = defaultdict(list)
                for file in _files(client, name):
                    folder = client.pathlib.dirname(file)
                    is_ours = all(f"/{column}=" in folder for column in columns) and _NO_PARTITION not in folder
                    if is_ours and _is_complete(file, loads):
                        folders[folder].append(file)
                for folder, files in folders.items():
                    if len(files) > 1:
                        _compact(connection, client, folder, sorted(files), key)
                        made, replaced = made + 1, replaced + len(files)
        return Compacted(replaced, made)

    @property
    def _scheme(self) -> str:
        found = _SCHEME.match(self.url)
        return found[1] if found else "file"

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            reason = " ".join(str([*links(error)][-1]).split()) or type(error).__name__
            raise self.explain(error) or WarehouseError(
                f"The lake {self} cannot be {what} ({reason[:300]}); look at {LAKE_NAME} and at dlt's settings for it."
            ) from error

    def _destination(self) -> LakeDestination:
        return LakeDestination(self.url, destination_name="filesystem")

    def _client(self) -> LakeClient:
        settings = FilesystemDestinationClientConfiguration(local_dir=".")._bind_dataset_name(dataset_name=DATASET)
        client = self._destination().client(Schema("kraken"), settings)
        assert isinstance(client, LakeClient)  # noqa: S101 - for mypy
        return client


@dataclass(frozen=True)
class Compacted:
    """How many files were replaced by how many."""

    replaced: int
    made: int


def _complete_loads(connection: duckdb.DuckDBPyConnection, table: Callable[[str], str]) -> set[str]:
    found = connection.execute(f"select load_id from {table('_dlt_loads')}").fetchall()  # noqa: S608
    return {load_id for (load_id,) in found}


def _rewrite_without(
    connection: duckdb.DuckDBPyConnection,
    client: LakeClient,
    files: Sequence[str],
    condition: str,
    values: Mapping[str, object],
) -> int:
    """Write the files that have rows for which the condition holds without them; return how many rows those were."""
    by_name = {_named(client, file): file for file in files}
    if not files:
        return 0
    found = connection.execute(
        f"select filename, count(*) from {_parquet(by_name, 'filename = true')} where {condition} group by all",  # noqa: S608
        dict(values),
    ).fetchall()
    for name, _ in found:
        in_path = [column for column in dict.fromkeys(chain(*PARTITIONS.values())) if f"/{column}=" in name]
        columns = f"* exclude ({', '.join(in_path)})" if in_path else "*"
        rows = f"select {columns} from {_parquet([name])} where not coalesce(({condition}), false)"  # noqa: S608
        with tempfile.TemporaryDirectory(prefix="kraken-candles-lake-") as temporary:
            path = Path(temporary, "rows.parquet")
            connection.execute(f"copy ({rows}) to {sql_text(path)} {WRITTEN_ANEW}", dict(values))
            client.put_whole(path, by_name[name])
    return sum(count for _, count in found)


def _compact(
    connection: duckdb.DuckDBPyConnection,
    client: LakeClient,
    folder: str,
    files: Sequence[str],
    key: Sequence[str],
) -> None:
    """Put one file in the place of several, whose name tells which; the new one is there before the old ones go."""
    name = hashlib.sha256(" ".join(client.pathlib.basename(file) for file in files).encode()).hexdigest()[:32]
    listed = ", ".join(sql_text(_named(client, file)) for file in files)
    with tempfile.TemporaryDirectory(prefix="kraken-candles-lake-") as temporary:
        path = Path(temporary, "compacted.parquet")
        connection.execute(
            f"copy (from read_parquet([{listed}], union_by_name = true, hive_partitioning = false) "
            f"qualify row_number() over (partition by {', '.join(key)} order by _dlt_load_id) = 1 "
            f"order by {', '.join(key)}) to {sql_text(path)} {WRITTEN_ANEW}"
        )
        client.put_whole(path, client.pathlib.join(folder, f"compacted-{name}.parquet"))
    for file in files:
        client.fs_client.rm_file(file)


def _named(client: FilesystemClient, file: str) -> str:
    """Return a file's name as DuckDB knows it."""
    return file if client.is_local_filesystem else str(client.make_remote_url(file))


def _parquet(names: Collection[str], options: str = "union_by_name = true") -> str:
    """Return what reads these files, with the columns that stand in their paths."""
    listed = ", ".join(map(sql_text, names))
    is_partitioned = str(any("/symbol=" in name for name in names)).lower()
    return f"read_parquet([{listed}], {options}, hive_partitioning = {is_partitioned})"


def _is_complete(file: str, loads: Collection[str]) -> bool:
    """Whether a file is of a complete load; one without a load's id is of several, or of no layout of ours."""
    load_id = _LOAD_ID.search(Path(file).name)
    return load_id is None or load_id[0] in loads


def lake_at(url: str | Path | None = None) -> Lake:
    """Return the lake at a folder or address: as given, or by KRAKEN_CANDLES_LAKE, or the folder `lake` here.

    Raises BadInputError for what can be none.
    """
    text = str(url or os.environ.get(LAKE_NAME) or "lake")
    scheme = _SCHEME.match(text)
    if scheme and scheme[1] not in ("file", "memory", *_EXTRAS):
        raise BadInputError(
            f"The lake {text} is of an unknown kind; {LAKE_NAME} is a folder, or begins with s3://, gs:// or az://."
        )
    if scheme and scheme[1] != "file":
        url = text.rstrip("/")
    else:
        path = Path(FilesystemDestinationClientConfiguration.make_local_path(text) if scheme else text).absolute()
        if path.exists() and not path.is_dir():
            raise BadInputError(f"The lake {path} is a file; set {LAKE_NAME} to a folder.")
        url = str(path)
    if found := _WILDCARDS & set(url):
        raise BadInputError(
            f"The lake {url} has {' '.join(sorted(found))} in its name, which dlt and DuckDB take for a pattern; set "
            f"{LAKE_NAME} to another folder or address."
        )
    return Lake(url)


@contextmanager
def reading(client: JobClientBase) -> Iterator[Tables]:
    """Give a connection and what returns the name there of a raw table, or of one that is not there.

    A table has the rows of the files of complete loads, whatever dlt's layout is; the rest may be half-written.
    """
    assert isinstance(client, FilesystemClient)  # noqa: S101 - for mypy
    with connect() as connection:
        if not client.is_local_filesystem:
            connection.register_filesystem(client.fs_client)
        connection.execute(
            f"create schema {DATASET}; "
            f"create table {DATASET}._dlt_loads (load_id varchar, status bigint, inserted_at double)"
        )
        # before the tables are looked at: a load is complete when all of its files are there
        loads = {found[0] for file in _files(client, "_dlt_loads") if (found := _LOAD_ID.search(Path(file).name))}
        for load_id in loads:
            # which of two loads of one trade counts goes by their ids, which are times
            connection.execute(f"insert into {DATASET}._dlt_loads values ($1, 0, try_cast($1 as double))", [load_id])  # noqa: S608
        made = {"_dlt_loads"}

        def table(name: str) -> str:
            if name not in made:
                made.add(name)
                _make_view(connection, client, name, loads)
            return f"{DATASET}.{name}"

        yield connection, table


def _files(client: FilesystemClient, table: str) -> list[str]:
    try:
        return client.list_table_files(table)
    except (DestinationUndefinedEntity, FileNotFoundError):
        return []


def _make_view(connection: duckdb.DuckDBPyConnection, client: FilesystemClient, name: str, loads: set[str]) -> None:
    files = []
    for file in _files(client, name):
        if not _is_complete(file, loads):
            continue
        if not file.endswith(".parquet"):
            raise BadInputError(
                f"{file} is not Parquet, so it cannot be looked up what is loaded there; load into another folder, "
                "with loader_file_format='parquet' in your pipeline's run."
            )
        files.append(file)
    if files:
        connection.execute(f"create view {DATASET}.{name} as from {_parquet([_named(client, file) for file in files])}")
