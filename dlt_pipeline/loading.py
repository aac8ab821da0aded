"""A load: a chain of bounded dlt runs, each committing trades, ledger and cursor together, until nothing is missing."""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import dlt
import filelock
from dlt.common.pipeline import get_dlt_pipelines_dir

from dlt_pipeline.dates import When
from dlt_pipeline.exceptions import KrakenCandlesError, WarehouseLockedError
from dlt_pipeline.kraken.session import Request, Session, make_request
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, load_settings
from dlt_pipeline.kraken.source import Chunk, exchange_kind, source_of
from dlt_pipeline.kraken.symbol_load import Progress
from dlt_pipeline.warehouse import DATASET, check_usable, explain, warehouse_path

_log = logging.getLogger("dlt_pipeline.kraken")
PIPELINE = "kraken"


class Listener(Protocol):
    """Hears how a load goes; called from the threads of several symbols."""

    def begin(self, session: Session, request: Request) -> None:
        """Hear that the exchange answered and the request is sound."""

    def page(self, progress: Progress) -> None:
        """Hear of a page taken in."""

    def committed(self, done: set[str]) -> None:
        """Hear that a chunk is in the warehouse, and which symbols are complete."""


@dataclass
class LoadReport:
    """How a load ended, by symbol: trades added, ids that stay missing, errors; `unfinished` if it was stopped."""

    warehouse: Path
    request: Request
    trades: dict[str, int] = field(default_factory=dict)
    missing_ids: dict[str, int] = field(default_factory=dict)
    failures: dict[str, KrakenCandlesError] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)


def load(
    symbols: Sequence[str],
    start: When,
    end: When | None = None,
    *,
    timeframes: Sequence[str] = tuple(REST_TIMEFRAMES),
    exact: bool = False,
    warehouse: str | Path | None = None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> LoadReport:
    """Load what [start, end) of the symbols still lacks in the warehouse, and Kraken's own candles beside it.

    Arguments as of `kraken_source`; `warehouse` is the DuckDB file (default: KRAKEN_CANDLES_WAREHOUSE or
    warehouse.duckdb here). Setting `stop` ends the load after the page in hand; the chunk is committed. A symbol that
    fails is in the report and leaves the others alone. Raises KrakenCandlesError for what concerns the whole load.
    """
    request = make_request(symbols, start, end, timeframes, exact)
    settings = load_settings()
    path = warehouse_path(warehouse)
    try:
        with _only_load():
            check_usable(path, exchange_kind(settings.base_url))
            session = Session(settings, stop)
            session.open(request)
            if listener:
                listener.begin(session, request)
            return _chain(_ready_pipeline(path), session, request, LoadReport(path, request), listener)
    except Exception as error:
        known = explain(error, path)
        if known is None or known is error:
            raise
        raise known from error


def make_pipeline(path: Path) -> dlt.Pipeline:
    """Return the dlt pipeline `kraken` into dataset `kraken_raw` of the warehouse."""
    os.environ.setdefault("LOAD__TRUNCATE_STAGING_DATASET", "true")  # what was merged need not lie there twice
    destination = dlt.destinations.duckdb(str(path))
    return dlt.pipeline(PIPELINE, destination=destination, dataset_name=DATASET)


@contextmanager
def _only_load() -> Iterator[None]:
    """Hold dlt's working folder: a second load would mix its packages with ours."""
    folder = Path(get_dlt_pipelines_dir())
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder / f"{PIPELINE}.owner"
    lock = filelock.FileLock(folder / f"{PIPELINE}.lock", blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        pid = owner.read_text() if owner.exists() else "?"
        raise WarehouseLockedError(
            f"Another load is running (process {pid}); wait for it, or give this one a folder of its own "
            "with the environment variable DLT_DATA_DIR."
        ) from None
    try:
        owner.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def _ready_pipeline(path: Path) -> dlt.Pipeline:
    """Return the pipeline with dlt's folder true to this warehouse, and what a killed load left behind finished.

    What belongs to another warehouse is dropped, and so is a package that was cut off half-way: its first tables may
    lie in a file that has been replaced since. Trades without their ledger do no harm, and are asked for again.
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


def _is_half_loaded(pipeline: dlt.Pipeline) -> bool:
    packages = [pipeline.get_load_package_info(load_id) for load_id in pipeline.list_normalized_load_packages()]
    return any(package.jobs["completed_jobs"] for package in packages)


def _remembered_warehouse(pipeline: dlt.Pipeline) -> str | None:
    try:
        return str(pipeline.get_local_state_val("warehouse"))
    except KeyError:
        return None


def _chain(
    pipeline: dlt.Pipeline, session: Session, request: Request, report: LoadReport, listener: Listener | None
) -> LoadReport:
    remaining = list(request.symbols)

    def hear(progress: Progress) -> None:
        report.trades[progress.symbol] = report.trades.get(progress.symbol, 0) + progress.new_trades
        report.missing_ids[progress.symbol] = report.missing_ids.get(progress.symbol, 0) + progress.missing_ids
        if listener:
            listener.page(progress)

    while remaining and not session.stop.is_set():
        chunk = Chunk(session, replace(request, symbols=tuple(remaining)), hear, report.failures.__setitem__)
        _run(pipeline, chunk)
        if listener:
            listener.committed(chunk.done)
        remaining = [name for name in remaining if name not in chunk.done and name not in report.failures]
    report.unfinished = remaining
    return report


def _run(pipeline: dlt.Pipeline, chunk: Chunk) -> None:
    """Run one chunk: a thread a symbol, because each waits for its own pace."""
    pipeline.extract(source_of(chunk), workers=len(chunk.request.symbols) + 2)
    pipeline.normalize()
    pipeline.load()
