"""The small methods, names of pairs, and errors in Kraken's words."""

import json
import urllib.error
import urllib.request
from datetime import datetime, timezone

import ccxt
import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed

NOON = datetime(2025, 11, 10, 12, 0, 7, 500_000, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def exchange():
    clock = Clock(NOON)
    with LocalExchange(SyntheticFeed(clock=clock, days=1, trades_per_day=0.2), clock) as running:
        yield running


def test_ccxt_loads_the_markets_and_asks_for_trades_and_candles(exchange):
    client = ccxt.kraken({"urls": {"api": {"public": exchange.base_url}}, "enableRateLimit": False})
    markets = client.load_markets()
    assert {symbol: market["id"] for symbol, market in markets.items()} == {
        "BTC/USD": "XXBTZUSD",
        "ETH/USD": "XETHZUSD",
        "MINA/GBP": "MINAGBP",
        "BONK/USD": "BONKUSD",
    }
    assert markets["BONK/USD"]["precision"]["price"] == 1e-10
    assert markets["BTC/USD"]["active"]
    answer = client.publicGetTrades({"pair": "XXBTZUSD", "since": "0", "count": 5})
    assert [row[6] for row in answer["result"]["XXBTZUSD"]] == [1, 2, 3, 4, 5]
    assert client.publicGetOHLC({"pair": "XXBTZUSD", "interval": 60})["result"]["last"] == 1_762_772_400
    with pytest.raises(ccxt.ExchangeError, match="Unknown asset pair"):
        client.publicGetTrades({"pair": "NOPE"})


@pytest.mark.parametrize("pair", ["XXBTZUSD", "XBTUSD", "XBT/USD"])
def test_a_pair_goes_by_key_altname_and_wsname(exchange, fetch, pair):
    assert list(fetch(exchange, "Trades", pair=pair, count=1)["result"]) == ["XXBTZUSD", "last"]


def test_asset_pairs_can_be_filtered(exchange, fetch):
    chosen = fetch(exchange, "AssetPairs", pair="XBTUSD,MINAGBP")["result"]
    assert list(chosen) == ["XXBTZUSD", "MINAGBP"]
    assert chosen["XXBTZUSD"].keys() >= {"altname", "wsname", "base", "quote", "pair_decimals", "ordermin", "tick_size"}
    assert chosen["XXBTZUSD"]["fees"][0] == [0, "0.4"]
    assert chosen["MINAGBP"]["tick_size"] == "0.0001"
    assert len(fetch(exchange, "AssetPairs")["result"]) == 4


def test_a_share_is_there_only_for_who_asks_for_its_class(exchange, fetch):
    asked = {"pair": "AAPLxUSD", "count": 1}
    assert list(fetch(exchange, "AssetPairs", aclass_base="tokenized_asset")["result"]) == ["AAPLxUSD", "GMExUSD"]
    assert "AAPLxUSD" not in fetch(exchange, "AssetPairs")["result"]
    for method in ("Trades", "OHLC"):
        assert fetch(exchange, method, **asked) == {"error": ["EQuery:Unknown asset pair"]}
        assert "AAPLxUSD" in fetch(exchange, method, **asked, asset_class="tokenized_asset")["result"]
        assert "error" in fetch(exchange, method, pair="XBTUSD", asset_class="tokenized_asset")


def test_assets_can_be_filtered(exchange, fetch):
    assert list(fetch(exchange, "Assets", asset="XBT,ZUSD")["result"]) == ["XXBT", "ZUSD"]
    assert fetch(exchange, "Assets", asset="NOPE") == {"error": ["EQuery:Unknown asset"]}
    assert set(fetch(exchange, "Assets")["result"]) == {"XXBT", "XETH", "MINA", "BONK", "ZUSD", "ZGBP"}


@pytest.mark.parametrize(
    ("method", "query", "error"),
    [
        ("Trades", {}, "EGeneral:Invalid arguments"),
        ("Trades", {"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ("OHLC", {"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ("AssetPairs", {"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ("Nothing", {}, "EGeneral:Unknown method"),
    ],
)
def test_errors_come_with_status_200(exchange, fetch, method, query, error):
    assert fetch(exchange, method, **query) == {"error": [error]}


def test_time_and_date_are_the_exchange_clock(exchange):
    with urllib.request.urlopen(f"{exchange.base_url}/0/public/Time") as response:
        assert response.headers["Date"] == "Mon, 10 Nov 2025 12:00:07 GMT"
        assert json.load(response)["result"] == {"unixtime": 1762776007, "rfc1123": "Mon, 10 Nov 25 12:00:07 +0000"}


def test_a_status_outside_the_methods_has_the_date_too(exchange):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{exchange.base_url}/nothing")
    assert (caught.value.code, caught.value.headers["Date"]) == (404, "Mon, 10 Nov 2025 12:00:07 GMT")


def test_system_status(exchange, fetch):
    assert fetch(exchange, "SystemStatus")["result"] == {"status": "online", "timestamp": "2025-11-10T12:00:07Z"}


def test_calls_are_logged_with_their_query(exchange, fetch):
    before = len(exchange.calls)
    fetch(exchange, "Trades", pair="XBTUSD", count=1)
    fetch(exchange, "Time")
    trades, time = exchange.calls[before:]
    assert (trades.path, trades.query, time.path, time.query) == (
        "Trades",
        {"pair": "XBTUSD", "count": "1"},
        "Time",
        {},
    )
    assert trades.at <= time.at
