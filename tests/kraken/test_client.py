"""The client against a real HTTP server that answers well, badly, late and not at all."""

import logging
import logging.handlers
import queue
import re
import ssl
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dlt_pipeline.common.exceptions import (
    BadAnswerError,
    BadInputError,
    ExchangeError,
    KrakenCandlesError,
    LoadStoppedError,
    NoConnectionError,
    RateLimitError,
    TransientExchangeError,
    UnknownSymbolError,
)
from dlt_pipeline.common.time import to_ns
from dlt_pipeline.exchange import Clock, Fault, LocalExchange, ReplayFeed, SyntheticFeed, replace_value
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.markets import Market, find_market
from dlt_pipeline.kraken.settings import KrakenSettings, load_settings, stream_address
from dlt_pipeline.retention import keep_trades_days

NOON = Clock(datetime(2026, 11, 8, 12, tzinfo=timezone.utc))
BTC = Market("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD", "BTC", "USD", 1, 8, "online")

ETH = Market("ETH/USD", "XETHZUSD", "ETHUSD", "ETH/USD", "ETH", "USD", 2, 8, "online")


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


@pytest.mark.parametrize("path", ["Time", "Assets", "AssetPairs"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "html"},
        {"kind": "change", "change": lambda result: {key: result[key] for key in result if key == "unixtime"}},
    ],
    ids=["html", "empty"],
)
def test_a_first_answer_that_is_none_is_asked_again(
    quick: KrakenClient, exchange: LocalExchange, path: str, fault: dict[str, Any]
) -> None:
    exchange.faults.add(Fault(path=path, **fault))
    assert quick.first_contact() == NOON.now_ns()
    assert find_market(quick.markets(), "BTC/USD").market_id == "XXBTZUSD"
    assert not exchange.faults.pending


def test_an_answer_nested_too_deep_is_no_json() -> None:
    client = KrakenClient(load_settings())
    assert client._ccxt.parse_json("[" * 20_000 + "]" * 20_000) is None


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
    exchange.faults.add(Fault(kind, "Trades", times=None))
    with pytest.raises(BadAnswerError):
        quick.trades(BTC, None, 5)
    assert len(exchange.calls) == 3


def test_one_wrong_answer_is_asked_for_again(quick: KrakenClient, exchange: LocalExchange) -> None:
    exchange.faults.add(Fault("change", "Trades", change=replace_value(2, 0, "0.00"), times=2))
    assert len(quick.trades(BTC, None, 5).rows) == 5
    assert len(exchange.calls) == 3


NONSENSE = [
    "null",
    "[]",
    "5",
    '"x"',
    "{}",
    '{"error": null, "result": {}}',
    '{"error": [], "result": null}',
    '{"error": {}, "result": []}',
    '{"error": [], "result": {"XXBTZUSD": null, "last": "1"}}',
    '{"error": [], "result": {"XXBTZUSD": [null], "last": 1}}',
    '{"error": [], "result": {"XXBTZUSD": [[[[]]]], "last": 1}}',
    '{"error": [], "result": {"XXBTZUSD": [["1", "1", 1762795433, [], {}, null, 7]], "last": 1}}',
    '{"error": [], "result": {"XXBTZUSD": [["1", "1", 1762795433, "b", "l", "\\ud800", 7]], "last": 1}}',
    '{"error": [], "result": {"XXBTZUSD": [["1", "1", 1e400, "b", "l", "", 7]], "last": 1}}',
    '{"error": [], "result": {"XXBTZUSD": [["1", "1", 1762795433, "b", "l", "", ' + "9" * 5_000 + ']], "last": 1}}',
    '{"error": [], "result": {"XXBTZUSD": [[' + "9" * 30 + ', "1", "1", "1", "1", "1", "1", 1]], "last": 1}}',
    '{"error": [], "result": {"XXBTZUSD": [], "last": {}, "unixtime": 9e99}}',
    '{"error": [], "result": {"XXBTZUSD": ' + "[" * 20_000 + "]" * 20_000 + "}}",
    '{"a": ' * 20_000 + "1" + "}" * 20_000,
]


