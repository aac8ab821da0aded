"""`rebuild`: jobs of one symbol each, priced, queued and run; what a research team does when it wants a history."""

import threading
from collections.abc import Sequence
from pathlib import Path

from dlt_pipeline.common.time import When
from dlt_pipeline.jobs.in_hand import RunReport, Tell
from dlt_pipeline.jobs.options import Options
from dlt_pipeline.jobs.queue import add_jobs, make_job
from dlt_pipeline.jobs.runner import run_jobs
from dlt_pipeline.kraken.load import Listener


def rebuild(
    symbols: Sequence[str],
    start: When,
    end: When | None = None,
    *,
    options: Options | None = None,
    exact: bool = False,
    warehouse: str | Path | None = None,
    tell: Tell = lambda _: None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> RunReport:
    """Rebuild [start, end) of the symbols: load what lacks, build, check, publish; `options` say what is made of it.

    The jobs are queued and run with whatever else waits in the queue; nobody is asked, whatever they cost (`estimate`
    and `price_of` tell). Arguments as of `dlt_pipeline.load`. Raises
    KrakenCandlesError for what concerns all jobs; a job that failed is in the report.
    """
    jobs = [make_job("trade_rebuild", symbol, start, end, options, exact=exact) for symbol in dict.fromkeys(symbols)]
    add_jobs(jobs, warehouse)
    return run_jobs(warehouse, tell=tell, listener=listener, stop=stop)
