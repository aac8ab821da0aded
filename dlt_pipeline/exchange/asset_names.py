"""Kraken's names for assets and pairs, for recordings that come without AssetPairs and Assets answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlt_pipeline.exchange.errors import RecordingError
from dlt_pipeline.exchange.market import Market

FIAT = ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")
# Assets from Kraken's first years carry a four-letter id: X and the code, Z and the code for money.
LEGACY_IDS = {
    code: f"X{code}" for code in ("ETC", "ETH", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC")
}
LEGACY_IDS |= {code: f"Z{code}" for code in FIAT}
LEGACY_CODES = {asset_id: code for code, asset_id in LEGACY_IDS.items()}
QUOTES = (
    *FIAT,
    "CHF",
    "DAI",
    "DOT",
    "ETH",
    "EURQ",
    "EURR",
    "PYUSD",
    "RLUSD",
    "USDC",
    "USDG",
    "USDQ",
    "USDR",
    "USDT",
    "XBT",
)


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
