"""dlt's working folder: one load at a time, true to its warehouse, and what a kill left behind finished or dropped."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext, get_dlt_pipelines_dir
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.warehouse.database import DATASET, check_kind, database_settings, open_warehouse
from dlt_pipeline.warehouse.errors import explain
from dlt_pipeline.warehouse.locks import exclusive_lock, lock_folder, warehouse_key

PIPELINE: Final = "kraken"
# What dlt has loaded it keeps for ever, each package a copy of its rows; the newest are enough to look into.
_KEPT_PACKAGES: Final = 20
_log = logging.getLogger("dlt_pipeline.kraken")


def make_pipeline(path: Path, name: str = PIPELINE) -> dlt.Pipeline:
    """Return the dlt pipeline of that name into dataset `kraken_raw` of the warehouse."""
    os.environ.setdefault("LOAD__TRUNCATE_STAGING_DATASET", "true")  # what was merged need not lie there twice
    check_kind(path)
    destination = dlt.destinations.duckdb(DuckDbCredentials(str(path), global_config=database_settings()))
    return dlt.pipeline(name, destination=destination, dataset_name=DATASET)


def active_pipeline(*kinds: str) -> dlt.Pipeline:
    """Return the pipeline that runs the source which asks; BadInputError where its destination is not of these kinds.

    `dlt.current.pipeline()` first resolves the settings of a new one, section by section: a fifth of a small load.
    """
    pipeline: dlt.Pipeline = Container()[PipelineContext].pipeline()  # type: ignore[assignment]
    kind = pipeline.destination.destination_type.rpartition(".")[2] if pipeline.destination else "none"
    if kind not in kinds:
        raise BadInputError(
            f"The pipeline {pipeline.pipeline_name} loads into dlt's destination {kind}, where this source cannot look "
            f"up what is loaded; give it the destination {' or '.join(kinds)}."
        )
    return pipeline


@contextmanager
def only_load(path: Path, pipeline: str = PIPELINE) -> Iterator[None]:
    """Be the only load in dlt's folder, where packages would mix, and into the warehouse, where locks would clash."""
    folder = Path(get_dlt_pipelines_dir())
    folder.mkdir(parents=True, exist_ok=True)
    key = warehouse_key(path)
    with ExitStack() as held:
        held.enter_context(exclusive_lock(lock_folder() / key, "load", "wait for it"))
        held.enter_context(
            exclusive_lock(
                folder / pipeline,
                "load",
                "wait for it, or give this one a folder of its own with the environment variable DLT_DATA_DIR",
            )
        )
        yield


def ready_pipeline(path: Path) -> dlt.Pipeline:
    """Return the pipeline, ready for new data. Whatever a kill left in dlt's folder that cannot be used is dropped.

    That costs at most one chunk: the ledger in the warehouse knows what is loaded, and the rest is asked for again.
    """
    try:
        return _finished(path)
    except Exception as error:
        if explain(error, path):
            raise
        _log.warning("dlt's folder cannot be used as an interrupted load left it (%s); beginning it anew.", error)
        shutil.rmtree(Path(get_dlt_pipelines_dir()) / PIPELINE, ignore_errors=True)
        return _finished(path)


def _finished(path: Path) -> dlt.Pipeline:
    """Drop what belongs to another warehouse and a package cut off half-way; load a package that waits as a whole.

    The first tables of half a package may lie in a file that has been replaced since. Trades without their ledger do
    no harm, a ledger without its trades would.
    """
    pipeline = make_pipeline(path)
    if not path.exists() or _remembered_warehouse(pipeline) != str(path) or _is_half_loaded(pipeline):
        pipeline = pipeline.drop()
    elif pipeline.has_pending_data:
        _log.warning("Finishing what an interrupted load left behind.")
        pipeline.run()
    pipeline.set_local_state_val("warehouse", str(path))
    pipeline.sync_destination()
    return pipeline


def load_packages(pipeline: dlt.Pipeline, path: Path) -> None:
    """Commit the packages that wait in dlt's folder.

    dlt opens and closes the file some twenty times for it; as long as it is open here, too, that costs nothing.
    """
    with open_warehouse(path):
        pipeline.load()


def drop_old_packages(pipeline: dlt.Pipeline, kept: int | None = None) -> None:
    """Remove all but the newest `kept` (20) loaded packages from dlt's folder, which would grow with every load."""
    storage = pipeline._get_load_storage()
    for load_id in sorted(storage.list_loaded_packages(), key=float)[: -(kept or _KEPT_PACKAGES)]:
        storage.delete_loaded_package(load_id)


def has_waiting_packages() -> bool:
    """Whether dlt's folder holds what is not in a warehouse yet, or in which state it is cannot be read."""
    folder = Path(get_dlt_pipelines_dir()) / PIPELINE
    return any(any((folder / place).glob("*")) for place in ("normalize/extracted", "load/normalized"))


def _is_half_loaded(pipeline: dlt.Pipeline) -> bool:
    packages = [pipeline.get_load_package_info(load_id) for load_id in pipeline.list_normalized_load_packages()]
    # A job that was begun may be in the warehouse without a mark of it: run again, it would stand there twice.
    return any(package.jobs["completed_jobs"] or package.jobs["started_jobs"] for package in packages)


def _remembered_warehouse(pipeline: dlt.Pipeline) -> str | None:
    try:
        return str(pipeline.get_local_state_val("warehouse"))
    except KeyError:
        return None
