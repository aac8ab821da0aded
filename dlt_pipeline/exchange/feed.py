"""What the server needs of a feed, whether invented or recorded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from dlt_pipeline.common.exceptions import UnknownMarketError
from dlt_pipeline.exchange.clock import Clock
from dlt_pipeline.exchange.market import Market, build_assets
from dlt_pipeline.exchange.trade import ExchangeTrade, TradeSeries


class RecordedCandles(NamedTuple):
    """A recorded OHLC answer."""

    rows: list[list[Any]]
    """Ascending; each begins with its bucket's start in seconds."""
    last: int
    """Start of the newest committed candle when it was recorded, seconds."""


class Feed(ABC):
    """Markets and their trades."""

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
