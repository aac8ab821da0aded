"""Two hundred queued jobs run to the end."""

from datetime import datetime, timedelta, timezone

import pytest

from dlt_pipeline.exchange import LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.queue import add_jobs, list_jobs, make_job
from dlt_pipeline.jobs.runner import run_jobs
from dlt_pipeline.warehouse.database import warehouse_path
from tests.jobs.conftest import NOW
from tests.truth import expected_trades, loaded_trades, query

SYMBOLS = ("BTC/USD", "ETH/USD", "MINA/GBP", "BONK/USD")
FIRST = datetime(2026, 11, 5, tzinfo=timezone.utc)
HOURS = 50


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_hundred_jobs_run_to_the_end(exchange: LocalExchange, feed: SyntheticFeed) -> None:
    """An hour of a symbol each; all of them make one unbroken history, which is built once."""
    hours = [(FIRST + timedelta(hours=place), FIRST + timedelta(hours=place + 1)) for place in range(HOURS)]
    add_jobs([make_job("trade_rebuild", symbol, *hour, exact=True) for hour in hours for symbol in SYMBOLS])
    report = run_jobs()
    assert len(report.jobs) == HOURS * len(SYMBOLS) == 200
    assert {(job.status, job.attempt) for job in list_jobs()} == {("succeeded", 1)}
    start_ns, end_ns = (int(moment.timestamp()) * 10**9 for moment in (FIRST, FIRST + timedelta(hours=HOURS)))
    for symbol in SYMBOLS:
        truth = expected_trades(feed, symbol, int(NOW.timestamp()) * 10**9, start_ns, end_ns)
        assert loaded_trades(warehouse_path(), symbol) == truth
        assert sum(job.trades for job in list_jobs() if job.symbol == symbol) == len(truth)
    assert query(warehouse_path(), "select count(*), sum(covered_to_ns - covered_from_ns) from kraken.coverage") == [
        (len(SYMBOLS), len(SYMBOLS) * (end_ns - start_ns))
    ]
