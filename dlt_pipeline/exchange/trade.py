"""Trades with the digits they came with, all trades of a market in order, and the candles of trades."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal, localcontext
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any, NamedTuple

from dlt_pipeline.common.exceptions import RecordingError

NS_DIGITS = 9
# Volumes of 19 digits times prices of 11, summed over a day, stay exact; a quotient is cut, never rounded up.
EXACT = Context(prec=80, rounding=ROUND_DOWN)
ZERO = Decimal(0)


class RawNumber(str):
    """A number's text; it goes out without quotes, digit for digit."""

    __slots__ = ()


def dump_json(value: Any) -> str:
    """JSON text of dicts, lists, strings and numbers, as compact as Kraken's."""
    kind = type(value)
    # The exact types first: a page is 7,000 of them.
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is RawNumber:
        return str(value)
    if kind is int:
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([dump_json(item) for item in value]) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join([f"{json.dumps(str(key))}:{dump_json(item)}" for key, item in value.items()]) + "}"
    return json.dumps(value)


def load_json(text: str) -> Any:
    """The JSON value with every fractional number as a RawNumber; raises json.JSONDecodeError."""
    return json.loads(text, parse_float=RawNumber)


def load_json_file(path: Path) -> Any:
    """`load_json` of a UTF-8 file."""
    return load_json(path.read_text(encoding="utf-8"))


class ExchangeTrade(NamedTuple):
    """A trade; the texts go out on the wire exactly as they stand here."""

    trade_id: int | None
    """Sequence number of the pair; None in recordings from before Kraken published it."""
    time_ns: int
    """True time, nanoseconds since the epoch, UTC: what `since` and `last` speak of."""
    time_text: str
    """The time as shown in a row, seconds since the epoch."""
    price: str
    """Quote per base."""
    volume: str
    """Base."""
    side: str
    """`b` or `s`."""
    order_type: str
    """`m` or `l`."""
    misc: str

    def row(self) -> list[Any]:
        """The row of a Trades answer: seven items, six where there is no id."""
        row: list[Any] = [self.price, self.volume, RawNumber(self.time_text), self.side, self.order_type, self.misc]
        return row if self.trade_id is None else [*row, self.trade_id]


def shown_time(time_ns: int) -> str:
    """The text Kraken shows for a true time: the float64 of its seconds with 7 decimals, trailing zeros dropped.

    A float64 of today's seconds steps by 238 ns, so the text is off by up to 119 ns and can round up past a second.
    """
    # int / int is rounded once; time_ns / 1e9 would be rounded twice.
    return f"{time_ns / 10**9:.7f}".rstrip("0").rstrip(".")


def text_to_ns(seconds: str) -> int:
    """Nanoseconds of a text of seconds, exact to the nanosecond and cut below it."""
    whole, _, fraction = seconds.partition(".")
    if whole.isdigit() and (not fraction or fraction.isdigit()):
        return int(whole + fraction[:NS_DIGITS].ljust(NS_DIGITS, "0"))
    return int(Decimal(seconds).scaleb(NS_DIGITS))


def displayed_ns(trade: ExchangeTrade) -> int:
    """Nanoseconds since the epoch of the time that the row shows: candles are made by this one."""
    return text_to_ns(trade.time_text)


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
