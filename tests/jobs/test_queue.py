"""Jobs as users add, cancel and retry them: what is refused, and what the log of events keeps."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.jobs.build import variables_of
from dlt_pipeline.jobs.job import Job, parse_options
from dlt_pipeline.jobs.queue import add_jobs, cancel_jobs, list_jobs, make_job, retry_jobs
from dlt_pipeline.jobs.store import JobStore, this_process
from dlt_pipeline.warehouse.database import warehouse_path

DAY_NS = 86_400 * 10**9


def job(**options: Any) -> Job:
    return make_job("trade_rebuild", "BTC/USD", "2026-11-06T05:00", "2026-11-07T01:00", options)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("trade_rebuilt", "BTC/USD", "2026-11-06"), "job type 'trade_rebuilt' is unknown; there are trade_rebuild"),
        (("archive_import", "nowhere.zip"), "There is no nowhere.zip"),
        (("trade_load", "BTC/USD", "2026-11-06", None, {"whole_days": True}), "does not know the option whole_days"),
        (("trade_load", " ", "2026-11-06"), "symbol of the job is empty"),
        (("trade_load", "BTC/USD"), "needs a start"),
        (("trade_load", "BTC/USD", "yesterday"), "The start 'yesterday' is not a date"),
        (("trade_load", "BTC/USD", "2026-11-06", "2026-11-06"), "does not lie after the start"),
        (("rest_snapshot", "BTC/USD", "2026-11-06"), "has no start and end"),
        (("trade_rebuild", "BTC/USD", "2026-11-06", None, {"bucket": "1m"}), "option 'bucket' is unknown"),
        (("trade_rebuild", "BTC/USD", "2026-11-06", None, {"bucket_size": "7m"}), "must divide a day"),
        (
            ("trade_rebuild", "BTC/USD", "2026-11-06", None, {"include_trades": 1}),
            "must be true or false",
        ),
        (("trade_rebuild", "BTC/USD", "2026-11-06", None, {"empty_bucket_policy": "zero"}), "must be one of null"),
        (("trade_rebuild", "BTC/USD", "2026-11-06", None, "[1]"), "not a JSON object"),
        (("trade_rebuild", "BTC/USD", "2026-11-06", None, "{"), "are not JSON"),
        (("trade_load", "BTC/USD", "2026-11-06", None, {"export": False}), "does not know the option export"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        make_job(*arguments)
    assert not warehouse_path().exists()


def test_bounds_are_widened_to_whole_days_unless_exact() -> None:
    wide = job()
    assert wide.start_ns is not None
    assert (wide.start_ns % DAY_NS, wide.end_ns) == (0, wide.start_ns + 2 * DAY_NS)
    exact = make_job("trade_load", "BTC/USD", "2026-11-06T05:00", "2026-11-07T01:00", exact=True)
    assert exact.start_ns == wide.start_ns + 5 * 3_600 * 10**9


def test_ids_count_on_and_options_are_kept_as_they_were_meant() -> None:
    first = add_jobs([job(bucket_size="60m", include_trades=False), job()])
    (third,) = add_jobs([make_job("rest_snapshot", "ETH/USD")])
    assert [each.job_id for each in (*first, third)] == [1, 2, 3]
    assert list_jobs() == [*first, third]
    assert first[0].parsed.bucket_size == "1h"
    assert not first[0].parsed.include_trades
    assert parse_options(first[0].options).as_json() == first[0].options


def test_every_change_is_an_event_more_and_none_is_rewritten() -> None:
    add_jobs([job()])
    before = _rows()
    cancel_jobs([1])
    retry_jobs([1])
    assert _rows()[: len(before)] == before
    told = [each.status for _, each in JobStore(warehouse_path()).events(1)]
    assert told == ["queued", "cancelled", "queued"]


def test_a_change_of_one_that_cannot_be_changes_none() -> None:
    add_jobs([job(), job()])
    with pytest.raises(BadInputError, match="no job 9"):
        cancel_jobs([1, 9])
    with pytest.raises(BadInputError, match="is queued; only failed and cancelled jobs are tried again"):
        retry_jobs([1])
    cancel_jobs([2])
    with pytest.raises(BadInputError, match="cancelled already"):
        cancel_jobs([1, 2])
    assert [each.status for each in list_jobs()] == ["queued", "cancelled"]


def test_a_running_job_is_asked_to_end_and_a_dead_ones_is_cancelled() -> None:
    store = JobStore(warehouse_path())
    add_jobs([job(), job()])
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    process_id, started_at = this_process()
    assert process_id == os.getpid()
    running = {"status": "running", "process_started_at": started_at}
    store.change({1: {**running, "process_id": process_id}, 2: {**running, "process_id": ended.pid}})
    alive, dead = cancel_jobs([1, 2])
    assert (alive.status, alive.is_cancel_requested) == ("running", True)
    assert dead.status == "cancelled"


def test_what_rebuilds_asked_for_stays_a_variable_of_every_build() -> None:
    wanted = [job(bucket_size="15s", empty_bucket_policy="omit"), job(bucket_size="1h")]
    found = variables_of(wanted)
    sizes = {timeframe["name"]: timeframe["seconds"] for timeframe in found["kraken_candles_timeframes"]}
    assert sizes["15s"] == 15
    assert sizes["1m"] == 60
    assert found["kraken_candles_empty_bucket_overrides"] == [
        {"symbol": "BTC/USD", "timeframe": "15s", "policy": "omit"}
    ]
    assert variables_of([job(bucket_size="1h")]) == {}, "the project has it"


def _rows() -> list[tuple[Any, ...]]:
    path: Path = warehouse_path()
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute("select * from kraken_ops.job_events order by event_id").fetchall()
