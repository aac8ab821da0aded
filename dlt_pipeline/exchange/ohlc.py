"""The OHLC answer: at most 720 rows, flat where nothing traded, the newest one still open."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from typing import Any

from dlt_pipeline.exchange.candle_loop import EXACT, ZERO, Candle, candles
from dlt_pipeline.exchange.feed import RecordedCandles
from dlt_pipeline.exchange.series import TradeSeries

NS = 10**9
INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
MAX_ROWS = 720
VOLUME_DECIMALS = 8
Row = list[Any]


class CandleBook:
    """A market's candles of one interval; closed ones are made once and kept."""

    def __init__(self, series: TradeSeries, minutes: int, pair_decimals: int) -> None:
        """`minutes` is one of INTERVALS, `pair_decimals` the digits of its prices."""
        self._series = series
        self._seconds = minutes * 60
        self._decimals = pair_decimals
        self._closed: list[Candle] = []
        self._starts: list[int] = []
        self._consumed = 0

    def rows(self, now_ns: int) -> tuple[list[Row], int]:
        """The newest rows at `now_ns` (ns), and the start in seconds of the newest committed one."""
        open_start = now_ns // (self._seconds * NS) * self._seconds
        self._close_up_to(open_start)
        known = bisect_left(self._starts, open_start)
        current = self._open_candle(open_start, now_ns)
        if not known and not current:
            return [], open_start - self._seconds
        listed = self._starts[0] if known else open_start
        first = max(listed, open_start - (MAX_ROWS - 1) * self._seconds)
        index = bisect_left(self._starts, first)
        by_start = {candle.start: candle for candle in [*self._closed[index:known], *current]}
        close = self._closed[index - 1].close if index else ZERO
        rows = []
        for start in range(first, open_start + 1, self._seconds):
            candle = by_start.get(start) or Candle(start, close, close, close, close)
            close = candle.close
            rows.append(self._row(candle))
        return rows, open_start - self._seconds

    def _close_up_to(self, open_start: int) -> None:
        """Make the candles of the buckets that have ended; a clock set back later finds them still true."""
        end = bisect_left(self._series.shown_ns, open_start * NS)
        if end > self._consumed:
            fresh = candles(self._series.trades[self._consumed : end], self._seconds)
            self._closed += fresh
            self._starts += [candle.start for candle in fresh]
            self._consumed = end

    def _open_candle(self, open_start: int, now_ns: int) -> list[Candle]:
        begin = bisect_left(self._series.shown_ns, open_start * NS)
        # A trade can have happened by now and still be shown in the bucket that comes next.
        end = min(self._series.visible(now_ns), bisect_left(self._series.shown_ns, (open_start + self._seconds) * NS))
        return candles(self._series.trades[begin:end], self._seconds)

    def _row(self, candle: Candle) -> Row:
        prices = [candle.open, candle.high, candle.low, candle.close, candle.vwap]
        texts = [cut_text(price, self._decimals) for price in prices]
        return [candle.start, *texts, cut_text(candle.volume, VOLUME_DECIMALS), candle.count]


def cut_text(value: Decimal, decimals: int) -> str:
    """The value with so many decimals, cut and not rounded: Kraken cuts the vwap, and prices fit anyway."""
    return f"{value.quantize(Decimal(1).scaleb(-decimals), context=EXACT):f}"


def recorded_rows(recorded: RecordedCandles, minutes: int, now_ns: int) -> tuple[list[Row], int]:
    """The newest recorded rows at `now_ns` (ns), untouched, and the start in seconds of the newest committed one.

    A later clock does not commit the row that was open when it was recorded: nobody saw its end.
    """
    seconds = minutes * 60
    open_start = now_ns // (seconds * NS) * seconds
    rows = [row for row in recorded.rows if row[0] <= open_start]
    return rows[-MAX_ROWS:], min(recorded.last, open_start - seconds)
