"""The pairs that the exchange lists, under ccxt's symbols, and the nearest ones to a misspelt symbol."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dlt_pipeline.exceptions import BadAnswerError, UnknownSymbolError


@dataclass(frozen=True)
class Market:
    """A pair: `symbol` as ccxt says, the others Kraken's own names; `status` is None where Kraken gives none."""

    symbol: str
    market_id: str
    altname: str
    wsname: str | None
    base: str
    quote: str
    price_decimals: int
    volume_decimals: int
    status: str | None


def check_markets(ccxt_markets: Iterable[Mapping[str, Any]]) -> list[Market]:
    """Turn ccxt's market structures into Markets sorted by symbol; BadAnswerError for an unusable list."""
    markets = []
    for market in ccxt_markets:
        info = market["info"]
        markets.append(
            Market(
                symbol=market["symbol"],
                market_id=market["id"],
                altname=info["altname"],
                wsname=info.get("wsname"),
                base=market["base"],
                quote=market["quote"],
                price_decimals=int(info["pair_decimals"]),
                volume_decimals=int(info["lot_decimals"]),
                status=info.get("status"),
            )
        )
    if not markets:
        raise BadAnswerError("AssetPairs: the exchange lists no pairs at all.")
    return sorted(markets, key=lambda market: market.symbol)


def find_market(markets: Iterable[Market], symbol: str) -> Market:
    """Return the market of a ccxt symbol such as BTC/USD; UnknownSymbolError names the nearest known symbols."""
    by_symbol = {market.symbol: market for market in markets}
    if symbol in by_symbol:
        return by_symbol[symbol]
    for market in by_symbol.values():
        if symbol.upper() in (market.symbol, market.market_id, market.altname, market.wsname):
            raise UnknownSymbolError(f"Unknown symbol {symbol}: here it is called {market.symbol}.")
    near = difflib.get_close_matches(symbol.upper(), by_symbol, n=3, cutoff=0.5) or sorted(by_symbol)[:3]
    raise UnknownSymbolError(f"Unknown symbol {symbol}; the nearest known ones: {', '.join(near)}.")
