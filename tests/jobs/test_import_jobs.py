"""Archives as jobs: imported, built and checked like the others; and what an archive holds, no load asks for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dlt_pipeline.estimates.estimate import price_of
from dlt_pipeline.exchange import LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.queue import add_jobs, list_jobs, make_job
from dlt_pipeline.kraken.load import load
from dlt_pipeline.kraken.request import make_request
from dlt_pipeline.warehouse.database import warehouse_path
from tests.archive.conftest import DAY_NS, NOW_NS
from tests.archive.exported import cut, of_feed, trades_file, write_zip
from tests.conftest import object_in
from tests.truth import query

Command = Callable[..., tuple[int, str]]
SEAM_NS = NOW_NS // DAY_NS * DAY_NS - DAY_NS // 3  # in the middle of the day before


@pytest.fixture
def archive(tmp_path: Path, exchange: LocalExchange, feed: SyntheticFeed) -> Path:
    tape = of_feed(feed, "BTC/USD", NOW_NS)
    return write_zip(tmp_path / "history.zip", trades_file("XBTUSD", cut(tape, to_ns=SEAM_NS)))


def test_archives_are_imported_built_and_checked_as_jobs_and_one_with_a_broken_row_fails_and_keeps_the_rest(
    archive: Path, tmp_path: Path, feed: SyntheticFeed, command: Command
) -> None:
    code, text = command("jobs", "add", "archive_import", str(archive), "--json")
    assert (code, "queued, all (UTC)" in text, object_in(text)[0]["job_id"]) == (0, True, 1), text
    broken = write_zip(tmp_path / "broken.zip", {"ETHUSD.csv": "1704067200,5,1\n1704067201,0,1\n"})
    add_jobs([make_job("archive_import", str(broken))])
    code, text = command("jobs", "run", "--json")
    assert (code, "rows imported of 1 file" in text) == (1, True), text
    assert [(each["job_id"], each["status"]) for each in object_in(text)["jobs"]] == [(1, "succeeded"), (2, "failed")]
    job, failed = list_jobs()
    count = len(cut(of_feed(feed, "BTC/USD", NOW_NS), to_ns=SEAM_NS))
    assert (job.status, job.trades) == ("succeeded", count)
    built = "select count(*) from kraken.trades where source = 'archive' and symbol = 'BTC/USD'"
    assert query(warehouse_path(), built) == [(count,)]
    refused = "1 row was refused (the first in line 2: the price 0 is not above 0)"
    assert (failed.status, refused in (failed.error or "")) == ("failed", True), failed.error
    kept = "select count(*) from kraken_raw.archive_trades where symbol = 'ETH/USD'"
    assert query(warehouse_path(), kept) == [(1,)]


def test_whole_days_of_an_archive_are_not_asked_for(
    archive: Path, feed: SyntheticFeed, exchange: LocalExchange, command: Command
) -> None:
    assert command("import", str(archive))[0] == 0
    (price,) = price_of(make_request(["BTC/USD"], "2026-11-04", None, (), exact=False))
    report = load(["BTC/USD"], "2026-11-04", timeframes=())
    tape = of_feed(feed, "BTC/USD", exchange.clock.now_ns())
    # It begins with a day; the day in which it ends is asked for whole, those before not at all.
    assert tape[0].time_ns % DAY_NS == 0
    lacking = [trade.trade_id for trade in tape if trade.time_ns >= SEAM_NS // DAY_NS * DAY_NS]
    loaded = "select trade_id from kraken_raw.trades order by 1"
    assert [trade_id for (trade_id,) in query(warehouse_path(), loaded)] == lacking
    assert price.trades == report.trades["BTC/USD"] == len(lacking)
    assert load(["BTC/USD"], "2026-11-04", timeframes=()).trades.get("BTC/USD", 0) == 0
    load(["BTC/USD"], "2026-11-04", timeframes=(), also_archived=True)
    everything = [trade.trade_id for trade in tape]
    assert [trade_id for (trade_id,) in query(warehouse_path(), loaded)] == everything
