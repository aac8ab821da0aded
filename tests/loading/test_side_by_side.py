"""Symbols load side by side: none waits for another, nor for dlt while it commits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.exchange import Clock, Fault, LocalExchange, SyntheticFeed
from tests.loading.quick import NOW, NOW_NS, Silent, quick_load
from tests.truth import expected_trades, loaded_trades, query


def trades_calls(exchange: LocalExchange, market_id: str) -> int:
    return sum(call.query.get("pair") == market_id for call in exchange.calls)


def test_asking_goes_on_while_a_chunk_is_committed_and_not_without_end(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "3")
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "200")
    asked = []

    class Count(Silent):
        def committed(self, _: Any) -> None:
            asked.append(trades_calls(exchange, "XXBTZUSD"))

    quick_load("BTC/USD", listener=Count())
    assert 5 <= asked[0] <= 3 + 3 + 1, "three of the chunk, three that wait, one in hand"
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_slow_symbol_does_not_hold_up_the_others_chunk(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One symbol is slowed to a second a call by a rate limit; the chunk ends when the other has its pages."""
    exchange.faults.add(Fault("http_status", "Trades", pair="MINA/GBP", status=429))
    settings = {"PAGE_SIZE": "50", "CHUNK_PAGES": "25", "SECONDS_PER_CALL": "0.01", "SLOWDOWN_FACTOR": "100"}
    for name, value in settings.items():
        monkeypatch.setenv(f"SOURCES__KRAKEN__{name}", value)
    quick_load("BTC/USD", "MINA/GBP")
    chunks = query(
        warehouse,
        "select count(*) filter (symbol = 'BTC/USD'), count(*) filter (symbol = 'MINA/GBP') "
        "from kraken_raw.pages group by _dlt_load_id order by _dlt_load_id",
    )
    assert chunks[0][0] == 25
    assert chunks[0][1] < sum(slow for _, slow in chunks), "the slow one goes on in a later chunk"
    for symbol in ("BTC/USD", "MINA/GBP"):
        assert loaded_trades(warehouse, symbol) == expected_trades(feed, symbol, NOW_NS)


def test_a_stop_keeps_what_was_asked_while_the_chunk_before_was_committed(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "3")
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "200")
    stop = threading.Event()

    class Stop(Silent):
        def committed(self, _: Any) -> None:
            stop.set()

    report = quick_load("BTC/USD", listener=Stop(), stop=stop)
    assert report.unfinished == ["BTC/USD"]
    kept = loaded_trades(warehouse, "BTC/USD")
    assert kept == expected_trades(feed, "BTC/USD", NOW_NS)[: len(kept)]
    assert len(kept) == report.trades["BTC/USD"]
    pages = query(warehouse, "select count(*) from kraken_raw.pages")[0][0]
    assert pages == trades_calls(exchange, "XXBTZUSD"), "each answer that was asked for is in the warehouse"


def test_a_symbol_that_is_given_up_between_chunks_is_not_asked_for_any_more(
    exchange: LocalExchange, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlt_pipeline.kraken.load import load_request
    from dlt_pipeline.kraken.request import make_request

    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "3")
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "200")
    request = make_request(("BTC/USD", "MINA/GBP"), "2026-11-06", None, (), exact=False)
    report = load_request(request, going_on=lambda symbols: [name for name in symbols if name != "BTC/USD"])
    assert report.unfinished == ["BTC/USD"]
    assert query(warehouse, "select count(*) from kraken_raw.pages where symbol = 'BTC/USD'") == [(3,)]
    assert trades_calls(exchange, "XXBTZUSD") <= 3 + 3 + 1


def test_a_pace_that_is_too_fast_for_the_exchange_costs_time_and_nothing_else(
    serve: Callable[..., LocalExchange], warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = SyntheticFeed(7, Clock(NOW), days=2, extra_markets=6)
    exchange = serve(feed, Clock(NOW), seconds_per_call=0.2)  # slow enough for a busy machine to meet it
    monkeypatch.setenv("SOURCES__KRAKEN__SECONDS_PER_CALL", "0.05")
    monkeypatch.setenv("SOURCES__KRAKEN__RETRY_MAX_SECONDS", "0")
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "250")
    symbols = [market.symbol for market in feed.markets if market.symbol.startswith("COIN")]
    report = quick_load(*symbols)
    assert not report.failures
    for symbol in symbols:
        assert loaded_trades(warehouse, symbol) == expected_trades(feed, symbol, NOW_NS)
    limited = sum(call.is_limited for call in exchange.calls)
    assert 0 < limited < len(exchange.calls) / 5, "each answer of this kind slows its symbol for the next calls"
