"""The client against a real HTTP server that answers well, badly, late and not at all."""

import statistics
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.exceptions import (
    BadAnswerError,
    ExchangeError,
    NoConnectionError,
    RateLimitError,
    TransientExchangeError,
    UnknownSymbolError,
)
from dlt_pipeline.exchange import Clock, Fault, LocalExchange, ReplayFeed, SyntheticFeed
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.markets import Market, find_market
from dlt_pipeline.kraken.settings import KrakenSettings, load_settings

NOON = Clock(datetime(2026, 11, 8, 12, tzinfo=timezone.utc))
BTC = Market("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD", "BTC", "USD", 1, 8, "online")


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange]) -> LocalExchange:
    return serve(SyntheticFeed(1, NOON, days=1, trades_per_day=0.5), NOON)


@pytest.fixture
def quick(exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch) -> KrakenClient:
    """A client whose pauses between tries are cut short, so that the tests are."""
    client = KrakenClient(settings_of(exchange))
    monkeypatch.setattr(client, "_pause", lambda _state: 0.01)
    return client


def settings_of(exchange: LocalExchange, **more: Any) -> KrakenSettings:
    return load_settings(base_url=exchange.base_url, seconds_per_call=0.001, **more)


def test_times_with_seven_decimals_arrive_exactly(serve: Callable[..., LocalExchange], recorded_folder: Path) -> None:
    exchange = serve(ReplayFeed(recorded_folder / "xbtusdt"))
    client = KrakenClient(settings_of(exchange))
    market = find_market(client.markets(), "BTC/USDT")
    page = client.trades(market, 1762795433971744499, 1000)
    truth = exchange.feed.trades("XBTUSDT", 2**62)
    assert [row.time_ns for row in page.rows] == [
        int(t.time_text.partition(".")[0]) * 10**9 + int(t.time_text.partition(".")[2].ljust(9, "0")) for t in truth
    ]
    assert len(page.rows) == 1000
    assert page.last == 1762820035982277754


def test_markets_are_listed_under_ccxts_symbols(quick: KrakenClient) -> None:
    market = find_market(quick.markets(), "BTC/USD")
    assert (market.market_id, market.altname, market.wsname) == ("XXBTZUSD", "XBTUSD", "XBT/USD")
    assert (market.base, market.quote, market.price_decimals, market.volume_decimals) == ("BTC", "USD", 1, 8)
    assert market.status == "online"


def test_an_unknown_symbol_names_the_nearest(quick: KrakenClient) -> None:
    markets = quick.markets()
    with pytest.raises(UnknownSymbolError, match=r"Unknown symbol BTC/USDD; the nearest known ones: BTC/USD"):
        find_market(markets, "BTC/USDD")
    with pytest.raises(UnknownSymbolError, match=r"Unknown symbol XBT/USD: here it is called BTC/USD"):
        find_market(markets, "XBT/USD")


def test_the_exchanges_clock_is_believed_not_ours(quick: KrakenClient) -> None:
    assert quick.first_contact() == NOON.now_ns()
    assert quick.trades(BTC, None, 1).exchange_ns == NOON.now_ns()