@pytest.mark.parametrize("text", NONSENSE, ids=lambda text: text[:70])
def test_nonsense_is_an_error_of_one_sentence(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nonsense(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Nonsense)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = load_settings(
        base_url=f"http://127.0.0.1:{server.server_port}", seconds_per_call=0.001, retry_attempts=3
    )
    client = KrakenClient(settings)
    monkeypatch.setattr(client, "_pause", lambda _state: 0)
    for ask in (
        lambda: client.trades(BTC, None, 5),
        lambda: client.rest_candles(BTC, "1h"),
        client.server_time_ns,
    ):
        with pytest.raises(ExchangeError) as told:
            ask()
        assert "\n" not in str(told.value)
        assert len(str(told.value)) < 400
    server.shutdown()
    server.server_close()


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
    assert NOON.now_ns() - 61 * 10**9 < answered < NOON.now_ns(), "never later than the answer can have been made"
    assert KrakenClient(settings)._answered_ns() == 0, "nothing is claimed where nothing is known"


def test_a_line_of_the_log_tells_its_own_call_also_where_the_clock_was_asked_within(
    exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = KrakenClient(settings_of(exchange, retry_attempts=1), clock=(NOON.now_ns() - 10**12, time.monotonic()))
    exchange.faults.add(Fault("http_status", "Time", status=503))
    logger, heard = logging.getLogger("dlt_pipeline.requests"), logging.handlers.QueueHandler(queue.SimpleQueue())
    monkeypatch.setattr(logger, "handlers", [heard])
    caplog.set_level(logging.DEBUG, logger.name)
    with pytest.raises(TransientExchangeError):
        client.trades(BTC, None, 5)
    lines = [heard.queue.get().getMessage() for _ in range(heard.queue.qsize())]
    assert [re.findall(r"call=(\w+).* status=(\d+)", line) for line in lines] == [
        [("Time", "503")],
        [("Trades", "200")],
    ]


def test_a_date_is_believed_only_where_the_clock_agrees(serve: Callable[..., LocalExchange]) -> None:
    clock = Clock(NOON.now())
    exchange = serve(SyntheticFeed(1, clock, days=1, trades_per_day=0.5), clock)
    client = KrakenClient(settings_of(exchange))
    first = client.first_contact()
    exchange.faults.add(Fault("wrong_date", path="Trades"))
    assert client.trades(BTC, None, 5).exchange_ns == first
    assert [call.path for call in exchange.calls] == ["Time", "Trades", "Time", "Trades"]
    clock.advance(3_600)
    later = first + 3_600 * 10**9
    assert client.trades(BTC, None, 5).exchange_ns == later, "as after this machine slept"
    assert client.trades(BTC, None, 5).exchange_ns == later
    assert [call.path for call in exchange.calls[4:]] == ["Trades", "Time", "Trades"]


def test_nobody_there_is_said_soon() -> None:
    client = KrakenClient(load_settings(base_url="http://127.0.0.1:9", seconds_per_call=0.001))
    with pytest.raises(NoConnectionError, match=r"no connection to http://127\.0\.0\.1:9; check the network"):
        client.first_contact()


def test_each_pair_keeps_its_own_pace(exchange: LocalExchange) -> None:
    """At 0.1 s a call from start to start; another pair need not wait for the first one's pace."""
    settings = load_settings(base_url=exchange.base_url, seconds_per_call=0.1)
    clients = [(KrakenClient(settings), market) for market in (BTC, ETH)]
    for _ in range(4):
        for client, market in clients:
            client.trades(market, None, 1)
    times = sorted(call.at for call in exchange.calls)
    assert times[-1] - times[0] >= 3 * 0.1 - 0.02
    rounds = statistics.median(second - first for first, second in pairwise(times[::2]))
    assert rounds < 0.17, "with a shared pace it would be 0.2"


def test_two_clients_of_a_pair_share_its_pace(exchange: LocalExchange) -> None:
    settings = load_settings(base_url=exchange.base_url, seconds_per_call=0.1)
    for client in (KrakenClient(settings), KrakenClient(settings), KrakenClient(settings)):
        client.trades(BTC, None, 1)
    times = [call.at for call in exchange.calls]
    assert times[-1] - times[0] >= 2 * 0.1 - 0.02


def test_calls_that_are_limited_by_address_alone_share_one_pace(exchange: LocalExchange) -> None:
    """Also the two that ccxt makes for the list of markets, and whichever session asks."""
    settings = load_settings(base_url=exchange.base_url, seconds_per_call=0.1)
    KrakenClient(settings).markets()
    KrakenClient(settings).server_time_ns()
    times = {call.path: call.at for call in exchange.calls}
    assert set(times) == {"Assets", "AssetPairs", "Time"}
    assert max(times.values()) - min(times.values()) >= 2 * 0.1 - 0.02


@pytest.mark.parametrize(
    "fault",
    [
        Fault("error", "Trades", pair="BTC/USD", error="EAPI:Rate limit exceeded", skip=5),
        Fault("error", "Trades", pair="BTC/USD", error="EService: Throttled: 1762795433", skip=5),
        Fault("http_status", "Trades", pair="BTC/USD", status=429, skip=5),
    ],
    ids=["Kraken's words", "until when", "HTTP 429"],
)
def test_a_rate_limit_slows_its_pair_alone_and_it_recovers(exchange: LocalExchange, fault: Fault) -> None:
    exchange.faults.add(fault)
    slow = {"slowdown_factor": 16.0, "recovery_calls": 2, "retry_max_seconds": 0.0}
    settings = load_settings(base_url=exchange.base_url, seconds_per_call=0.02, **slow)

    def ask(market: Market) -> None:
        client = KrakenClient(settings)
        for _ in range(40):
            client.trades(market, None, 1)

    threads = [threading.Thread(target=ask, args=(market,)) for market in (BTC, ETH)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gaps = {
        market.symbol: [second - first for first, second in pairwise(at)]
        for market in (BTC, ETH)
        if (at := [call.at for call in exchange.calls if call.query.get("pair") == market.market_id])
    }
    assert min(gaps["BTC/USD"][5:7]) > 0.15, "0.32 s, sixteen times the set pace, from the answer on"
    assert statistics.median(gaps["BTC/USD"][-8:]) < 0.1, "back at the set pace"
    assert statistics.median(gaps["ETH/USD"]) < 0.1
    assert len(gaps["ETH/USD"]) == 39


def test_a_stop_ends_the_wait_for_a_turn(exchange: LocalExchange) -> None:
    stop = threading.Event()
    client = KrakenClient(load_settings(base_url=exchange.base_url, seconds_per_call=60.0), stop)
    client.trades(BTC, None, 1)
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(LoadStoppedError):
        client.trades(BTC, None, 1)
    assert len(exchange.calls) == 1


def test_rest_candles_are_the_committed_ones_with_vwap_and_count(quick: KrakenClient) -> None:
    snapshot = quick.rest_candles(BTC, "1h")
    assert snapshot.timeframe_seconds == 3600
    now = NOON.now_ns() // 10**9
    assert snapshot.candles[-1].start == now - 3600, "the candle that holds now is still open"
    traded = [candle for candle in snapshot.candles if candle.trade_count]
    assert traded
    assert all(candle.vwap != "0" for candle in traded)


def test_a_password_in_the_address_is_never_shown(exchange: LocalExchange, quick: KrakenClient) -> None:
    port = exchange.base_url.rsplit(":", 1)[1]
    exchange.faults.add(Fault("html", path="Time", times=None))
    shown = []
    for url in (f"http://me:hidden@127.0.0.1:{port}", "http://me:hidden@127.0.0.1:9", "ftp://me:hidden@host"):
        with pytest.raises(KrakenCandlesError) as failed:
            KrakenClient(load_settings(base_url=url, seconds_per_call=0, first_contact_attempts=1)).first_contact()
        shown.append(str(failed.value))
    assert all("hidden" not in text and "//***@" in text for text in shown), shown
    settings = load_settings(base_url="https://me:hidden@kraken.example")
    with pytest.raises(BadInputError, match=r"https://\*\*\*@kraken.example is not known"):
        stream_address(settings)


@pytest.mark.parametrize(
    "url",
    [
        *("http://me:sE/cReT@host", "http://me:12/cReT@host", "http://me:s?cReT@host", "http://me:s#cReT@host"),
        *("http://host/?key=cReT", "https://me:s[/cReT@host", "https://me:s cReT@host", "me:cReT@host"),
    ],
)
def test_an_address_in_which_a_password_cannot_be_told_is_refused_without_it(url: str) -> None:
    with pytest.raises(BadInputError, match=r"sources\.kraken\.base_url is no plain address") as refused:
        load_settings(base_url=url)
    assert "cReT" not in str(refused.value)
    with pytest.raises(BadInputError, match=r"sources\.kraken\.stream_url is no plain address") as refused:
        stream_address(load_settings(stream_url=url))
    assert "cReT" not in str(refused.value)


def test_digits_of_settings_are_those_of_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "\N{FULLWIDTH DIGIT ONE}00")
    with pytest.raises(BadInputError, match=r"SOURCES__KRAKEN__PAGE_SIZE is .*; write its digits as 0 to 9"):
        load_settings()
    monkeypatch.delenv("SOURCES__KRAKEN__PAGE_SIZE")
    monkeypatch.setenv("KRAKEN_CANDLES_KEEP_TRADES_DAYS", "\N{SUPERSCRIPT TWO}")
    with pytest.raises(BadInputError, match="must be a whole number"):
        keep_trades_days()
    with pytest.raises(BadInputError):
        to_ns("\N{FULLWIDTH DIGIT TWO}026-11-08", "The start")


@contextmanager
def dripping(head: bytes) -> Iterator[str]:
    """A server that sends `head`, and then a byte every now and then, for ever."""

    class Drip(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):
                self.wfile.write(head)
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.05)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "]
)
def test_an_answer_that_drips_ends_by_the_total_limit_or_a_stop(head: bytes) -> None:
    stop = threading.Event()
    with dripping(head) as url:
        settings = load_settings(base_url=url, seconds_per_call=0.001, longest_call_seconds=1, first_contact_attempts=1)
        began = time.monotonic()
        with pytest.raises(TransientExchangeError, match="no whole answer"):
            KrakenClient(settings, stop).first_contact()
        assert time.monotonic() - began < 2
        settings.longest_call_seconds = 60
        threading.Timer(0.1, stop.set).start()
        began = time.monotonic()
        with pytest.raises(LoadStoppedError):
            KrakenClient(settings, stop).first_contact()
        assert time.monotonic() - began < 4
        time.sleep(0.5)
        assert not [one for one in threading.enumerate() if one.name == "ask"], "what was given up ends, too"


