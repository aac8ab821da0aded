"""Names of files become symbols: what the user says, Kraken's own names, and clear words for a broken map."""

from pathlib import Path

import pytest

from dlt_pipeline.archive.symbols import Names, listed_names, read_symbol_map
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.kraken.markets import Market


def market(symbol: str, market_id: str, altname: str, wsname: str | None) -> Market:
    base, quote = symbol.split("/")
    return Market(symbol, market_id, altname, wsname, base, quote, 2, 8, "online")


MARKETS = [
    market("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD"),
    market("DOGE/USD", "XDGUSD", "XDGUSD", "XDG/USD"),
    market("ETH/USD", "XETHZUSD", "ETHUSD", None),
]


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("XBTUSD", "BTC/USD"),
        ("xbtusd", "BTC/USD"),
        ("XXBTZUSD", "BTC/USD"),
        ("BTCUSD", "BTC/USD"),
        ("XDGUSD", "DOGE/USD"),
        ("DOGEUSD", "DOGE/USD"),
        ("ETHUSD", "ETH/USD"),
        ("LUNAUSD", None),
    ],
)
def test_a_file_is_known_by_any_of_krakens_names(name: str, symbol: str | None) -> None:
    assert Names({}, listed_names(MARKETS)).symbol_of(name) == symbol


def test_what_the_user_says_wins() -> None:
    names = Names({"XBTUSD": "XBT/USD", "LUNAUSD": "LUNC/USD"}, listed_names(MARKETS))
    assert [names.symbol_of(name) for name in ("XBTUSD", "lunausd", "ETHUSD")] == ["XBT/USD", "LUNC/USD", "ETH/USD"]


def test_symbols_are_chosen_as_symbol_or_as_altname() -> None:
    names = Names({}, listed_names(MARKETS))
    assert names.wants("XBTUSD", ["BTC/USD"])
    assert names.wants("XBTUSD", ["xbtusd"])
    assert names.wants("LUNAUSD", ["LUNAUSD"])
    assert not names.wants("ETHUSD", ["BTC/USD", "XBTUSD"])


@pytest.mark.parametrize("text", ["altname,symbol\nXBTUSD,BTC/USD\n", "\ufeffxbtusd , BTC/USD\r\n\r\nXBTUSD,BTC/USD"])
def test_a_map_is_read_with_or_without_a_header(tmp_path: Path, text: str) -> None:
    (tmp_path / "map.csv").write_text(text, encoding="utf-8")
    assert read_symbol_map(tmp_path / "map.csv") == {"XBTUSD": "BTC/USD"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("XBTUSD,BTC/USD\nETHUSD\n", "Line 2"),
        ("XBTUSD,\n", "Line 1"),
        ("a,b,c\n", "Line 1"),
        ("XBTUSD,BTC/USD\nXBTUSD,ETH/USD\n", "says ETH/USD for XBTUSD, an earlier line says BTC/USD"),
        ('"XBTUSD,BTC', "cannot be read"),
    ],
)
def test_a_broken_map_names_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "map.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=said):
        read_symbol_map(tmp_path / "map.csv")


def test_a_map_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.csv cannot be read"):
        read_symbol_map(tmp_path / "none.csv")
