"""An import of archives: a chain of bounded dlt runs, each committing rows, parts and files together; then tidying."""

import threading
from collections.abc import Sequence
from pathlib import Path

from dlt_pipeline.archive.cleanup import drop_cut_off, tidy
from dlt_pipeline.archive.report import ImportReport
from dlt_pipeline.archive.source import ArchiveChunk, source_of
from dlt_pipeline.archive.stored import Stored, read_stored
from dlt_pipeline.archive.symbols import ArchiveRequest, make_archive_request
from dlt_pipeline.archive.work import ImportListener, Work
from dlt_pipeline.common.time import When
from dlt_pipeline.kraken.ledger_store import LedgerStore, place_of
from dlt_pipeline.warehouse.pipeline import Place, drop_old_packages


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
    lake: str | Path | None = None,
    listener: ImportListener | None = None,
    stop: threading.Event | None = None,
) -> ImportReport:
    """Import Kraken's downloads into the warehouse: what it has of them already is not read again.

    Arguments as of `archive_source`; `warehouse` is the DuckDB file (default: KRAKEN_CANDLES_WAREHOUSE or
    warehouse.duckdb here), `lake` a folder, or the address of a place in a bucket, to import into instead. Setting
    `stop` ends the import after the rows in hand, which are committed. A file that cannot be read is in the report and
    leaves the others alone. Raises KrakenCandlesError for what concerns all.
    """
    request = make_archive_request(paths, symbols, start, end, symbol_map, password, whole_days, exact)
    return import_request(request, warehouse=place_of(warehouse, lake), listener=listener, stop=stop)


def import_request(
    request: ArchiveRequest,
    *,
    warehouse: str | Path | Place | None = None,
    listener: ImportListener | None = None,
    stop: threading.Event | None = None,
) -> ImportReport:
    """Import what a request made by `make_archive_request` names, as `import_archives` does."""
    place = place_of(warehouse)
    work = Work(request, listener, stop)
    try:
        with place.holding(None):
            place.patiently(lambda: place.check(None), work.stop)
            place.patiently(lambda: drop_cut_off(place), work.stop)
            _chain(place, work)
            replaced = place.patiently(lambda: tidy(place, work.failed_editions), threading.Event())
    except Exception as error:
        known = place.explain(error)
        if known is None or known is error:
            raise
        raise known from error
    report = ImportReport(place, work.files, [], work.warnings, work.problems, is_stopped=not work.is_done)
    named = {one.edition_id for one in work.files}
    report.replaced = [pair for pair in replaced if pair.newer_id in named]
    for one in work.files:
        if one.outcome == "waiting":
            one.outcome = "stopped"
    return report


def _chain(place: Place, work: Work) -> None:
    """Run chunks until nothing waits. The first one is run whatever there is: dbt wants all tables."""
    pipeline = place.patiently(place.import_pipeline, work.stop)
    work.prepare(place.patiently(lambda: _stored(place), work.stop))
    while not work.has_begun or not (work.is_done or work.stop.is_set()):
        chunk = ArchiveChunk(work)
        readers = chunk.reader_count + 2
        pipeline.extract(source_of(chunk), workers=readers, max_parallel_items=readers)
        pipeline.normalize()
        place.patiently(lambda: place.load_packages(pipeline), work.stop)
        drop_old_packages(pipeline, kept=1)


def _stored(place: Place) -> Stored:
    with LedgerStore.of(place) as store:
        return read_stored(store)
