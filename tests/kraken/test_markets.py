"""Which market a symbol means, and what nonsense about one pair does to the others."""

import json
from pathlib import Path
from typing import Any

import ccxt
import pytest

from dlt_pipeline.common.exceptions import BadAnswerError, TransientExchangeError, UnknownSymbolError
from dlt_pipeline.exchange.market import build_listing
from dlt_pipeline.kraken.markets import Listed, add_tokenized, find_market, is_unknown, list_markets, symbol_meant

ASSETS = {
    "XXBT": {"altname": "XBT"},
    "XETH": {"altname": "ETH"},
    "ZUSD": {"altname": "USD"},
    "AAPLx": {"altname": "AAPLx"},
}
BTC = build_listing("XBT/USD", "XXBT", "ZUSD", 1)
ETH = build_listing("ETH/USD", "XETH", "ZUSD", 2)
SIDE = {key: value for key, value in BTC.items() if key != "wsname"} | {"altname": "XBTUSD.d", "pair_decimals": 3}
SHARE = build_listing("AAPLx/USD", "AAPLx", "ZUSD", 2)
TOKEN = SHARE | {"aclass_base": "tokenized_asset"}


def listed(pairs: dict[str, Any]) -> Listed:
    return list_markets(ccxt.kraken(), ASSETS, pairs)


def test_each_symbol_of_the_recorded_list_is_one_market(recorded_folder: Path) -> None:
    def recorded(name: str) -> dict[str, Any]:
        return json.loads((recorded_folder / "markets" / f"{name}.json").read_text())["result"]

    pairs = recorded("asset_pairs")
    found = list_markets(ccxt.kraken(), recorded("assets"), pairs)
    assert not found.refusals
    assert len(found.markets) == len({market.symbol for market in found.markets}) == len(pairs)
    sides = [market for market in found.markets if market.market_id.endswith(".d")]
    assert len(sides) == 11
    assert all(market.symbol == market.altname for market in sides)
    for side in sides:
        market = find_market(found, f"{side.base}/{side.quote}")
        assert (market.market_id, market.wsname) == (side.market_id[:-2], pairs[side.market_id[:-2]]["wsname"])


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("side_id", "side"),
    [
        ("XXBTZUSD.d", SIDE),
        ("XXBTZUSD.d", SIDE | {"wsname": "XBT/USD"}),
        ("XBTUSD:BTNL", BTC),
        ("XBTUSD2", {key: value for key, value in BTC.items() if key != "wsname"}),
        ("XBTUSD2", BTC | {"execution_venue": "bitnomial-exchange"}),
        ("XBTUSD2", BTC | {"wsname": None, "pair_decimals": "many"}),
    ],
)
def test_a_side_entry_loses_wherever_it_stands(side_id: str, side: dict[str, Any], is_first: bool) -> None:
    main = {"XXBTZUSD": BTC | {"execution_venue": "international"}}
    found = listed({side_id: side} | main if is_first else main | {side_id: side})
    assert find_market(found, "BTC/USD").market_id == "XXBTZUSD"


def test_a_side_entry_alone_never_has_the_symbol() -> None:
    found = listed({"XXBTZUSD.d": SIDE, "XBTUSD:BTNL": BTC, "XETHZUSD": ETH})
    with pytest.raises(UnknownSymbolError, match="Unknown symbol BTC/USD"):
        find_market(found, "BTC/USD")
    assert find_market(found, "XBTUSD.d").market_id == "XXBTZUSD.d"
    with pytest.raises(UnknownSymbolError, match=r"Unknown symbol XXBTZUSD\.d: here it is called XBTUSD\.d"):
        find_market(found, "XXBTZUSD.d")


def test_what_stays_ambiguous_is_refused_with_both_ids() -> None:
    found = listed({"AAPLSPVUSD": SHARE, "AAPLxUSD": SHARE, "XXBTZUSD": BTC})
    with pytest.raises(UnknownSymbolError, match=r"2 markets, AAPLSPVUSD and AAPLxUSD, .* such as AAPLxUSD"):
        find_market(found, "AAPLX/USD")
    assert [find_market(found, name).market_id for name in ("AAPLSPVUSD", "AAPLxUSD")] == ["AAPLSPVUSD", "AAPLxUSD"]
    assert find_market(found, "BTC/USD").market_id == "XXBTZUSD"


def tokenized(pairs: Any, *, beside: Listed) -> Listed:
    return add_tokenized(ccxt.kraken(), ASSETS, {"error": [], "result": pairs}, beside)


