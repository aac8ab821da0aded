"""Kill -9 of a load at random moments, again and again: the end is the exchange's truth, row for row."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from tests.conftest import Place
from tests.truth import expected_trades, loaded_trades

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.long)])
def test_a_load_killed_again_and_again_ends_in_the_truth(
    serve: Callable[..., LocalExchange],
    place: Place,
    command: Callable[..., tuple[int, str]],
    chance: random.Random,
    kills: int,
) -> None:
    feed = SyntheticFeed(11, Clock(NOW), days=3, trades_per_day=5.0)
    exchange = serve(feed, Clock(NOW))
    symbols = ("BTC/USD", "BONK/USD")
    # Small chunks, so that the kills meet every phase: asking, writing, merging, and dlt's own bookkeeping.
    small = {"SOURCES__KRAKEN__CHUNK_PAGES": "3", "SOURCES__KRAKEN__SECONDS_PER_CALL": "0.02", "PYTHONUNBUFFERED": "1"}
    killed = place.command("load", *symbols, "--start", "2026-11-05", "--timeframes", "1h")
    survived = []
    for number in range(kills):
        process = subprocess.Popen(
            killed, cwd=place.folder, env=place.environment(**small), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert process.stdout is not None
        for _ in range((1, 4)[number % 2]):  # lines of progress: the load is on its way, or has committed chunks
            process.stdout.readline()
        time.sleep(chance.uniform(0, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with_warehouse = (
            place.warehouse.exists()
            and place.query(
                "select count(*) from duckdb_tables() where table_name = 'trades' and schema_name = 'kraken_raw'"
            )[0][0]
        )
        survived.append(len(loaded_trades(place.warehouse, "BTC/USD")) if with_warehouse else 0)
    truth = {symbol: expected_trades(feed, symbol, exchange.clock.now_ns()) for symbol in symbols}
    assert survived == sorted(survived), "nothing that was committed is lost"
    assert survived[-1] > 0, "the kills met a load that had begun to commit"
    code, said = command("load", *symbols, "--start", "2026-11-05", "--timeframes", "1h")
    assert code == 0, said
    for symbol in symbols:
        assert loaded_trades(place.warehouse, symbol) == truth[symbol]
    assert place.query("select count(*) from kraken_raw.id_holes") == [(0,)]
    code, again = command("load", *symbols, "--start", "2026-11-05", "--timeframes", "1h")
    assert code == 0
    assert "BTC/USD: nothing new" in again
    print(f"BTC/USD trades after each kill: {survived} of {len(truth['BTC/USD'])}")
