"""Once raw trades are removed, what reads them to know what is loaded must not take that for trades that never came."""

from datetime import datetime, timezone

import pytest

from dlt_pipeline.estimates.estimate import price_of
from dlt_pipeline.exchange import LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.job import Options
from dlt_pipeline.jobs.runner import rebuild
from dlt_pipeline.kraken.load import load
from dlt_pipeline.kraken.request import make_request
from dlt_pipeline.stream.stretches import StreamedRange, prove
from dlt_pipeline.stream.waiter import read_loaded
from dlt_pipeline.warehouse.database import open_warehouse, warehouse_path
from tests.jobs.conftest import NOW
from tests.truth import expected_trades, loaded_trades

NOW_NS = int(NOW.timestamp()) * 10**9


@pytest.mark.usefixtures("unchecked")
def test_removed_trades_still_count_as_loaded(exchange: LocalExchange, feed: SyntheticFeed) -> None:
    done = rebuild(["MINA/GBP"], "2026-11-06", "2026-11-08", options=Options(include_trades=False))
    assert done.jobs[1].status == "succeeded", done.jobs[1].error
    assert "removed" in str(done.jobs[1].summary)
    assert loaded_trades(warehouse_path(), "MINA/GBP") == []

    (price,) = price_of(make_request(["MINA/GBP"], "2026-11-05", None, (), False))
    assert price.trades == load(["MINA/GBP"], "2026-11-05", timeframes=()).trades["MINA/GBP"]
    (nothing,) = price_of(make_request(["MINA/GBP"], "2026-11-05", "2026-11-08", (), False))
    assert nothing.trades == 0

    day_ns = int(datetime(2026, 11, 7, tzinfo=timezone.utc).timestamp()) * 10**9
    heard = [row[0] for row in expected_trades(feed, "MINA/GBP", NOW_NS, day_ns)]
    with open_warehouse(warehouse_path(), read_only=True) as connection:
        now = NOW.replace(tzinfo=None)
        span = (heard[0], heard[-1])
        stretch = StreamedRange("MINA/GBP", 1, now, None, None, (span,), now, now, day_ns, NOW_NS, is_open=False)
        proof = prove(stretch, read_loaded(connection, "MINA/GBP", [stretch]))
    assert (proof.not_in_rest, proof.not_loaded_yet, proof.outside_load) == ((), 0, 0)
