"""What the commands that run jobs do, and the exit codes they end with."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlt_pipeline.cli.console import STOPPED, Console
from dlt_pipeline.cli.estimate import may_begin_at
from dlt_pipeline.cli.progress import ProgressListener
from dlt_pipeline.cli.queue import tell_job, tell_queued, tell_run
from dlt_pipeline.common.exceptions import WarehouseLockedError
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.estimates.price import Estimate
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.jobs.queue import add_jobs, make_job
from dlt_pipeline.jobs.rounds import estimated, price_jobs
from dlt_pipeline.jobs.runner import run_jobs
from dlt_pipeline.jobs.store import JobStore
from dlt_pipeline.kraken.request import make_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.warehouse.database import warehouse_path


def run_rebuild(
    console: Console,
    stop: threading.Event,
    symbols: Sequence[str],
    start: str,
    end: str | None,
    options: Mapping[str, Any],
    exact: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Queue a rebuild a symbol and run the queue."""
    jobs = [make_job("trade_rebuild", symbol, start, end, options, exact=exact) for symbol in dict.fromkeys(symbols)]
    session = Session(load_settings(), stop)
    request = make_request(list(dict.fromkeys(symbols)), start, end, (), exact)
    session.open(request)  # what the exchange does not have is wrong input here, and no job is queued
    estimates = beside_main(lambda: dict(_priced(jobs, session)), stop, lambda: None)
    if not may_begin_at(console, list(estimates.values()), session, yes):
        console.print("Nothing was begun.")
        return STOPPED
    fields = {symbol: estimated(price) for symbol, price in estimates.items()}
    tell_queued(console, add_jobs([job.changed(**fields.get(job.symbol, {})) for job in jobs]))
    try:
        return run_queue(console, stop, yes, as_json)
    except WarehouseLockedError as error:
        console.print(f"{error} The jobs above stay queued.", markup=False)
        return 1


def run_queue(console: Console, stop: threading.Event, yes: bool, as_json: bool) -> int:
    """Ask where what is queued was not priced before and costs much; then run it and say how it went.

    `as_json` also prints an object to stdout, which is then not for the `console`.
    """
    store = JobStore(warehouse_path())
    unpriced = [job for job in store.jobs() if job.status == "queued" and job.estimated_trades is None]
    if unpriced and not yes:
        session = Session(load_settings(), stop)
        priced = beside_main(lambda: list(price_jobs(unpriced, store.path, session)), stop, lambda: None)
        if not may_begin_at(console, [price for _, price in priced], session, yes):
            console.print("Nothing was begun; the jobs stay queued.")
            return STOPPED
        store.change({job.job_id: estimated(price) for job, price in priced})
    with ProgressListener(console) as listener:
        report = beside_main(
            lambda: run_jobs(tell=lambda job: tell_job(console, job), listener=listener, stop=stop),
            stop,
            lambda: console.print("Stopping after the page or step in hand; what is loaded will be committed."),
        )
    return tell_run(console, report, as_json)


def _priced(jobs: Sequence[Job], session: Session) -> Iterator[tuple[str, Estimate]]:
    for job, price in price_jobs(jobs, warehouse_path(), session):
        yield job.symbol, price
