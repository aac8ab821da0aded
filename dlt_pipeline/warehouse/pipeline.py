"""dlt's working folder: one load at a time, true to where it loads to, and what a kill left finished or dropped."""

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar, Final, Protocol, TypeVar

import dlt
import duckdb
from dlt.common.configuration.container import Container
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.pipeline import PipelineContext, get_dlt_pipelines_dir
from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration, DuckDbCredentials

from dlt_pipeline.common.exceptions import BadInputError, KrakenCandlesError
from dlt_pipeline.common.threads import exclusive_lock, lock_folder, warehouse_key
from dlt_pipeline.warehouse.database import DATASET, check_kind, check_usable, database_settings, open_warehouse
from dlt_pipeline.warehouse.errors import explain, when_unlocked

PIPELINE: Final = "kraken"
_IMPORTS: Final = "kraken_archives"
# What dlt has loaded it keeps for ever, each package a copy of its rows; the newest are enough to look into.
_KEPT_PACKAGES: Final = 20
_log = logging.getLogger("dlt_pipeline.kraken")
_T = TypeVar("_T")


# A connection, and what returns the full name in it of a raw table, which need not be there.
Tables = tuple[duckdb.DuckDBPyConnection, Callable[[str], str]]
# Removes the rows of a raw table for which a condition holds, given the values in it, and returns how many they were.
Delete = Callable[..., int]


class Place(Protocol):
    """Where a load writes to and reads its ledger from; its text is how people name it."""

    kind: ClassVar[str]
    """What people call such a place."""
    build_command: ClassVar[str]
    """What builds what lies there, by the words behind `kraken-candles`."""

    def holding(self, symbols: Sequence[str] | None) -> AbstractContextManager[None]:
        """Be the only load of these symbols (None: import of archives) into it that must be.

        WarehouseLockedError where another one is.
        """

    def check(self, exchange: str | None, read_only: bool = False) -> None:
        """Refuse it where it cannot be used, or another kind of exchange (None: any) or a newer program filled it."""

    def is_there(self) -> bool:
        """Whether anything was ever loaded into it."""

    def patiently(self, call: Callable[[], _T], stop: threading.Event) -> _T:
        """Return what `call` returns, once nobody else holds it."""

    def pipeline(self, symbols: Sequence[str]) -> dlt.Pipeline:
        """Return the pipeline of a load of these symbols, as `ready` does."""

    def import_pipeline(self) -> dlt.Pipeline:
        """Return the pipeline of imports without anything that a run before left: what was not committed comes again.

        A package of rows that are appended must not be finished, for its first tables may be there already.
        """

    def pipeline_name(self, symbols: Sequence[str] | None) -> str:
        """Return the name of the pipeline of such loads (None: of imports), which is that of its folder."""

    def load_packages(self, pipeline: dlt.Pipeline) -> None:
        """Commit the packages that wait in dlt's folder."""

    def reading(self) -> AbstractContextManager[Tables]:
        """Open what is there to read it, for a short while."""

    def changing(self, tables: Iterable[str]) -> AbstractContextManager[tuple[duckdb.DuckDBPyConnection, Delete]]:
        """Open these raw tables to remove rows of them; a table that was never made has none."""

    def explain(self, error: BaseException) -> KrakenCandlesError | None:
        """Return the clear sentence for an error of using it, None where it is not known."""


