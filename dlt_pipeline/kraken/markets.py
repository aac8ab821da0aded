"""The pairs that the exchange lists: which one a symbol means, its nearest ones, and how their statuses change."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from dlt_pipeline.common.exceptions import (
    BadAnswerError,
    KrakenCandlesError,
    TransientExchangeError,
    UnknownSymbolError,
    near_symbols,
)

# Dark pools (XXBTZUSD.d) and other venues' books (XBTUSD:BTNL) share base and quote with the market itself.
_SIDE: Final = re.compile(r".+\.d|.+:.*")
_VENUES: Final = (None, "international")
_DECIMALS: Final = re.compile(r"\d{1,2}", re.ASCII)
# Kraken's words for what is traded; the second one it lists, and answers about, only if it is asked for.
CURRENCY: Final = "currency"
TOKENIZED: Final = "tokenized_asset"
# Tokenised stocks carry a small x behind their name, AAPLx/USD and AAPLxUSD, which ccxt writes as a capital.
_TOKENIZED_NAME: Final = re.compile(r"[^/]+[xX]/.+|[^/]+x[^/x]+")

# In place of a symbol where the status is the exchange's own.
EXCHANGE: Final = ""
# Our word for a market that Kraken's list has no more.
DELISTED: Final = "delisted"


@dataclass(frozen=True)
class Market:
    """A pair: `symbol` as ccxt says, the others Kraken's own names; `status` is None where Kraken gives none.

    Of markets that share base and quote one has the symbol; the others are called by their own names, such as XBTUSD.d.
    """

    symbol: str
    market_id: str
    altname: str
    wsname: str | None
    base: str
    quote: str
    price_decimals: int
    volume_decimals: int
    status: str | None
    asset_class: str = CURRENCY

    @property
    def class_params(self) -> dict[str, str]:
        """What a call about it says of its class: nothing of a currency."""
        return {} if self.asset_class == CURRENCY else {"asset_class": self.asset_class}


@dataclass(frozen=True)
class Listed:
    """Markets, each of a symbol of its own, ascending; and by symbol or id why what else is listed cannot be asked."""

    markets: tuple[Market, ...]
    refusals: Mapping[str, KrakenCandlesError]


def check_listing(body: Any, where: str) -> dict[str, Any]:
    """Return what an answer of AssetPairs or Assets lists by id; TransientExchangeError for one that lists nothing."""
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, dict) or not result:
        raise TransientExchangeError(
            f"{where}: the exchange did not answer with a list as Kraken does ({str(body)[:60]!r}…)."
        )
    return result


def list_markets(
    client: Any, assets: Mapping[str, Any], pairs: Mapping[str, Any], asset_class: str = CURRENCY
) -> Listed:
    """Give each pair of AssetPairs its symbol, base and quote as ccxt's `client` names the `assets`.

    Of pairs with the same symbol one has it: one of Kraken's own venue before one of another, one with a wsname before
    one without; a dark pool or another venue's book never has it. Where that leaves two, nobody has it. Nonsense about
    a pair concerns that pair alone. Raises TransientExchangeError where no pair of currencies at all is usable.
    """
    infos = {market_id: info if isinstance(info, dict) else {} for market_id, info in pairs.items()}
    own = {str(info.get("base")) for info in infos.values()} if asset_class == TOKENIZED else set()
    known = _named_by(client, assets)

    def code_of(name: str) -> str:
        return name if name in own else known(name)  # AAPLx, which ccxt writes AAPLX

    altnames = Counter(str(info.get("altname")) for info in infos.values())
    claims: dict[str, list[str]] = {}
    for market_id, info in infos.items():
        symbol = None if _SIDE.fullmatch(market_id) else _symbol(market_id, info, assets, code_of)
        claims.setdefault(symbol or "", []).append(market_id)
    called: dict[str, str] = {}
    refusals: dict[str, KrakenCandlesError] = {}
    for symbol, market_ids in claims.items():
        best = min(_rank(infos[each]) for each in market_ids)
        first = [each for each in market_ids if _rank(infos[each]) == best]
        if symbol and len(first) == 1:
            called[first[0]] = symbol
        elif symbol:
            refusals[symbol] = UnknownSymbolError(
                f"{symbol} is the name of {len(first)} markets, {' and '.join(first)}, and nothing tells which one is "
                f"meant: ask for one by its id, such as {first[-1]}."
            )
    markets: dict[str, Market] = {}
    for market_id, info in infos.items():
        altname = str(info.get("altname"))
        # A name that a path can carry.
        own_name = re.sub(r"[^\w.]", ".", altname if altnames[altname] == 1 and altname != "None" else market_id)
        name = called.get(market_id) or own_name
        try:
            market = replace(_checked(name, market_id, info, code_of), asset_class=asset_class)
        except BadAnswerError as error:
            refusals[name] = refusals[market_id] = error
        else:
            if market_id in called or name not in {*called.values(), *markets}:
                markets[name] = market
    if not markets and asset_class == CURRENCY:
        raise TransientExchangeError("AssetPairs: the exchange lists no pair that can be asked.")
    return Listed(tuple(markets[name] for name in sorted(markets)), refusals)


def add_tokenized(client: Any, assets: Mapping[str, Any], body: Any, listed: Listed) -> Listed:
    """Return `listed` with the tokenised assets that an answer of AssetPairs lists, which may be none.

    What was listed before keeps its names and ids, so that no name depends on whether the second list was asked for.
    """
    pairs = body.get("result") if isinstance(body, dict) else None
    if not isinstance(pairs, dict):
        raise TransientExchangeError(f"AssetPairs: the exchange did not answer with a list ({str(body)[:60]!r}…).")
    known_ids = {market.market_id for market in listed.markets} | listed.refusals.keys()
    fresh = {
        market_id: info
        for market_id, info in pairs.items()
        if market_id not in known_ids and (not isinstance(info, dict) or info.get("aclass_base") == TOKENIZED)
    }
    found = list_markets(client, assets, fresh, TOKENIZED)
    taken = {market.symbol for market in listed.markets} | listed.refusals.keys()
    added = [market for market in found.markets if market.symbol not in taken]
    refusals = {name: error for name, error in found.refusals.items() if name not in taken}
    markets = sorted([*listed.markets, *added], key=lambda market: market.symbol)
    return Listed(tuple(markets), {**refusals, **listed.refusals})


def _named_by(client: Any, assets: Mapping[str, Any]) -> Callable[[str], str]:
    for asset_id, asset in assets.items():
        altname = asset.get("altname") if isinstance(asset, dict) else None
        if asset_id and isinstance(altname, str) and altname:
            client.parse_currency({"_coin_id": asset_id, "altname": altname})  # which lets ccxt know the name
    code_of: Callable[[str], str] = client.safe_currency_code
    return code_of


def _symbol(
    market_id: str, info: Mapping[str, Any], assets: Mapping[str, Any], code_of: Callable[[str], str]
) -> str | None:
    """Return the symbol by base and quote; where these are nonsense, by what else tells it."""
    sides: Sequence[Any] = (info.get("base"), info.get("quote"))
    if not all(map(_is_name, sides)):
        sides = str(info.get("wsname")).split("/")
    if len(sides) != 2 or not all(map(_is_name, sides)):
        known = {
            *assets,
            *(str(each["altname"]) for each in assets.values() if isinstance(each, dict) and "altname" in each),
        }
        cuts = ([market_id[:at], market_id[at:]] for at in range(1, len(market_id)))
        sides = next((cut for cut in cuts if known.issuperset(cut)), [])
    return "/".join(code_of(str(side)) for side in sides) or None


def _rank(info: Mapping[str, Any]) -> tuple[bool, bool]:
    return info.get("execution_venue") not in _VENUES, not _is_name(info.get("wsname"))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _checked(name: str, market_id: str, info: Mapping[str, Any], code_of: Callable[[str], str]) -> Market:
    def refuse(key: str) -> BadAnswerError:
        said = f"{info[key]!r:.60}" if key in info else "missing"
        return BadAnswerError(
            f"{name}: in Kraken's list of pairs {key} of {market_id!r} is {said}, so it cannot be asked; try "
            "again later."
        )

    for key in ("altname", "base", "quote", "wsname", "status"):
        value = info.get(key)
        if not _is_name(value) and (value or key not in ("wsname", "status")):
            raise refuse(key)
    for key in ("pair_decimals", "lot_decimals"):
        if not _DECIMALS.fullmatch(str(info.get(key))):
            raise refuse(key)
    return Market(
        symbol=name,
        market_id=market_id,
        altname=info["altname"],
        wsname=info.get("wsname") or None,
        base=code_of(info["base"]),
        quote=code_of(info["quote"]),
        price_decimals=int(info["pair_decimals"]),
        volume_decimals=int(info["lot_decimals"]),
        status=info.get("status") or None,
    )


def find_market(listed: Listed, symbol: str) -> Market:
    """Return the market of a symbol such as BTC/USD, or of the name of one without a symbol, such as XBTUSD.d.

    Raises UnknownSymbolError, which names the nearest known ones, or the BadAnswerError of what is listed as nonsense.
    """
    by_symbol = {market.symbol: market for market in listed.markets}
    if symbol in by_symbol:
        return by_symbol[symbol]
    if symbol in listed.refusals:
        error = listed.refusals[symbol]
        raise type(error)(*error.args)
    name = spelt(listed, symbol)
    if name != symbol:
        raise UnknownSymbolError(f"Unknown symbol {symbol}: here it is called {name}.")
    pairs = [each for each in by_symbol if "/" in each] or list(by_symbol)
    near = ", ".join(near_symbols(symbol, pairs))
    raise UnknownSymbolError(f"Unknown symbol {symbol}; the nearest known ones: {near}.")


def is_unknown(listed: Listed, name: str) -> bool:
    """Whether nothing listed has exactly this name, be it a market or the reason why one cannot be asked.

    AAPLX/USD may be a currency's market, and AAPLx/USD beside it that of a tokenised stock.
    """
    names = {name for market in listed.markets for name in (market.symbol, market.market_id, market.altname)}
    return name not in names and name not in listed.refusals


def may_be_tokenized(name: str) -> bool:
    """Whether a name that no list of currencies has is written as those of tokenised assets are."""
    return _TOKENIZED_NAME.fullmatch(name) is not None


def symbol_meant(listed: Listed, asked: str) -> str:
    """Return the symbol that is asked for by itself, by a name without one, or as ccxt writes a tokenised asset's.

    Whoever asks for another market by its id is told its symbol by `find_market`.
    """
    if "/" not in asked:
        name = spelt(listed, asked)
        return asked if "/" in name else name
    symbols = {market.symbol for market in listed.markets}
    if asked in symbols or asked in listed.refusals:
        return asked
    tokenized = {market.symbol for market in listed.markets if market.asset_class == TOKENIZED}
    same = [name for name in tokenized | listed.refusals.keys() if name.upper() == asked]
    return same[0] if len(same) == 1 else asked


def unlisted(listed: Listed, symbol: str) -> UnknownSymbolError | BadAnswerError | None:
    """Return what `find_market` would raise, None for a symbol that it finds."""
    try:
        find_market(listed, symbol)
    except (UnknownSymbolError, BadAnswerError) as error:
        return error
    return None


def spelt(listed: Listed, name: str) -> str:
    """Return the symbol of what Kraken calls so, by id, altname or wsname; the name itself where nothing is.

    A name that is written just so goes before one in other capitals.
    """
    for market in listed.markets:
        if name in (market.symbol, market.market_id, market.altname, market.wsname):
            return market.symbol
    for market in listed.markets:
        if name.upper() in (market.symbol.upper(), market.market_id.upper(), market.altname.upper(), market.wsname):
            return market.symbol
    return name


@dataclass(frozen=True)
class Seen:
    """The newest status that is written down, and when it was last seen so (naive UTC)."""

    asset_class: str
    status: str | None
    last_seen_at: datetime


def seen_of(statuses: Iterable[Sequence[Any]], markets: Iterable[Sequence[Any]]) -> dict[str, Seen]:
    """Return by symbol what is known of its status.

    `statuses` are (symbol, asset class, status, seen at), ascending by time; `markets` (symbol, status, fetched at) as
    each was listed last. A list that says another status than was written down proves nothing of that one.
    """
    newest = {symbol: (asset_class, status, seen_at) for symbol, asset_class, status, seen_at in statuses}
    listed = {symbol: (status, fetched_at) for symbol, status, fetched_at in markets if symbol in newest}
    asked: dict[str, datetime] = {}  # when each class was listed last
    for symbol, (_, fetched_at) in listed.items():
        asset_class = newest[symbol][0]
        asked[asset_class] = max(fetched_at, asked.get(asset_class, fetched_at))
    found = {}
    for symbol, (asset_class, status, seen_at) in newest.items():
        last_status, last_at = listed.get(symbol, (None, seen_at))
        if symbol == EXCHANGE or status == DELISTED:
            last_status, last_at = status, asked.get(asset_class, seen_at)
        found[symbol] = Seen(asset_class, status, max(seen_at, last_at) if last_status == status else seen_at)
    return found


def changed_statuses(
    known: Mapping[str, Seen], listed: Listed, exchange_status: str | None, seen_at: datetime
) -> list[dict[str, Any]]:
    """Return the rows of `kraken_raw.market_statuses` for what is not as it is known; `seen_at` is naive UTC.

    A market that is missing in a list of its class is delisted; one of which nonsense is listed stays as it was.
    """
    classes = {market.asset_class for market in listed.markets}
    now = {market.symbol: (market.asset_class, market.status) for market in listed.markets}
    for symbol, seen in known.items():
        if symbol not in now and symbol not in listed.refusals and seen.asset_class in classes:
            now[symbol] = (seen.asset_class, DELISTED)
    now[EXCHANGE] = (CURRENCY, exchange_status)
    return [
        {
            "symbol": symbol,
            "asset_class": asset_class,
            "status": status,
            "seen_at": seen_at,
            "previous_seen_at": known[symbol].last_seen_at if symbol in known else None,
        }
        for symbol, (asset_class, status) in now.items()
        if symbol not in known or known[symbol].status != status
    ]
