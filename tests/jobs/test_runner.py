"""The queue, run for real: jobs that fail, are cancelled or stopped leave the others unharmed, and nothing is lost."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline.common.exceptions import NoConnectionError, WarehouseLockedError
from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.build import build
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.jobs.queue import add_jobs, cancel_jobs, list_jobs, make_job, retry_jobs
from dlt_pipeline.jobs.runner import only_runner, rebuild, run_jobs
from dlt_pipeline.jobs.store import JobStore
from dlt_pipeline.publishing.partitions import Column
from dlt_pipeline.publishing.resampling import Timeframe, candles_of
from dlt_pipeline.warehouse.database import warehouse_path
from tests.built_parts import only
from tests.jobs.conftest import NOW
from tests.loading.quick import Silent
from tests.truth import expected_trades, loaded_trades, query

NOW_NS = int(NOW.timestamp()) * 10**9
DAY_NS = 86_400 * 10**9


def load_job(symbol: str, start: str = "2026-11-05", end: str | None = "2026-11-07") -> Job:
    return make_job("trade_load", symbol, start, end)


def statuses() -> dict[int, str]:
    return {job.job_id: job.status for job in list_jobs()}


def truth(feed: SyntheticFeed, job: Job) -> list[Any]:
    assert job.start_ns is not None
    return expected_trades(feed, job.symbol, NOW_NS, job.start_ns, job.end_ns or NOW_NS)


def assert_minutes_make_what_was_built(published: Path) -> None:
    """Where only minutes were published, candles_of would give what the build made of trades, also beside a gap."""
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = 'UTC'; attach '{published}' as p (read_only)")
        described = connection.execute("describe p.main.candles").fetchall()
        columns = [Column(name, kind) for name, kind, *_ in described]
        macro = candles_of(
            "from p.main.candles", columns, [Timeframe("1m", 60, 0, is_ours=True)], "from p.main.coverage"
        )
        connection.execute(f"create macro made_of{macro}")
        names = ", ".join(column.name for column in columns if column.name != "vwap")
        for symbol in ("BTC/USD", "ETH/USD", "MINA/GBP"):
            for timeframe in ("2m", "5m", "1h", "4h", "1d"):
                built = f"from p.main.candles where symbol = '{symbol}' and timeframe = '{timeframe}' order by all"
                made = f"from made_of('{symbol}', '{timeframe}') order by all"
                rows = connection.execute(f"select {names} {built}").fetchall()
                assert rows
                assert connection.execute(f"select {names} {made}").fetchall() == rows, (symbol, timeframe)
                both = [connection.execute(f"select coalesce(vwap, -1) {each}").fetchall() for each in (made, built)]
                assert both[0] == [pytest.approx(vwap, rel=1e-12) for vwap in both[1]], (symbol, timeframe)


@pytest.mark.usefixtures("parsed_once")
def test_a_rebuild_loads_builds_checks_and_publishes_the_view_tells_the_same_and_later_builds_have_its_timeframe(
    exchange: LocalExchange, feed: SyntheticFeed
) -> None:
    ids = [row[0] for row in truth(feed, load_job("ETH/USD", "2026-11-06", "2026-11-08"))]
    exchange.faults.add(Fault("hide_ids", pair="ETH/USD", times=None, ids={ids[5], ids[6]}))
    told: list[tuple[int, str, str]] = []
    report = rebuild(
        ["BTC/USD", "MINA/GBP", "NO/SUCH", "ETH/USD"],
        "2026-11-06",
        "2026-11-08",
        options={"bucket_size": "2m"},
        tell=lambda job: told.append((job.job_id, job.status, job.phase)),
    )
    ended = {1: "succeeded", 2: "succeeded", 3: "failed", 4: "failed"}
    assert {job_id: job.status for job_id, job in report.jobs.items()} == ended
    assert "Unknown symbol NO/SUCH; the nearest known ones" in str(report.jobs[3].error)
    assert "not proven (kraken.gaps: 1 ids_missing)" in str(report.jobs[4].error)
    assert [phase for job_id, _, phase in told if job_id == 1] == [
        "waiting",
        "estimating",
        "loading",
        "building",
        "checking",
        "exporting",
        "done",
    ]
    for job in (report.jobs[1], report.jobs[2]):
        rows = truth(feed, job)
        assert loaded_trades(warehouse_path(), job.symbol) == rows
        assert job.trades == job.estimated_trades == len(rows)
        assert job.estimated_bytes
        assert f"1,440 candles of 2m with {len(rows):,} trades" in str(job.summary)
    asked = [call for call in exchange.calls if call.query.get("pair") == "XXBTZUSD"]
    priced = [call for call in asked if call.query.get("count", "1000") != "1000"]
    assert report.jobs[1].calls == len(asked), "those for the price are calls too"
    assert 0 < len(priced) < len(asked)
    assert_minutes_make_what_was_built(warehouse_path().with_name("published.duckdb"))
    columns = "job_id, status, phase, attempt, actual_trades, actual_calls, actual_bytes, error, event_count"
    assert query(warehouse_path(), f"select {columns} from kraken.data_jobs order by job_id") == [
        (
            *(job.job_id, job.status, job.phase, job.attempt, job.trades, job.calls, job.bytes, job.error),
            len(JobStore(warehouse_path()).events(job.job_id)),
        )
        for job in list_jobs()
    ]
    order = "queued_at <= started_at and started_at <= finished_at and finished_at = changed_at"
    assert query(warehouse_path(), f"select bool_and({order}) from kraken.data_jobs") == [(True,)]

    candles = "select count(*) from kraken.candles where symbol = 'MINA/GBP' and timeframe = '2m'"
    assert query(warehouse_path(), candles) == [(1_440,)]
    add_jobs([make_job("trade_rebuild", "MINA/GBP", "2026-11-06", "2026-11-07", {"bucket_size": "3m"})])
    build(arguments=only("candles"), quiet=True)
    assert query(warehouse_path(), candles) == [(1_440,)]
    assert query(warehouse_path(), candles.replace("2m", "3m")) == [(0,)], "a job that waits has built nothing yet"


def test_one_symbols_trouble_leaves_the_other_jobs_alone(exchange: LocalExchange, feed: SyntheticFeed) -> None:
    exchange.faults.add(Fault("out_of_order", path="Trades", pair="BTC/USD", times=None))
    add_jobs([load_job("BTC/USD"), load_job("MINA/GBP"), load_job("ETH/USD", "2026-11-06", "2030-01-01")])
    report = run_jobs()
    assert statuses() == {1: "failed", 2: "succeeded", 3: "failed"}
    assert "pages must ascend" in str(report.jobs[1].error)
    assert "2030-01-01 00:00:00 lies in the future" in str(report.jobs[3].error)
    exchange.faults.clear()
    retry_jobs([1])
    again = run_jobs()
    assert (statuses()[1], again.jobs[1].attempt) == ("succeeded", 2)
    assert loaded_trades(warehouse_path(), "BTC/USD") == truth(feed, again.jobs[1])


def test_a_job_cancelled_in_the_middle_ends_and_keeps_what_it_loaded(
    exchange: LocalExchange, feed: SyntheticFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "2")
    add_jobs(
        [load_job("BTC/USD", "2026-11-04"), load_job("MINA/GBP", "2026-11-04"), load_job("BTC/USD", "2026-11-07", None)]
    )

    class Cancels(Silent):
        def committed(self, _: Any) -> None:
            if list_jobs()[0].status == "running" and not list_jobs()[0].is_cancel_requested:
                cancel_jobs([1])

    run_jobs(listener=Cancels())
    assert statuses() == {1: "cancelled", 2: "succeeded", 3: "succeeded"}
    first, _, third = list_jobs()
    kept = [row for row in loaded_trades(warehouse_path(), "BTC/USD") if row[1] < (third.start_ns or 0)]
    rows = truth(feed, first)
    assert 0 < len(kept) < len(rows)
    assert kept == rows[: len(kept)]
    retry_jobs([1])
    run_jobs()
    assert loaded_trades(warehouse_path(), "BTC/USD") == rows + truth(feed, third)


def test_a_stopped_run_puts_its_jobs_back_and_the_next_goes_on_there(
    exchange: LocalExchange, feed: SyntheticFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "2")
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "400")
    monkeypatch.setenv("SOURCES__KRAKEN__SECONDS_PER_CALL", "0.05")
    stop = threading.Event()

    class Stops(Silent):
        def committed(self, _: Any) -> None:
            stop.set()

    add_jobs([load_job("BTC/USD", "2026-11-04"), load_job("ETH/USD", "2026-11-04")])
    report = run_jobs(listener=Stops(), stop=stop)
    assert report.is_stopped
    assert set(statuses().values()) == {"queued"}
    reached = list_jobs()[0].cursor_ns
    calls = len(exchange.calls)
    run_jobs()
    assert set(statuses().values()) == {"succeeded"}
    for job in list_jobs():
        assert loaded_trades(warehouse_path(), job.symbol) == truth(feed, job)
        assert job.attempt == 2
    asked = [call for call in exchange.calls[calls:] if call.path == "Trades" and call.query["pair"] == "XXBTZUSD"]
    assert reached is not None
    assert all(int(call.query["since"]) >= reached - 10**6 for call in asked), "what was committed is not asked again"


def test_without_an_exchange_the_jobs_stay_queued_and_say_why(
    serve: Callable[..., LocalExchange], feed: SyntheticFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(feed).stop()
    monkeypatch.setenv("SOURCES__KRAKEN__FIRST_CONTACT_ATTEMPTS", "1")
    add_jobs([load_job("BTC/USD")])
    with pytest.raises(NoConnectionError):
        run_jobs()
    assert statuses() == {1: "queued"}


def test_a_second_runner_is_refused_by_a_sentence(exchange: LocalExchange) -> None:
    add_jobs([load_job("MINA/GBP")])
    with (
        only_runner(warehouse_path()),
        pytest.raises(WarehouseLockedError, match=r"Another runner of jobs .*process \d+"),
    ):
        run_jobs()
    assert statuses() == {1: "queued"}
    run_jobs()
    assert statuses() == {1: "succeeded"}


def test_a_snapshot_job_loads_krakens_candles_and_no_trades(exchange: LocalExchange) -> None:
    add_jobs([make_job("rest_snapshot", "MINA/GBP")])
    run_jobs()
    assert statuses() == {1: "succeeded"}
    assert {call.path for call in exchange.calls} >= {"OHLC"}
    assert "Trades" not in {call.path for call in exchange.calls}
    assert [call.path for call in exchange.calls].count("OHLC") == 9
    assert query(warehouse_path(), "select count(*) > 0 from kraken_raw.rest_candles where timeframe = '1m'") == [
        (True,)
    ]


@pytest.mark.long
def test_a_range_that_stays_unproven_fails_with_its_reason_and_is_proven_by_a_retry(
    exchange: LocalExchange, feed: SyntheticFeed
) -> None:
    ids = [row[0] for row in truth(feed, load_job("MINA/GBP"))]
    exchange.faults.add(Fault("hide_ids", pair="MINA/GBP", times=None, ids={ids[5], ids[6]}))
    report = rebuild(["MINA/GBP"], "2026-11-05", "2026-11-07")
    assert report.jobs[1].status == "failed"
    assert "not proven (kraken.gaps: 1 ids_missing)" in str(report.jobs[1].error)
    exchange.faults.clear()
    retry_jobs([1])
    assert run_jobs().jobs[1].status == "succeeded"
