"""follow --stream through its command: what is heard is loaded by REST and proven, also across a disconnect."""

import signal
import time
from collections.abc import Callable

import pytest

from dlt_pipeline.exchange import Clock, Fault, LocalExchange, SyntheticFeed
from tests.conftest import Place
from tests.following.test_command import following
from tests.truth import expected_trades, loaded_trades


@pytest.mark.timeout(300)
def test_heard_trades_are_loaded_and_proven_across_a_disconnect(
    serve: Callable[..., LocalExchange], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__STREAM_GATHER_SECONDS", "1")
    clock = Clock()
    trades = {"BTC/USD": 20_000.0, "MINA/GBP": 1.0, "ETH/USD": 1.0, "BONK/USD": 1.0}
    feed = SyntheticFeed(5, clock, days=0, trades_per_day=trades, burst=False)
    exchange = serve(feed, clock)
    day = f"{clock.now():%Y-%m-%d}"
    with following(place, "BTC/USD", "--start", day, "--timeframes", "none", "--stream") as running:
        count = running.await_line("; checked and published (")
        count = running.await_line("1 symbol covered to ", count)
        count = running.await_line("; published (", count)
        connections = _connections(exchange)
        exchange.faults.add(Fault("disconnect"))
        for _ in range(300):
            if _connections(exchange) > connections:
                break
            time.sleep(0.1)
        assert _connections(exchange) > connections, "it listens again by itself"
        count = running.await_line("; published (", count)
        running.await_line("; published (", count)
        assert running.end(signal.SIGTERM) == 130
    said = "\n".join(running.lines)
    assert "Stopped. The same command goes on where it stopped." in said
    assert "Traceback" not in said
    assert "Warning" not in said
    truth = expected_trades(feed, "BTC/USD", clock.now_ns())
    loaded = loaded_trades(place.warehouse, "BTC/USD")
    assert loaded == truth[: len(loaded)]
    assert len(loaded) > 0
    columns = "count(*), sum(heard_count) > 0, sum(not_in_rest), min(first_trade_id) > 0, count(distinct connected_at)"
    (proof,) = place.query(f"select {columns} from kraken_ops.streamed_stretches where symbol = 'BTC/USD'")
    assert proof[1:4] == (True, 0, True), "every id that was heard, REST gave too"
    assert proof[4] >= 2, "a stretch for each connection"


def _connections(exchange: LocalExchange) -> int:
    return [call.path for call in exchange.calls].count("v2")