def test_a_tokenised_asset_has_the_name_that_kraken_writes(recorded_folder: Path) -> None:
    answer = json.loads((recorded_folder / "markets" / "asset_pairs_tokenized.json").read_text())
    found = tokenized(answer["result"], beside=listed({"XXBTZUSD": BTC}))
    share = find_market(found, "AAPLx/USD")
    assert (share.market_id, share.base, share.quote, share.asset_class) == (
        "AAPLxUSD",
        "AAPLx",
        "USD",
        "tokenized_asset",
    )
    assert {symbol_meant(found, name) for name in ("AAPLx/USD", "AAPLX/USD")} == {"AAPLx/USD"}
    assert [each.symbol for each in found.markets] == ["AAPLx/USD", "BTC/USD"]


def test_a_second_list_changes_no_name_of_the_first() -> None:
    """Else a symbol would be another market after a question about a third one."""
    first = listed({"AAPLxUSD": SHARE, "XXBTZUSD": BTC, "XXBTZUSD.d": SIDE})
    second = {
        "AAPLxUSD": TOKEN,  # the id of a currency's market
        "TOKENBTC": BTC,  # of an exchange that does not know the question
        "OTHER": TOKEN | {"altname": "XBTUSD.d", "wsname": None, "base": "XBTx"},
        "BROKEN": None,
    }
    found = tokenized(second, beside=first)
    assert [find_market(found, each.symbol) for each in first.markets] == list(first.markets)
    assert {each.symbol for each in found.markets} - {each.symbol for each in first.markets} == {"XBTx/USD"}
    assert symbol_meant(found, "AAPLX/USD") == "AAPLX/USD"
    assert tokenized({}, beside=first) == first


def test_a_currency_and_a_tokenised_asset_of_one_name_differ_by_their_capitals() -> None:
    coin = build_listing("AAPLX/USD", "AAPLX", "ZUSD", 2)
    first = listed({"AAPLXUSD": coin, "XXBTZUSD": BTC})
    names = ["AAPLX/USD", "AAPLXUSD", "AAPLx/USD", "AAPLxUSD"]
    assert [is_unknown(first, name) for name in names] == [False, False, True, True]
    found = tokenized({"AAPLxUSD": TOKEN}, beside=first)
    for each in (first, found):
        assert symbol_meant(each, "AAPLX/USD") == "AAPLX/USD"
        assert find_market(each, "AAPLX/USD").market_id == "AAPLXUSD"
    assert find_market(found, symbol_meant(found, "AAPLx/USD")).market_id == "AAPLxUSD"
    with pytest.raises(UnknownSymbolError, match="here it is called AAPLx/USD"):
        find_market(found, "AAPLxUSD")


def test_two_tokenised_markets_of_one_name_are_refused_however_it_is_written() -> None:
    found = tokenized({"AAPLSPVUSD": TOKEN, "AAPLxUSD": TOKEN}, beside=listed({"XXBTZUSD": BTC}))
    with pytest.raises(UnknownSymbolError, match="AAPLx/USD is the name of 2 markets"):
        find_market(found, symbol_meant(found, "AAPLX/USD"))


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        [],
        "many",
        {},
        *(BTC | {key: value} for key in ("base", "quote", "altname") for value in (None, "", 5, ["XXBT"], {})),
        *(BTC | {key: value} for key in ("wsname", "status") for value in (5, ["a"])),
        *(BTC | {"pair_decimals": value} for value in ("many", None, "-1", "100", [1], True, "1.5")),
        *({key: value for key, value in BTC.items() if key != gone} for gone in ("base", "altname", "lot_decimals")),
    ],
    ids=repr,
)
def test_nonsense_about_a_pair_is_its_own_error(nonsense: Any) -> None:
    found = listed({"XXBTZUSD": nonsense, "XETHZUSD": ETH})
    assert [market.symbol for market in found.markets] == ["ETH/USD"]
    with pytest.raises(BadAnswerError, match=r"^BTC/USD: in Kraken's list of pairs .* of 'XXBTZUSD' is "):
        find_market(found, "BTC/USD")


@pytest.mark.parametrize("pairs", [{}, {"XXBTZUSD": None}])
def test_a_list_without_a_usable_pair_is_asked_for_again(pairs: dict[str, Any]) -> None:
    with pytest.raises(TransientExchangeError):
        listed(pairs)
