"""Candles from trades, by the plainest loop there is: what the SQL is checked against must not share its ideas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal, localcontext

from dlt_pipeline.exchange.trade import ExchangeTrade, displayed_ns

# Volumes of 19 digits times prices of 11, summed over a day, stay exact; a quotient is cut, never rounded up.
EXACT = Context(prec=80, rounding=ROUND_DOWN)
ZERO = Decimal(0)


@dataclass
class Candle:
    """One bucket with at least one trade."""

    start: int
    """Bucket's start, seconds since the epoch."""
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    """Base."""
    quote_volume: Decimal = ZERO
    count: int = 0

    @property
    def vwap(self) -> Decimal:
        """Quote volume through base volume, cut far behind the last digit shown; 0 without volume."""
        return EXACT.divide(self.quote_volume, self.volume) if self.volume else ZERO


def candles(trades: Iterable[ExchangeTrade], seconds: int) -> list[Candle]:
    """Candles of `seconds` length from trades in ascending order; buckets without a trade are left out.

    A trade belongs to the bucket of the time it shows, floor(time / seconds) * seconds from the epoch, as Kraken's
    own candles have it.
    """
    found: list[Candle] = []
    with localcontext(EXACT):
        for trade in trades:
            start = displayed_ns(trade) // (seconds * 10**9) * seconds
            price, volume = Decimal(trade.price), Decimal(trade.volume)
            if not found or found[-1].start != start:
                found.append(Candle(start, price, price, price, price))
            candle = found[-1]
            candle.high = max(candle.high, price)
            candle.low = min(candle.low, price)
            candle.close = price
            candle.volume += volume
            candle.quote_volume += price * volume
            candle.count += 1
    return found
