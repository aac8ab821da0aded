"""Where jobs meet each other and other commands: none spoils what another one has or leaves."""

from typing import Any

import duckdb
import pytest

from dlt_pipeline.common.exceptions import DiskFullError
from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.build import build
from dlt_pipeline.jobs.finish import request_removal_for
from dlt_pipeline.jobs.queue import add_jobs, cancel_jobs, list_jobs, make_job
from dlt_pipeline.jobs.runner import run_jobs
from dlt_pipeline.jobs.store import ActiveJobs, JobStore
from dlt_pipeline.kraken.load import load
from dlt_pipeline.retention import remove_trades
from dlt_pipeline.warehouse.database import open_warehouse, warehouse_path
from tests.built_parts import only
from tests.jobs.conftest import NOW
from tests.truth import expected_trades, loaded_trades

NOW_NS = int(NOW.timestamp()) * 10**9


def test_missing_ids_are_asked_for_again_whatever_runs_beside_them_and_a_red_build_removes_nothing(
    exchange: LocalExchange, feed: SyntheticFeed
) -> None:
    ids = {trade.trade_id for trade in feed.trades("MINA/GBP", NOW_NS)[20:23]}
    exchange.faults.add(Fault("hide_ids", pair="MINA/GBP", times=None, ids={each for each in ids if each}))
    load(["MINA/GBP"], "2026-11-04", "2026-11-08", timeframes=())
    exchange.faults.clear()
    load(["ETH/USD"], "2026-11-05", "2026-11-06", timeframes=())
    with open_warehouse(warehouse_path()) as connection:  # the build is red
        lost = "select median(trade_id)::bigint from kraken_raw.trades where symbol = 'ETH/USD'"
        connection.execute(f"delete from kraken_raw.trades where symbol = 'ETH/USD' and trade_id = ({lost})")
    add_jobs([make_job("trade_rebuild", "MINA/GBP", "2026-11-04", "2026-11-08", {"include_trades": False})])
    add_jobs([make_job("trade_load", "ETH/USD", "2026-11-07")])
    report = run_jobs()
    assert "not published" in str(report.jobs[1].summary)
    assert "its raw trades stay" in str(report.jobs[1].summary)
    truth = expected_trades(feed, "MINA/GBP", NOW_NS, 0, NOW_NS - NOW_NS % (86_400 * 10**9))
    assert loaded_trades(warehouse_path(), "MINA/GBP") == truth
    first, _ = list_jobs()
    assert first.estimated_trades is not None


def test_a_cancelled_job_keeps_its_trades_also_from_the_next_removal(exchange: LocalExchange) -> None:
    options = {"include_trades": False}
    add_jobs([make_job("trade_rebuild", "MINA/GBP", "2026-11-06", "2026-11-07", options)])
    load(["MINA/GBP"], "2026-11-06", "2026-11-07", timeframes=())
    store = JobStore(warehouse_path())
    hand = ActiveJobs(store, lambda _: None)
    (job,) = hand.begin(store.jobs())
    job = hand.to(job, phase="building", cursor_ns=job.end_ns)
    request_removal_for(warehouse_path(), job)
    cancel_jobs([1])
    (job,) = hand.to_phase([job], "checking")
    rename = "alter table kraken_ops.removed_days rename {} to {}"
    with open_warehouse(warehouse_path()) as connection:
        connection.execute(rename.format("state", "away"))
    with pytest.raises(duckdb.Error):
        hand.remaining([job])
    assert list_jobs()[0].is_cancel_requested, "it is cancelled with its removal, or not at all"
    with open_warehouse(warehouse_path()) as connection:
        connection.execute(rename.format("away", "state"))
    assert hand.remaining([job]) == [], "we live, so the job was asked to end and does"
    build(arguments=only("removal_checks", "kept_days", "kept_candles"), quiet=True)
    assert remove_trades(warehouse_path()).trades == 0
    assert [each.status for each in list_jobs()] == ["cancelled"]


def test_a_full_disk_while_jobs_are_written_down_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    add_jobs([make_job("rest_snapshot", "ETH/USD")])

    def full(*_: Any) -> None:
        raise duckdb.IOException('IO Error: Could not write file "w.duckdb": No space left on device')

    monkeypatch.setattr("dlt_pipeline.jobs.store._append", full)
    with pytest.raises(DiskFullError, match="No space is left"):
        cancel_jobs([1])
    with pytest.raises(duckdb.BinderException), open_warehouse(warehouse_path()) as connection:
        connection.execute("select nothing from kraken_ops.job_events")
