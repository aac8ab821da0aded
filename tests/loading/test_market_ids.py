"""Loads where Kraken lists two markets of one symbol, or nonsense about one: none is mixed or lost for another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline import estimate
from dlt_pipeline.common.exceptions import BadAnswerError, UnknownSymbolError, WrongWarehouseError
from dlt_pipeline.exchange import Clock, Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.exchange.market import Market, market_from_listing
from dlt_pipeline.exchange.trade import TradeSeries
from dlt_pipeline.repairs.supersede import supersede
from tests.loading.quick import NOW, NOW_NS, START, quick_load
from tests.truth import expected_trades, loaded_trades, query


class DarkFeed(SyntheticFeed):
    """BTC/USD has a dark pool, listed later, in which nobody trades."""

    def __init__(self) -> None:
        super().__init__(7, Clock(NOW), days=2)
        listing = {key: value for key, value in self.markets[0].listing.items() if key != "wsname"}
        self.dark = market_from_listing("XXBTZUSD.d", listing | {"altname": "XBTUSD.d"})
        self.markets.append(self.dark)
        self._by_request_name |= dict.fromkeys(self.dark.names, self.dark)

    def series(self, market: Market, up_to_ns: int) -> TradeSeries:
        return TradeSeries(market.key) if market == self.dark else super().series(market, up_to_ns)


@pytest.fixture(scope="module")
def feed() -> DarkFeed:
    return DarkFeed()


def asked_pairs(exchange: LocalExchange) -> set[str]:
    return {call.query["pair"] for call in exchange.calls if call.path == "Trades"}


def test_the_market_itself_is_asked_not_the_dark_pool_behind_it(
    exchange: LocalExchange, feed: DarkFeed, warehouse: Path
) -> None:
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)
    assert asked_pairs(exchange) == {"XXBTZUSD"}
    markets = "select symbol, market_id, status from kraken_raw.markets where base = 'BTC' order by all"
    assert query(warehouse, markets) == [("BTC/USD", "XXBTZUSD", "online"), ("XBTUSD.d", "XXBTZUSD.d", "online")]


@pytest.mark.parametrize("name", ["XBTUSD.d", "XXBTZUSD.d"])
def test_a_dark_pool_is_asked_for_by_its_id(
    exchange: LocalExchange, warehouse: Path, name: str, command: Callable[..., tuple[int, str]]
) -> None:
    assert [one.symbol for one in estimate([name], START)] == ["XBTUSD.d"]
    code, text = command("load", name, "--start", START, "--timeframes", "none")
    assert (code, "XBTUSD.d: nothing new" in text) == (0, True)
    assert asked_pairs(exchange) == {"XXBTZUSD.d"}
    assert query(warehouse, "select distinct symbol, market_id from kraken_raw.pages") == [("XBTUSD.d", "XXBTZUSD.d")]


def test_two_of_one_rank_are_refused_before_anything_is_asked(exchange: LocalExchange, warehouse: Path) -> None:
    def twice(result: dict[str, Any]) -> dict[str, Any]:
        return result | {"XBTUSD2": result["XXBTZUSD"]}

    exchange.faults.add(Fault("change", "AssetPairs", change=twice, times=None))
    with pytest.raises(UnknownSymbolError, match="2 markets, XXBTZUSD and XBTUSD2"):
        quick_load("BTC/USD", "MINA/GBP")
    assert not warehouse.exists()


def test_another_market_under_a_loaded_symbol_is_not_mixed_in(
    exchange: LocalExchange, feed: DarkFeed, warehouse: Path
) -> None:
    def renamed(result: dict[str, Any]) -> dict[str, Any]:
        return {key if key != "XXBTZUSD" else "XBTUSD2": value for key, value in result.items()}

    quick_load("BTC/USD", end="2026-11-07")
    exchange.faults.add(Fault("change", "AssetPairs", change=renamed, times=None))
    report = quick_load("BTC/USD", "MINA/GBP")
    assert isinstance(report.failures["BTC/USD"], WrongWarehouseError)
    assert "of Kraken's market XXBTZUSD, but the symbol means XBTUSD2" in str(report.failures["BTC/USD"])
    assert asked_pairs(exchange) == {"XXBTZUSD", "MINAGBP"}
    assert loaded_trades(warehouse, "MINA/GBP") == expected_trades(feed, "MINA/GBP", NOW_NS)


def test_what_was_loaded_by_a_dark_pools_id_is_replaced_as_a_whole_or_not_at_all(
    exchange: LocalExchange, feed: DarkFeed, warehouse: Path
) -> None:
    quick_load("BTC/USD", end="2026-11-08")
    with duckdb.connect(str(warehouse)) as connection:  # as before there was one market to a symbol
        connection.execute("update kraken_raw.pages set market_id = 'XXBTZUSD.d'")
        connection.execute("delete from kraken_raw.trades")
    way_out = f"`kraken-candles repair BTC/USD --start {START}`"
    assert way_out in str(quick_load("BTC/USD").failures["BTC/USD"])
    refused = supersede(["BTC/USD"], "2026-11-08").failures["BTC/USD"]
    assert "beside this window stay trades of Kraken's market XXBTZUSD.d" in str(refused)
    assert way_out in str(refused)
    assert not supersede(["BTC/USD"], START).failures
    assert not quick_load("BTC/USD").failures
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


@pytest.mark.parametrize("nonsense", [None, {"altname": "MINAGBP", "pair_decimals": "many"}])
def test_nonsense_about_one_pair_ends_that_one_alone(
    exchange: LocalExchange, feed: DarkFeed, warehouse: Path, nonsense: Any, command: Callable[..., tuple[int, str]]
) -> None:
    exchange.faults.add(Fault("change", "AssetPairs", change=lambda result: result | {"MINAGBP": nonsense}, times=None))
    code, text = command("load", "BTC/USD", "MINA/GBP", "--start", START, "--timeframes", "none")
    assert code == 1
    assert "MINA/GBP: nothing new; FAILED: MINA/GBP: in Kraken's list of pairs" in text
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)
    assert isinstance(quick_load("MINA/GBP").failures["MINA/GBP"], BadAnswerError)
    exchange.faults.clear()
    assert not quick_load("MINA/GBP").failures
