"""One trade as the exchange knows it, and how its time is shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from dlt_pipeline.exchange.json_text import RawNumber

NS_DIGITS = 9


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
