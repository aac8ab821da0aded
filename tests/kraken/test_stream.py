"""ccxt.pro against the local exchange's WebSocket: what is heard, what is missed, and how it ends."""

import gc
import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from dlt_pipeline.common.exceptions import BadInputError, UnknownSymbolError
from dlt_pipeline.exchange import Clock, Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.settings import load_settings, stream_address
from dlt_pipeline.stream import client as stream_module
from dlt_pipeline.stream.client import TradeStream

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
BTC, MINA, SHARE = "BTC/USD", "MINA/GBP", "AAPLx/USD"
HOUR = 3_600
NEVER = threading.Event()


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange]) -> LocalExchange:
    clock = Clock(NOW)
    return serve(SyntheticFeed(1, clock, days=1), clock)


@pytest.fixture
def listen(exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TradeStream]]:
    """Start streams that are stopped with the test; pauses and silence are cut short, so that the tests are."""
    monkeypatch.setattr(stream_module, "_FIRST_PAUSE_SECONDS", 0.1)
    running = []

    def start(*symbols: str, **settings: Any) -> TradeStream:
        given = {"seconds_per_call": 0.001, "stream_gather_seconds": 0.3, "stream_silence_seconds": 2.0} | settings
        stream = TradeStream(load_settings(**{"base_url": exchange.base_url, **given}), symbols or (BTC, MINA))
        running.append(stream)
        stream.start()
        return stream

    yield start
    for stream in running:
        stream.stop()