@dataclass(frozen=True)
class Warehouse:
    """The DuckDB file at `path`, which one process writes at a time."""

    kind: ClassVar[str] = "Warehouse"
    build_command: ClassVar[str] = "build"
    path: Path

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)

    def holding(self, symbols: Sequence[str] | None) -> AbstractContextManager[None]:
        """Be the only load into it."""
        return only_load(self.path, self.pipeline_name(symbols))

    def check(self, exchange: str | None, read_only: bool = False) -> None:
        """Refuse a file that `check_usable` refuses."""
        check_usable(self.path, exchange, read_only)

    def is_there(self) -> bool:
        """Whether there is such a file."""
        return self.path.exists()

    def patiently(self, call: Callable[[], _T], stop: threading.Event) -> _T:
        """Wait for it as `when_unlocked` does."""
        return when_unlocked(call, self.path, stop)

    def pipeline(self, symbols: Sequence[str]) -> dlt.Pipeline:
        """Return the pipeline into it, `ready`."""
        name = self.pipeline_name(symbols)
        return ready(self, name, lambda: make_pipeline(self.path, name))

    def import_pipeline(self) -> dlt.Pipeline:
        """Return the pipeline into it, begun anew."""
        return begun_anew(make_pipeline(self.path, _IMPORTS))

    def pipeline_name(self, symbols: Sequence[str] | None) -> str:
        """Return the name of the one pipeline of all loads, or of all imports."""
        return _IMPORTS if symbols is None else PIPELINE

    def load_packages(self, pipeline: dlt.Pipeline) -> None:
        """Commit what waits.

        dlt opens and closes the file some twenty times for it; as long as it is open here, too, that costs nothing.
        """
        with open_warehouse(self.path):
            pipeline.load()

    @contextmanager
    def reading(self) -> Iterator[Tables]:
        """Open the file read-only."""
        with open_warehouse(self.path, read_only=True) as connection:
            yield connection, f"{DATASET}.{{}}".format

    @contextmanager
    def changing(self, tables: Iterable[str]) -> Iterator[tuple[duckdb.DuckDBPyConnection, Delete]]:  # noqa: ARG002
        """Do all of it in one transaction."""
        with open_warehouse(self.path) as connection:
            connection.begin()
            yield connection, partial(_delete, connection)
            connection.commit()

    def explain(self, error: BaseException) -> KrakenCandlesError | None:
        """Return what `errors.explain` does."""
        return explain(error, self.path)


def _delete(connection: duckdb.DuckDBPyConnection, table: str, condition: str, **values: object) -> int:
    """Delete rows and return how many; a table is not written where none is to go."""
    there = "select 1 from duckdb_tables() where schema_name = $schema and table_name = $table"
    if not connection.execute(there, {"schema": DATASET, "table": table}).fetchall():
        return 0
    found = connection.execute(f"select 1 from {DATASET}.{table} where {condition} limit 1", values).fetchall()  # noqa: S608
    if not found:
        return 0
    (count,) = connection.execute(f"delete from {DATASET}.{table} where {condition}", values).fetchall()[0]  # noqa: S608
    return int(count)


def begun_anew(pipeline: dlt.Pipeline) -> dlt.Pipeline:
    """Return the pipeline as it is in its destination, without what lies in its folder."""
    fresh = pipeline.drop()
    fresh.sync_destination()
    return fresh


class _Destination(dlt.destinations.duckdb):
    """dlt's own, by the same name, which works out what it can by default once, not five times a load."""

    @property
    def destination_type(self) -> str:
        return "dlt.destinations.duckdb"

    def capabilities(
        self, config: DuckDbClientConfiguration | None = None, naming: NamingConvention | None = None
    ) -> DestinationCapabilitiesContext:
        """Return a copy of what it worked out, as long as nobody says of which settings or names it is to be."""
        return super().capabilities(config, naming) if config or naming else self._capabilities.copy()

    @cached_property
    def _capabilities(self) -> DestinationCapabilitiesContext:
        return super().capabilities()


def make_pipeline(path: Path, name: str = PIPELINE) -> dlt.Pipeline:
    """Return the dlt pipeline of that name into dataset `kraken_raw` of the warehouse."""
    os.environ.setdefault("LOAD__TRUNCATE_STAGING_DATASET", "true")  # what was merged need not lie there twice
    check_kind(path)
    destination = _Destination(DuckDbCredentials(str(path), global_config=database_settings()))
    return dlt.pipeline(name, destination=destination, dataset_name=DATASET)


