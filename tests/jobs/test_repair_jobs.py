"""A repair in the queue: asks for what its window lacks, and says what it could not fill."""

from typing import Any

from dlt_pipeline.building import build
from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.queue import add_jobs, list_jobs, make_job, retry_jobs
from dlt_pipeline.jobs.runner import run_jobs
from dlt_pipeline.loading import load
from dlt_pipeline.warehouse import warehouse_path
from tests.built_parts import FOR_REPAIRS
from tests.jobs.conftest import NOW
from tests.truth import expected_trades, loaded_trades, query

NOW_NS = int(NOW.timestamp()) * 10**9


def test_a_repair_job_fills_a_hole_once_kraken_gives_it(exchange: LocalExchange, feed: SyntheticFeed) -> None:
    ids = {trade.trade_id for trade in feed.trades("MINA/GBP", NOW_NS)[20:23]}
    exchange.faults.add(Fault("hide_ids", pair="MINA/GBP", times=None, ids={each for each in ids if each}))
    load(["MINA/GBP"], "2026-11-04", timeframes=())
    build(arguments=FOR_REPAIRS, quiet=True)
    add_jobs([make_job("repair", "MINA/GBP", "2026-11-04", "2026-11-08")])
    (failed,) = run_jobs().jobs.values()
    assert (failed.status, failed.phase) == ("failed", "checking")
    assert "still not proven (ids_missing)" in str(failed.error)
    attempts = "select job_id, reason, outcome from kraken_ops.repair_attempts"
    assert query(warehouse_path(), attempts) == [(1, "ids_missing", "unfilled")]
    exchange.faults.clear()
    calls = len(exchange.calls)
    retry_jobs([1])
    run_jobs()
    assert _told() == ("succeeded", "filled")
    assert loaded_trades(warehouse_path(), "MINA/GBP") == expected_trades(feed, "MINA/GBP", NOW_NS)
    assert query(warehouse_path(), "select count(*) from kraken.gaps") == [(0,)]
    asked = [call for call in exchange.calls[calls:] if call.path == "Trades"]
    assert 0 < len(asked) < 5, "only the window of the hole was asked for"


def _told() -> tuple[Any, Any]:
    (job,) = list_jobs()
    return job.status, str(job.summary).split(";", maxsplit=1)[0]
