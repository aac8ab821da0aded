"""Loads of a tokenised share, which Kraken lists, and answers about, only for who asks for its class."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dlt_pipeline.exchange import LocalExchange, SyntheticFeed
from tests.loading.quick import NOW_NS, START, quick_load
from tests.truth import expected_trades, loaded_trades, query


def lists_asked(exchange: LocalExchange) -> list[str]:
    return [call.query.get("aclass_base", "currency") for call in exchange.calls if call.path == "AssetPairs"]


@pytest.mark.parametrize("name", ["AAPLx/USD", "AAPLX/USD"])
def test_a_share_is_loaded_by_either_spelling_under_krakens_own(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, name: str
) -> None:
    report = quick_load(name, "MINA/GBP", timeframes=("1h",))
    assert not report.failures
    assert loaded_trades(warehouse, "AAPLx/USD") == expected_trades(feed, "AAPLx/USD", NOW_NS)
    kept = "select distinct symbol from kraken_raw.{} order by all"
    for table in ("trades", "pages", "rest_candles"):
        assert query(warehouse, kept.format(table)) == [("AAPLx/USD",), ("MINA/GBP",)]
    assert query(warehouse, "select base, quote from kraken_raw.markets where symbol = 'AAPLx/USD'") == [
        ("AAPLx", "USD")
    ]
    assert lists_asked(exchange) == ["currency", "tokenized_asset"]
    classes = {(call.query["pair"], call.query.get("asset_class")) for call in exchange.calls if "pair" in call.query}
    assert classes == {("AAPLxUSD", "tokenized_asset"), ("MINAGBP", None)}


def test_who_asks_for_currencies_pays_no_second_list(exchange: LocalExchange, warehouse: Path) -> None:
    assert not quick_load("MINA/GBP").failures
    assert lists_asked(exchange) == ["currency"]


def test_symbols_shows_shares_too_and_a_wrong_one_its_nearest(
    exchange: LocalExchange, command: Callable[..., tuple[int, str]]
) -> None:
    code, text = command("symbols", "aapl")
    assert (code, "AAPLx/USD" in text, "1 of 5 markets" in text) == (0, True, True)
    code, text = command("load", "AAPLy/USD", "--start", START)
    assert (code, "nearest known ones: AAPLx/USD" in text) == (2, True)
