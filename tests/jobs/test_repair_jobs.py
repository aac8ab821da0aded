"""A repair in the queue: asks for what its window lacks, and says what it could not fill."""

import pytest

from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.build import build
from dlt_pipeline.jobs.queue import add_jobs, list_jobs, make_job, retry_jobs
from dlt_pipeline.jobs.runner import run_jobs
from dlt_pipeline.kraken.load import load
from dlt_pipeline.warehouse.database import warehouse_path
from tests.built_parts import FOR_REPAIRS
from tests.jobs.conftest import NOW
from tests.truth import expected_trades, loaded_trades, query

NOW_NS = int(NOW.timestamp()) * 10**9


@pytest.mark.usefixtures("unchecked")
def test_a_repair_job_fills_a_hole_once_kraken_gives_it_and_one_up_to_today_blocks_nothing(
    exchange: LocalExchange, feed: SyntheticFeed
) -> None:
    ids = {trade.trade_id for trade in feed.trades("MINA/GBP", NOW_NS)[20:23]}
    exchange.faults.add(Fault("hide_ids", pair="MINA/GBP", times=None, ids={each for each in ids if each}))
    load(["MINA/GBP"], "2026-11-04", timeframes=())
    load(["BONK/USD"], "2026-11-05", "2026-11-07", timeframes=())
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
    # What of it cannot be proven yet is not asked for.
    add_jobs([make_job("repair", "BONK/USD", "2026-11-06", "2026-11-08T06:00"), make_job("rest_snapshot", "ETH/USD")])
    run_jobs()
    assert [job.status for job in list_jobs()] == ["succeeded"] * 3, [job.error for job in list_jobs()]
    assert str(list_jobs()[0].summary).split(";", maxsplit=1)[0] == "filled"
    assert loaded_trades(warehouse_path(), "MINA/GBP") == expected_trades(feed, "MINA/GBP", NOW_NS)
    assert query(warehouse_path(), "select count(*) from kraken.gaps where symbol = 'MINA/GBP'") == [(0,)]
    asked = [call for call in exchange.calls[calls:] if call.path == "Trades" and call.query["pair"] == "MINAGBP"]
    assert 0 < len(asked) < 5, "only the window of the hole was asked for"