def active_pipeline(*kinds: str) -> dlt.Pipeline:
    """Return the pipeline that runs the source which asks; BadInputError where its destination is not of these kinds.

    `dlt.current.pipeline()` first resolves the settings of a new one, section by section: a fifth of a small load.
    """
    pipeline: dlt.Pipeline = Container()[PipelineContext].pipeline()  # type: ignore[assignment]
    if not any(is_into(pipeline, kind) for kind in kinds):
        named = pipeline.destination.destination_name if pipeline.destination else "none"
        raise BadInputError(
            f"The pipeline {pipeline.pipeline_name} loads into dlt's destination {named}, where this source cannot "
            f"look up what is loaded; give it the destination {' or '.join(kinds)}."
        )
    return pipeline


def is_into(pipeline: dlt.Pipeline, kind: str) -> bool:
    """Whether a pipeline's destination is dlt's own of that name, or made of it."""
    return any(each.__name__ == kind for each in type(pipeline.destination).__mro__)


@contextmanager
def only_load(path: Path, pipeline: str = PIPELINE) -> Iterator[None]:
    """Be the only load in dlt's folder, where packages would mix, and into the warehouse, where locks would clash."""
    with ExitStack() as held:
        held.enter_context(exclusive_lock(lock_folder() / warehouse_key(path), "load", "wait for it"))
        held.enter_context(only_in_folder(pipeline))
        yield


def only_in_folder(pipeline: str) -> AbstractContextManager[None]:
    """Be the only load in dlt's folder of that pipeline."""
    folder = Path(get_dlt_pipelines_dir())
    folder.mkdir(parents=True, exist_ok=True)
    way_out = "wait for it, or give this one a folder of its own with the environment variable DLT_DATA_DIR"
    return exclusive_lock(folder / pipeline, "load", way_out)


def ready(place: Place, name: str, make: Callable[[], dlt.Pipeline]) -> dlt.Pipeline:
    """Return the pipeline of that name, ready for new data; what a kill left that cannot be used is dropped.

    That costs at most one chunk: the ledger in the place knows what is loaded, and the rest is asked for again.
    """
    try:
        return _finished(place, make())
    except Exception as error:
        if place.explain(error):
            raise
        _log.warning("dlt's folder cannot be used as an interrupted load left it (%s); beginning it anew.", error)
        shutil.rmtree(Path(get_dlt_pipelines_dir()) / name, ignore_errors=True)
        return _finished(place, make())


def _finished(place: Place, pipeline: dlt.Pipeline) -> dlt.Pipeline:
    """Drop what belongs to another place and a package cut off half-way; load a package that waits as a whole.

    The first tables of half a package may lie in a file that has been replaced since. Trades without their ledger do
    no harm, a ledger without its trades would.
    """
    if not place.is_there() or _remembered(pipeline) != str(place) or _is_half_loaded(pipeline):
        pipeline = pipeline.drop()
    elif pipeline.has_pending_data:
        _log.warning("Finishing what an interrupted load left behind.")
        pipeline.run()
    pipeline.set_local_state_val("warehouse", str(place))
    pipeline.sync_destination()
    return pipeline


def drop_old_packages(pipeline: dlt.Pipeline, kept: int | None = None) -> None:
    """Remove all but the newest `kept` (20) loaded packages from dlt's folder, which would grow with every load."""
    storage = pipeline._get_load_storage()
    for load_id in sorted(storage.list_loaded_packages(), key=float)[: -(kept or _KEPT_PACKAGES)]:
        storage.delete_loaded_package(load_id)


def has_waiting_packages(pipeline: str) -> bool:
    """Whether dlt's folder of a pipeline holds what is not loaded yet, or in which state it is cannot be read."""
    folder = Path(get_dlt_pipelines_dir()) / pipeline
    return any(any((folder / place).glob("*")) for place in ("normalize/extracted", "load/normalized"))


def _is_half_loaded(pipeline: dlt.Pipeline) -> bool:
    packages = [pipeline.get_load_package_info(load_id) for load_id in pipeline.list_normalized_load_packages()]
    # A job that was begun may be in the warehouse without a mark of it: run again, it would stand there twice.
    return any(package.jobs["completed_jobs"] or package.jobs["started_jobs"] for package in packages)


def _remembered(pipeline: dlt.Pipeline) -> str | None:
    try:
        return str(pipeline.get_local_state_val("warehouse"))
    except KeyError:
        return None