def test_a_proxy_of_the_environment_is_asked_and_no_proxy_is_heard(
    exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange stands for the proxy: it is sent the whole address."""
    monkeypatch.setenv("HTTP_PROXY", exchange.base_url)
    monkeypatch.setenv("http_proxy", exchange.base_url)
    settings = load_settings(base_url="http://kraken.example", seconds_per_call=0.001, first_contact_attempts=1)
    assert KrakenClient(settings).first_contact()
    monkeypatch.setenv("NO_PROXY", "kraken.example")
    monkeypatch.setenv("no_proxy", "kraken.example")
    with pytest.raises(NoConnectionError):
        KrakenClient(settings).first_contact()


def _certify(certificate: Path, key: Path) -> None:
    """Write a certificate of localhost that signs itself, good for a day, and its key."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, own.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(own, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key.write_bytes(own.private_bytes(serialization.Encoding.PEM, *form))


def test_a_certificate_is_not_trusted_until_it_is_named(
    exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = tmp_path / "own.pem"
    _certify(certificate, tmp_path / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")

    class Time(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"error":[],"result":{"unixtime":1762603200}}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Time)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = load_settings(base_url=f"https://localhost:{server.server_port}", seconds_per_call=0.001)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ExchangeError, match=r"the certificate of https://localhost:.* is not trusted .*SSL_CERT_FILE"):
        KrakenClient(settings).first_contact()
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(certificate))
        assert KrakenClient(settings).first_contact() == 1762603200 * 10**9
        monkeypatch.delenv(name)
    server.shutdown()
    server.server_close()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(BadInputError, match=r"SSL_CERT_FILE is .*none.pem'"):
        load_settings(base_url="https://localhost")
