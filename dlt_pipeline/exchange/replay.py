"""The recorded feed: real answers of Kraken, cut into pages anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlt_pipeline.exchange.asset_names import build_assets, short_code, split_key
from dlt_pipeline.exchange.clock import NS, Clock
from dlt_pipeline.exchange.errors import RecordingError
from dlt_pipeline.exchange.feed import Feed, RecordedCandles
from dlt_pipeline.exchange.market import Market, build_listing, market_from_listing
from dlt_pipeline.exchange.recorded_trades import join_pages
from dlt_pipeline.exchange.recording import read_recording
from dlt_pipeline.exchange.series import TradeSeries
from dlt_pipeline.exchange.trade import ExchangeTrade


class ReplayFeed(Feed):
    """Markets and trades from one or several folders of recorded answers.

    Only pairs with recorded trades are traded; a listing that is missing is derived from the pair's name and prices.
    """

    def __init__(self, *folders: Path | str) -> None:
        """Read the folders; raises RecordingError, in a sentence, where they cannot be replayed."""
        if not folders:
            raise RecordingError("a replay needs at least one folder of recorded answers")
        recording = read_recording([Path(folder) for folder in folders])
        self._candles = recording.candles
        self._series: dict[str, TradeSeries] = {}
        markets = []
        for key, pages in recording.pages.items():
            trades = join_pages(pages)
            self._series[key] = TradeSeries(key)
            self._series[key].extend(trades)
            markets.append(market_from_listing(key, recording.listings.get(key) or derive_listing(key, trades)))
        super().__init__(markets)
        self._assets = {**build_assets(markets), **recording.assets}

    def series(self, market: Market, up_to_ns: int) -> TradeSeries:  # noqa: ARG002  (all of it is there already)
        """The market's whole recording."""
        return self._series[market.key]

    def assets(self) -> dict[str, Any]:
        """Recorded assets, and derived ones where the recording does not name them."""
        return self._assets

    def recorded_candles(self, market: Market, minutes: int) -> RecordedCandles | None:
        """The recorded OHLC answer of this interval, where there is one."""
        return self._candles.get((market.key, minutes))

    def default_clock(self) -> Clock:
        """Frozen one second after the recording's end: the newest trade, or the start of the open OHLC row."""
        ends = [series.times_ns[-1] for series in self._series.values()]
        ends += [recorded.rows[-1][0] * NS for recorded in self._candles.values() if recorded.rows]
        return Clock.at_ns(max(ends) + NS)


def derive_listing(key: str, trades: list[ExchangeTrade]) -> dict[str, Any]:
    """An AssetPairs entry from a pair's key and its prices; raises RecordingError where the name tells no quote.

    The pair's decimals are the most that any price uses: a Trades answer pads prices with zeros.
    """
    base, quote = split_key(key)
    decimals = max(len(trade.price.partition(".")[2].rstrip("0")) for trade in trades)
    return build_listing(f"{short_code(base)}/{short_code(quote)}", base, quote, decimals)
