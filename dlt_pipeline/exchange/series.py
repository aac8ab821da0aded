"""A market's trades in order, with the two times to search by."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from dlt_pipeline.exchange.errors import RecordingError
from dlt_pipeline.exchange.trade import ExchangeTrade, displayed_ns


class TradeSeries:
    """Trades in ascending order; it only ever grows at its end, so an index stays true."""

    def __init__(self, key: str) -> None:
        """Empty; `key` is the market's, for messages."""
        self._key = key
        self.trades: list[ExchangeTrade] = []
        self.times_ns: list[int] = []
        """True times, ns."""
        self.shown_ns: list[int] = []
        """Displayed times, ns."""

    def extend(self, trades: Iterable[ExchangeTrade]) -> None:
        """Add trades that follow those already there; raises RecordingError where time runs back."""
        for trade in trades:
            shown = displayed_ns(trade)
            if self.trades and (trade.time_ns < self.times_ns[-1] or shown < self.shown_ns[-1]):
                raise RecordingError(
                    f"{self._key}: the trade at {trade.time_text} follows one at {self.trades[-1].time_text}; "
                    "recorded pages must ascend in time"
                )
            self.trades.append(trade)
            self.times_ns.append(trade.time_ns)
            self.shown_ns.append(shown)

    def visible(self, now_ns: int) -> int:
        """How many trades have happened by `now_ns` (true time, ns)."""
        return bisect_right(self.times_ns, now_ns)
