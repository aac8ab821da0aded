"""The history of statuses: a row whenever that of a market, or of the exchange itself, was seen to change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dlt_pipeline.kraken.markets import CURRENCY, Listed

# In place of a symbol where the status is the exchange's own.
EXCHANGE: Final = ""
# Our word for a market that Kraken's list has no more.
DELISTED: Final = "delisted"


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
