"""The public methods as plain functions from a query to a result: HTTP, limits and faults are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any, NamedTuple

from dlt_pipeline.exchange.clock import Clock, to_datetime
from dlt_pipeline.exchange.errors import (
    INVALID_ARGUMENTS,
    UNKNOWN_ASSET,
    UNKNOWN_ASSET_PAIR,
    UNKNOWN_METHOD,
    KrakenError,
)
from dlt_pipeline.exchange.feed import Feed
from dlt_pipeline.exchange.market import Market
from dlt_pipeline.exchange.ohlc import INTERVALS, CandleBook, recorded_rows
from dlt_pipeline.exchange.trade_pages import parse_count, since_to_ns, trade_page

Query = Mapping[str, str]
Result = dict[str, Any]


class Answer(NamedTuple):
    """A result, and which of the ids to hide it would have held."""

    result: Result
    left_out: frozenset[int] = frozenset()


class PublicApi:
    """Kraken's public endpoints over a feed."""

    def __init__(self, feed: Feed, clock: Clock, *, since_inclusive: bool = False) -> None:
        """`since_inclusive` says whether a trade at exactly `since` is on the page."""
        self.feed = feed
        self.clock = clock
        self._since_inclusive = since_inclusive
        self._books: dict[tuple[str, int], CandleBook] = {}
        self._methods: dict[str, Callable[[Query], Result]] = {
            "AssetPairs": self._asset_pairs,
            "Assets": self._assets,
            "OHLC": self._ohlc,
            "SystemStatus": self._system_status,
            "Time": self._time,
        }

    def answer(self, method: str, query: Query, hidden: Collection[int] = ()) -> Answer:
        """The `result` of a call; `hidden` are trade ids to leave out. Raises KrakenError."""
        if method == "Trades":
            return self._trades(query, hidden)
        if method not in self._methods:
            raise KrakenError(UNKNOWN_METHOD)
        return Answer(self._methods[method](query))

    def _trades(self, query: Query, hidden: Collection[int]) -> Answer:
        market, now_ns = self._market(query), self.clock.now_ns()
        count = parse_count(query.get("count"))
        series = self.feed.series(market, now_ns)
        page = trade_page(
            series, now_ns, query.get("since"), count, since_inclusive=self._since_inclusive, hidden=hidden
        )
        return Answer({market.key: [trade.row() for trade in page.trades], "last": page.last}, page.left_out)

    def _ohlc(self, query: Query) -> Result:
        market, now_ns = self._market(query), self.clock.now_ns()
        interval = query.get("interval", "1")
        if interval not in map(str, INTERVALS):
            raise KrakenError(INVALID_ARGUMENTS)
        minutes = int(interval)
        recorded = self.feed.recorded_candles(market, minutes)
        if recorded:
            rows, last = recorded_rows(recorded, minutes, now_ns)
        else:
            series = self.feed.series(market, now_ns)
            book = self._books.setdefault((market.key, minutes), CandleBook(series, minutes, market.pair_decimals))
            rows, last = book.rows(now_ns)
        if "since" in query:
            since_ns = since_to_ns(query["since"])
            rows = [row for row in rows if row[0] * 10**9 > since_ns]
        return {market.key: rows, "last": last}

    def _asset_pairs(self, query: Query) -> Result:
        markets = self.feed.markets
        if "pair" in query:
            markets = [self._find(pair) for pair in query["pair"].split(",")]
        return {market.key: market.listing for market in markets}

    def _assets(self, query: Query) -> Result:
        assets = self.feed.assets()
        if "asset" not in query:
            return assets
        names = query["asset"].split(",")
        chosen = {key: asset for key, asset in assets.items() if key in names or asset["altname"] in names}
        if not chosen:
            raise KrakenError(UNKNOWN_ASSET)
        return chosen

    def _time(self, _: Query) -> Result:
        now_ns = self.clock.now_ns()
        return {"unixtime": now_ns // 10**9, "rfc1123": kraken_date(to_datetime(now_ns))}

    def _system_status(self, _: Query) -> Result:
        return {"status": "online", "timestamp": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")}

    def _market(self, query: Query) -> Market:
        if not query.get("pair"):
            raise KrakenError(INVALID_ARGUMENTS)
        return self._find(query["pair"])

    def _find(self, pair: str) -> Market:
        market = self.feed.find_market(pair)
        if market is None:
            raise KrakenError(UNKNOWN_ASSET_PAIR)
        return market


def kraken_date(moment: datetime) -> str:
    """`Thu, 06 Jul 23 18:50:48 +0000`: what Kraken calls rfc1123 has a year of two digits."""
    text = format_datetime(moment)
    return text[:12] + text[14:]
