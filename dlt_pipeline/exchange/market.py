"""The markets the exchange serves, how Kraken spells pairs and assets, and the feed that gives their trades."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dlt_pipeline.common.exceptions import RecordingError, UnknownMarketError
from dlt_pipeline.exchange.clock import Clock
from dlt_pipeline.exchange.trade import ExchangeTrade, TradeSeries

# Kraken's own codes for two coins, and what everybody else calls them.
COMMON_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
# 30-day volume in USD and the fee in percent, the steps Kraken publishes.
TAKER_FEES = [[0, 0.4], [10000, 0.35], [50000, 0.24], [100000, 0.22], [250000, 0.2], [500000, 0.18], [1000000, 0.16]]
MAKER_FEES = [[0, 0.25], [10000, 0.2], [50000, 0.14], [100000, 0.12], [250000, 0.1], [500000, 0.08], [1000000, 0.06]]
CURRENCY = "currency"
TOKENIZED = "tokenized_asset"
FIAT = ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")
# Assets from Kraken's first years carry a four-letter id: X and the code, Z and the code for money.
LEGACY_IDS = {
    code: f"X{code}" for code in ("ETC", "ETH", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC")
}
LEGACY_IDS |= {code: f"Z{code}" for code in FIAT}
LEGACY_CODES = {asset_id: code for code, asset_id in LEGACY_IDS.items()}
QUOTES = (
    *FIAT,
    *("CHF", "DAI", "DOT", "ETH", "EURQ", "EURR", "PYUSD", "RLUSD", "USDC", "USDG", "USDQ", "USDR", "USDT", "XBT"),
)


@dataclass(frozen=True)
class Market:
    """A market of the exchange."""

    symbol: str
    """`BTC/USD`, as ccxt says."""
    key: str
    """Kraken's own id, `XXBTZUSD`."""
    altname: str
    wsname: str
    pair_decimals: int
    """Decimals of a candle's prices."""
    listing: Mapping[str, Any] = field(repr=False, compare=False)
    """The entry of the AssetPairs answer, as it goes out."""

    @property
    def asset_class(self) -> str:
        """`currency`, or `tokenized_asset`, which is listed and answered about only for who asks for that class."""
        return str(self.listing.get("aclass_base", CURRENCY))

    @property
    def names(self) -> tuple[str, str, str]:
        """The names by which a request may ask for it."""
        return (self.key, self.altname, self.wsname)


def market_from_listing(key: str, listing: Mapping[str, Any]) -> Market:
    """The market of an AssetPairs entry; a dark-pool entry without `wsname` goes by its altname."""
    altname = str(listing["altname"])
    wsname = str(listing.get("wsname") or altname)
    symbol = "/".join(COMMON_NAMES.get(name, name) for name in wsname.split("/"))
    return Market(symbol, key, altname, wsname, int(listing["pair_decimals"]), listing)


def build_listing(wsname: str, base: str, quote: str, pair_decimals: int, order_min: str = "0.0001") -> dict[str, Any]:
    """An AssetPairs entry with the fields of a real one.

    `wsname` like `XBT/USD`; `base` and `quote` are Kraken's asset ids (`XXBT`, `ZUSD`); `order_min` in base.
    """
    tick = "1" if pair_decimals == 0 else "0." + "1".rjust(pair_decimals, "0")
    return {
        "altname": wsname.replace("/", ""),
        "wsname": wsname,
        "aclass_base": "currency",
        "base": base,
        "aclass_quote": "currency",
        "quote": quote,
        "lot": "unit",
        "cost_decimals": max(5, pair_decimals),
        "pair_decimals": pair_decimals,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": TAKER_FEES,
        "fees_maker": MAKER_FEES,
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": order_min,
        "costmin": "0.5",
        "tick_size": tick,
        "status": "online",
    }


def split_key(key: str) -> tuple[str, str]:
    """Asset ids of base and quote of a pair's key: `XXBTZUSD` -> (`XXBT`, `ZUSD`), `GRTETH` -> (`GRT`, `XETH`).

    Raises RecordingError where no known quote ends the key.
    """
    base, quote = key[:-4], key[-4:]
    # Only keys of two four-letter ids carry the long quote: XTZUSD is XTZ in USD, not XT in ZUSD.
    if quote in LEGACY_CODES and (base in LEGACY_CODES or base == "USDT"):
        return base, quote
    for code in sorted(QUOTES, key=len, reverse=True):
        if key.endswith(code) and len(key) > len(code):
            base = key.removesuffix(code)
            return LEGACY_IDS.get(base, base), LEGACY_IDS.get(code, code)
    raise RecordingError(f"{key}: no known quote currency ends this name; put an asset_pairs.json beside the recording")


def short_code(asset_id: str) -> str:
    """The altname of an asset id: `XXBT` -> `XBT`, `MINA` -> `MINA`."""
    return LEGACY_CODES.get(asset_id, asset_id)


def build_assets(markets: Iterable[Market]) -> dict[str, Any]:
    """An Assets answer that names every base and quote of the markets."""
    asset_ids = sorted({str(market.listing[side]) for market in markets for side in ("base", "quote")})
    return {asset_id: _asset(short_code(asset_id)) for asset_id in asset_ids}


def _asset(altname: str) -> dict[str, Any]:
    decimals, display_decimals = (4, 2) if altname in FIAT else (10, 5)
    return {
        "aclass": "currency",
        "altname": altname,
        "decimals": decimals,
        "display_decimals": display_decimals,
        "status": "enabled",
    }


class RecordedCandles(NamedTuple):
    """A recorded OHLC answer."""

    rows: list[list[Any]]
    """Ascending; each begins with its bucket's start in seconds."""
    last: int
    """Start of the newest committed candle when it was recorded, seconds."""


class Feed(ABC):
    """Markets and their trades, invented or recorded: what the server needs of either."""

    def __init__(self, markets: list[Market], tokenized: Sequence[Market] = ()) -> None:
        """`markets` in the order of the AssetPairs answer; `tokenized` are those that it lists apart."""
        self.markets = markets
        self.tokenized = list(tokenized)
        self._by_request_name = {name: market for market in self.all_markets for name in market.names}

    @property
    def all_markets(self) -> list[Market]:
        """The markets of every class."""
        return [*self.markets, *self.tokenized]

    def find_market(self, pair: str) -> Market | None:
        """The market that a request means: by key, altname or wsname; None where there is none."""
        return self._by_request_name.get(pair)

    def market(self, name: str) -> Market:
        """The market of a symbol, key, altname or wsname; raises UnknownMarketError."""
        for market in self.all_markets:
            if name == market.symbol or name in market.names:
                return market
        raise UnknownMarketError(f"{name} is not traded here; there are {', '.join(m.symbol for m in self.markets)}")

    def trades(self, name: str, up_to_ns: int) -> list[ExchangeTrade]:
        """A market's trades whose true time is at most `up_to_ns` (ns since the epoch), ascending."""
        series = self.series(self.market(name), up_to_ns)
        return series.trades[: series.visible(up_to_ns)]

    @abstractmethod
    def series(self, market: Market, up_to_ns: int) -> TradeSeries:
        """The market's one series, grown to hold every trade up to `up_to_ns` (it may hold later ones)."""

    @abstractmethod
    def default_clock(self) -> Clock:
        """The clock that suits the feed."""

    def assets(self) -> dict[str, Any]:
        """The result of the Assets answer."""
        return build_assets(self.markets)

    def recorded_candles(self, market: Market, minutes: int) -> RecordedCandles | None:  # noqa: ARG002
        """The OHLC answer that was recorded for this market and interval; None where candles are to be computed."""
        return None
