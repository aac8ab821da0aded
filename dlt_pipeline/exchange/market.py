"""A market and its entry in the AssetPairs answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Kraken's own codes for two coins, and what everybody else calls them.
COMMON_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
# 30-day volume in USD and the fee in percent, the steps Kraken publishes.
TAKER_FEES = [[0, 0.4], [10000, 0.35], [50000, 0.24], [100000, 0.22], [250000, 0.2], [500000, 0.18], [1000000, 0.16]]
MAKER_FEES = [[0, 0.25], [10000, 0.2], [50000, 0.14], [100000, 0.12], [250000, 0.1], [500000, 0.08], [1000000, 0.06]]


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