@pytest.mark.parametrize(
    "fault",
    [
        *(
            Fault("error", "Trades", error=text)
            for text in (
                "EAPI:Rate limit exceeded",
                "EGeneral:Too many requests",
                "EGeneral:Temporary lockout",
                "EService: Throttled: 1762795433",
                "EService:Unavailable",
                "EService:Busy",
                "EService:Timeout",
            )
        ),
        *(Fault("http_status", "Trades", status=status) for status in (429, 502, 503, 504, 520, 522, 524)),
        Fault("html", "Trades"),
        Fault("drop", "Trades"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.error if fault.kind == 'error' else fault.status}",
)
def test_what_is_transient_is_asked_again(quick: KrakenClient, exchange: LocalExchange, fault: Fault) -> None:
    exchange.faults.add(fault)
    assert len(quick.trades(BTC, None, 5).rows) == 5
    assert sum(call.path.endswith("Trades") for call in exchange.calls) == 2


def test_trouble_that_stays_ends_after_the_last_try(quick: KrakenClient, exchange: LocalExchange) -> None:
    exchange.faults.add(Fault("error", "Trades", times=None, error="EService:Busy"))
    with pytest.raises(TransientExchangeError, match=r"is busy \(EService:Busy\)"):
        quick.trades(BTC, None, 5)
    assert len(exchange.calls) == 8


def test_html_with_http_200_is_named(quick: KrakenClient, exchange: LocalExchange) -> None:
    exchange.faults.add(Fault("html", times=None))
    with pytest.raises(TransientExchangeError, match="answered something that is not JSON"):
        quick.trades(BTC, None, 5)


def test_an_unknown_pair_is_final(quick: KrakenClient, exchange: LocalExchange) -> None:
    with pytest.raises(UnknownSymbolError):
        quick.trades(Market("NO/PE", "NOPE", "NOPE", None, "NO", "PE", 1, 8, None), None, 5)
    assert len(exchange.calls) == 1


@pytest.mark.parametrize("text", ["EGeneral:Invalid arguments", "EQuery:Unknown method"])
def test_a_refusal_is_final(quick: KrakenClient, exchange: LocalExchange, text: str) -> None:
    exchange.faults.add(Fault("error", "Trades", error=text))
    with pytest.raises(ExchangeError, match=f"refused the call.*{text}"):
        quick.trades(BTC, None, 5)
    assert len(exchange.calls) == 1


@pytest.mark.parametrize("kind", ["wrong_pair", "out_of_order"])
def test_an_answer_that_is_not_what_was_asked_is_named(quick: KrakenClient, exchange: LocalExchange, kind: Any) -> None:
    exchange.faults.add(Fault(kind, "Trades"))
    with pytest.raises(BadAnswerError):
        quick.trades(BTC, None, 5)


def test_a_lockout_longer_than_the_setting_is_reported_not_waited_for(exchange: LocalExchange) -> None:
    exchange.faults.add(Fault("error", "Trades", error=f"EService: Throttled: {int(time.time()) + 86_400}"))
    with pytest.raises(RateLimitError, match="slower pace"):
        KrakenClient(settings_of(exchange)).trades(BTC, None, 5)
    assert len(exchange.calls) == 1


def test_a_short_throttle_is_waited_for(exchange: LocalExchange) -> None:
    until = int(time.time()) + 3
    exchange.faults.add(Fault("error", "Trades", error=f"EService: Throttled: {until}"))
    KrakenClient(settings_of(exchange)).trades(BTC, None, 5)
    assert time.time() >= until


@pytest.mark.parametrize("broken", ["cut", "not gzip"])
def test_an_answer_broken_off_on_the_way_is_asked_for_again(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Broken(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Connection", "close")
            if broken == "cut":
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b'5\r\n{"err\r\n')
            else:
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", "7")
                self.end_headers()
                self.wfile.write(b"garbage")
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = KrakenClient(load_settings(base_url=f"http://127.0.0.1:{server.server_port}", seconds_per_call=0.001))
    monkeypatch.setattr(client, "_pause", lambda _state: 0.01)
    with pytest.raises(TransientExchangeError, match=r"does not answer|no connection"):
        client.trades(BTC, None, 5)
    server.shutdown()
    server.server_close()
    assert len(asked) == 8


def test_without_a_date_header_the_last_asked_clock_runs_on(exchange: LocalExchange) -> None:
    settings = settings_of(exchange)
    first = KrakenClient(settings)
    first.first_contact()
    other = KrakenClient(settings, clock=first.clock)
    other._ccxt.last_response_headers = {}
    answered = other._answered_ns()
    assert NOON.now_ns() - 31 * 10**9 < answered < NOON.now_ns(), "never later than the answer can have been made"
    assert KrakenClient(settings)._answered_ns() == 0, "nothing is claimed where nothing is known"


def test_nobody_there_is_said_soon() -> None:
    client = KrakenClient(load_settings(base_url="http://127.0.0.1:9", seconds_per_call=0.001))
    with pytest.raises(NoConnectionError, match=r"no connection to http://127\.0\.0\.1:9; check the network"):
        client.first_contact()


def test_each_client_keeps_its_own_pace(exchange: LocalExchange) -> None:
    """At 0.1 s a call, ccxt's margin makes it 0.12 s; a second client need not wait for the first one's pace."""
    clients = [KrakenClient(load_settings(base_url=exchange.base_url, seconds_per_call=0.1)) for _ in range(2)]
    for _ in range(4):
        for client in clients:
            client.trades(BTC, None, 1)
    times = sorted(call.at for call in exchange.calls)
    assert times[-1] - times[0] >= 3 * 0.12 - 0.02
    between = statistics.median(second - first for first, second in zip(times[::2], times[1::2], strict=True))
    rounds = statistics.median(second - first for first, second in zip(times[::2], times[2::2], strict=False))
    assert between < rounds / 4, "with a shared pace it would be half"


def test_rest_candles_are_the_committed_ones_with_vwap_and_count(quick: KrakenClient) -> None:
    snapshot = quick.rest_candles(BTC, "1h")
    assert snapshot.timeframe_seconds == 3600
    now = NOON.now_ns() // 10**9
    assert snapshot.candles[-1].start == now - 3600, "the candle that holds now is still open"
    traded = [candle for candle in snapshot.candles if candle.trade_count]
    assert traded
    assert all(candle.vwap != "0" for candle in traded)