def until(holds: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def happened(exchange: LocalExchange, symbol: str) -> list[int]:
    return [trade.trade_id or 0 for trade in exchange.feed.trades(symbol, exchange.clock.now_ns())]


def heard_ids(stream: TradeStream, symbol: str) -> list[int]:
    runs = [run for stretch in stream.stretches(symbol) for run in stretch.heard]
    return [each for first, last in runs for each in range(first, last + 1)]


def test_the_snapshot_and_every_trade_of_two_symbols_after_it(
    exchange: LocalExchange, listen: Callable[..., TradeStream]
) -> None:
    stream = listen()
    first = {symbol: happened(exchange, symbol)[-50] for symbol in (BTC, MINA)}
    assert stream.wait(20, NEVER) == {BTC, MINA}
    for _ in range(12):
        exchange.clock.advance(HOUR / 2)
        time.sleep(0.1)
    truth = {symbol: [each for each in happened(exchange, symbol) if each >= first[symbol]] for symbol in (BTC, MINA)}
    until(lambda: len(heard_ids(stream, MINA)) == len(truth[MINA]) and len(heard_ids(stream, BTC)) == len(truth[BTC]))
    for symbol, ids in truth.items():
        assert heard_ids(stream, symbol) == ids
        assert [stretch.missing for stretch in stream.stretches(symbol)] == [()]
    newest = exchange.feed.trades(BTC, exchange.clock.now_ns())[-1]
    assert stream.newest(BTC) == (newest.trade_id, newest.time_ns // 1000 * 1000)
    assert stream.is_connected


def test_news_are_told_once_and_only_of_what_traded(
    exchange: LocalExchange, listen: Callable[..., TradeStream]
) -> None:
    stream = listen()
    assert stream.wait(20, NEVER) == {BTC, MINA}
    assert stream.wait(0.3, NEVER) == set()
    before = happened(exchange, MINA)
    exchange.clock.advance(300)
    assert happened(exchange, MINA) == before  # MINA/GBP is thin
    assert stream.wait(10, NEVER) == {BTC}
    stop = threading.Event()
    stop.set()
    assert stream.wait(60, stop) == set()


def test_a_lost_connection_is_opened_again_and_the_ids_tell_what_was_missed(
    exchange: LocalExchange, listen: Callable[..., TradeStream], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "dlt_pipeline")
    stream = listen(BTC)
    until(lambda: stream.is_connected and stream.newest(BTC))
    last = stream.newest(BTC)[0]
    exchange.faults.add(Fault("http_status", path="v2", times=2))
    exchange.faults.add(Fault("disconnect"))
    until(lambda: not stream.is_connected)
    exchange.clock.advance(6 * HOUR)
    until(lambda: stream.is_connected and len(stream.stretches(BTC)) == 2)
    first, second = stream.stretches(BTC)
    newest = happened(exchange, BTC)[-1]
    assert (first.last_trade_id, second.last_trade_id, second.trade_count) == (last, newest, 50)
    assert second.missing == ((last + 1, newest - 50),)
    assert first.disconnected_at <= second.connected_at <= second.first_heard_at
    assert sum("ended" in line for line in caplog.messages) == 1
    assert sum("tells of new trades of BTC/USD" in line for line in caplog.messages) == 2
    assert sum(call.path == "AssetPairs" for call in exchange.calls) == 1


def test_a_share_is_heard_by_the_name_that_kraken_writes(
    exchange: LocalExchange, listen: Callable[..., TradeStream]
) -> None:
    stream = listen("AAPLX/USD", BTC)  # as ccxt writes it
    until(lambda: stream.is_connected and stream.newest(SHARE))
    assert stream.symbols == (SHARE, BTC)
    assert stream.newest(SHARE)[0] == happened(exchange, SHARE)[-1]
    assert sum(call.path == "AssetPairs" for call in exchange.calls) == 2


def test_a_lost_connection_without_trades_meanwhile_misses_nothing(
    exchange: LocalExchange, listen: Callable[..., TradeStream]
) -> None:
    stream = listen(BTC)
    assert stream.wait(20, NEVER) == {BTC}
    exchange.faults.add(Fault("disconnect"))
    until(lambda: not stream.is_connected)
    until(lambda: stream.is_connected)
    assert stream.wait(0.5, NEVER) == set()
    assert len(stream.stretches(BTC)) == 1


def test_ids_that_the_stream_leaves_out_are_missing(
    exchange: LocalExchange, listen: Callable[..., TradeStream]
) -> None:
    stream = listen(BTC)
    until(lambda: stream.newest(BTC))
    last = stream.newest(BTC)[0]
    exchange.faults.add(Fault("hide_ids", path="v2", ids={last + 2, last + 3}, times=None))
    exchange.clock.advance(HOUR)
    until(lambda: stream.newest(BTC)[0] == happened(exchange, BTC)[-1])
    assert [stretch.missing for stretch in stream.stretches(BTC)] == [((last + 2, last + 3),)]


def test_silence_counts_as_a_lost_connection(
    exchange: LocalExchange, listen: Callable[..., TradeStream], caplog: pytest.LogCaptureFixture
) -> None:
    stream = listen(BTC)
    until(lambda: stream.is_connected and stream.newest(BTC))
    exchange.faults.add(Fault("silence"))
    until(lambda: not stream.is_connected)
    until(lambda: stream.is_connected)
    assert "nothing was heard for 2 s, not even a heartbeat" in caplog.text
    exchange.clock.advance(HOUR)
    until(lambda: stream.newest(BTC)[0] == happened(exchange, BTC)[-1])


def test_nothing_answers_and_then_something_does(
    exchange: LocalExchange, listen: Callable[..., TradeStream], caplog: pytest.LogCaptureFixture
) -> None:
    exchange.faults.add(Fault("http_status", path="AssetPairs", times=2))
    stream = listen(BTC)
    assert stream.wait(20, NEVER) == {BTC}
    assert sum("ended" in line for line in caplog.messages) == 1


def test_an_unknown_symbol_is_one_sentence(listen: Callable[..., TradeStream]) -> None:
    with pytest.raises(UnknownSymbolError, match="Unknown symbol BTC/USDD; the nearest known ones: BTC/USD"):
        listen("BTC/USDD").wait(20, NEVER)


def test_a_symbol_without_any_trade_is_no_trouble(
    serve: Callable[..., LocalExchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(NOW)
    exchange = serve(SyntheticFeed(1, clock, days=1, trades_per_day={MINA: 0}), clock)
    stream = TradeStream(load_settings(base_url=exchange.base_url, seconds_per_call=0.001), [MINA, BTC])
    stream.start()
    until(lambda: stream.is_connected and stream.newest(BTC))
    assert (stream.newest(MINA), stream.stretches(MINA)) == (None, [])
    stream.stop()


def test_stop_ends_the_thread_and_closes_everything(
    exchange: LocalExchange, listen: Callable[..., TradeStream], caplog: pytest.LogCaptureFixture
) -> None:
    gc.collect()
    caplog.clear()  # what other tests left is not this one's
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = listen(BTC)
        until(lambda: stream.newest(BTC))
        stream.stop()
        gc.collect()
    assert not [each.name for each in threading.enumerate() if each.name == "trade-stream"]
    assert not [line for line in caplog.records if line.levelno >= logging.WARNING]
    assert [stretch.disconnected_at is None for stretch in stream.stretches(BTC)] == [False]
    stream.stop()  # once more does no harm


def test_stop_while_nobody_answers(listen: Callable[..., TradeStream], exchange: LocalExchange) -> None:
    exchange.faults.add(Fault("http_status", path="v2", times=None))
    stream = listen(BTC)
    until(lambda: any(call.path == "v2" for call in exchange.calls))
    stream.stop()
    assert not [each.name for each in threading.enumerate() if each.name == "trade-stream"]


@pytest.mark.parametrize(
    ("base", "given", "address"),
    [
        ("https://api.kraken.com", "", "wss://ws.kraken.com/v2"),
        ("http://127.0.0.1:8080", "", "ws://127.0.0.1:8080/v2"),
        ("https://proxy.example", "wss://proxy.example/kraken/v2", "wss://proxy.example/kraken/v2"),
    ],
)
def test_the_address_belongs_to_the_exchange(base: str, given: str, address: str) -> None:
    assert stream_address(load_settings(base_url=base, stream_url=given)) == address


@pytest.mark.parametrize("given", ["", "https://proxy.example/v2", "wss://ws.kraken.com"])
def test_an_address_that_cannot_be_is_one_sentence(given: str) -> None:
    with pytest.raises(BadInputError, match=r"sources\.kraken\.stream_url"):
        TradeStream(load_settings(base_url="https://proxy.example", stream_url=given), [BTC])


def test_a_proxy_of_the_environment_is_asked(
    exchange: LocalExchange, listen: Callable[..., TradeStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange stands for the proxy: it is sent the whole address."""
    monkeypatch.setenv("HTTP_PROXY", exchange.base_url)
    monkeypatch.setenv("http_proxy", exchange.base_url)
    stream = listen(base_url="http://kraken.example", stream_url="ws://kraken.example/v2")
    assert stream.wait(20, NEVER) == {BTC, MINA}
