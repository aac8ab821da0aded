"""An import of archives: a chain of bounded dlt runs, each committing rows, parts and files together; then tidying."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

import dlt

from dlt_pipeline.archive.cleanup import drop_cut_off, tidy
from dlt_pipeline.archive.report import ImportReport
from dlt_pipeline.archive.source import ArchiveChunk, source_of
from dlt_pipeline.archive.stored import asking, read_stored
from dlt_pipeline.archive.symbols import ArchiveRequest, make_archive_request
from dlt_pipeline.archive.work import ImportListener, Work
from dlt_pipeline.common.time import When
from dlt_pipeline.warehouse.database import check_usable, warehouse_path
from dlt_pipeline.warehouse.errors import explain, when_unlocked
from dlt_pipeline.warehouse.pipeline import drop_old_packages, make_pipeline, only_load

PIPELINE: Final = "kraken_archives"
_T = TypeVar("_T")


def import_archives(
    paths: str | Path | Sequence[str | Path],
    symbols: Sequence[str] | None = None,
    start: When | None = None,
    end: When | None = None,
    *,
    exact: bool = False,
    symbol_map: str | Path | None = None,
    password: str | None = None,
    whole_days: bool = False,
    warehouse: str | Path | None = None,
    listener: ImportListener | None = None,
    stop: threading.Event | None = None,
) -> ImportReport:
    """Import Kraken's downloads into the warehouse: what it has of them already is not read again.

    Arguments as of `archive_source`; `warehouse` is the DuckDB file (default: KRAKEN_CANDLES_WAREHOUSE or
    warehouse.duckdb here). Setting `stop` ends the import after the rows in hand, which are committed. A file that
    cannot be read is in the report and leaves the others alone. Raises KrakenCandlesError for what concerns all.
    """
    request = make_archive_request(paths, symbols, start, end, symbol_map, password, whole_days, exact)
    return import_request(request, warehouse=warehouse, listener=listener, stop=stop)


def import_request(
    request: ArchiveRequest,
    *,
    warehouse: str | Path | None = None,
    listener: ImportListener | None = None,
    stop: threading.Event | None = None,
) -> ImportReport:
    """Import what a request made by `make_archive_request` names, as `import_archives` does."""
    path = warehouse_path(warehouse)
    work = Work(request, listener, stop)
    try:
        with only_load(path, PIPELINE):
            when_unlocked(lambda: check_usable(path, None), path, work.stop)
            when_unlocked(lambda: drop_cut_off(path), path, work.stop)
            _chain(when_unlocked(lambda: _ready(path), path, work.stop), path, work)
            replaced = when_unlocked(lambda: tidy(path, work.failed_editions), path, threading.Event())
    except Exception as error:
        known = explain(error, path)
        if known is None or known is error:
            raise
        raise known from error
    report = ImportReport(path, work.files, [], work.warnings, work.problems, is_stopped=not work.is_done)
    named = {one.edition_id for one in work.files}
    report.replaced = [pair for pair in replaced if pair.newer_id in named]
    for one in work.files:
        if one.outcome == "waiting":
            one.outcome = "stopped"
    return report


def _chain(pipeline: dlt.Pipeline, path: Path, work: Work) -> None:
    """Run chunks until nothing waits. The first one is run whatever there is: dbt wants all tables."""
    ask = asking(pipeline)
    work.prepare(when_unlocked(lambda: read_stored(ask), path, work.stop))
    while not work.has_begun or not (work.is_done or work.stop.is_set()):
        chunk = ArchiveChunk(work)
        readers = chunk.reader_count + 2
        pipeline.extract(source_of(chunk), workers=readers, max_parallel_items=readers)
        pipeline.normalize()
        when_unlocked(pipeline.load, path, work.stop)
        drop_old_packages(pipeline, kept=1)


def _ready(path: Path) -> dlt.Pipeline:
    """Return the pipeline without anything that a run before left pending: what was not committed is read again.

    A package of rows that are appended must not be finished, for its first tables may be in the warehouse already.
    """
    pipeline = make_pipeline(path, PIPELINE).drop()
    pipeline.sync_destination()
    return pipeline
