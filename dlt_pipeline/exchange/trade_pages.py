"""A page of the Trades answer: which trades it holds, and which `last` it gives."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from dlt_pipeline.exchange.errors import INVALID_ARGUMENTS, KrakenError
from dlt_pipeline.exchange.series import TradeSeries
from dlt_pipeline.exchange.trade import ExchangeTrade

MAX_COUNT = 1000
# Kraken takes `since` in seconds and in nanoseconds. As seconds this is the year 5138, as nanoseconds a moment of
# 1970; a stamp in milliseconds counts as nanoseconds and so begins at the first trade, as it does at Kraken.
SECONDS_BELOW = 10**11


class TradePage(NamedTuple):
    """One page."""

    trades: list[ExchangeTrade]
    last: str
    """Nanoseconds of the last trade as text; on an empty page the `since` that was asked."""
    left_out: frozenset[int]
    """Ids that belong on the page and were hidden."""


def since_to_ns(since: str) -> int:
    """Nanoseconds of a `since` in seconds or nanoseconds; raises KrakenError where it is no number."""
    try:
        value = Decimal(since)
        return int(value * 10**9) if value < SECONDS_BELOW else int(value)
    except (InvalidOperation, ValueError, OverflowError):
        raise KrakenError(INVALID_ARGUMENTS) from None


def parse_count(count: str | None) -> int:
    """`count` of a request, 1 to 1000 (1000 where it is missing); raises KrakenError."""
    if count is None:
        return MAX_COUNT
    if not (count.isascii() and count.isdigit() and 1 <= int(count) <= MAX_COUNT):
        raise KrakenError(INVALID_ARGUMENTS)
    return int(count)


def trade_page(
    series: TradeSeries,
    now_ns: int,
    since: str | None,
    count: int,
    *,
    since_inclusive: bool = False,
    hidden: Collection[int] = (),
) -> TradePage:
    """The page of at most `count` trades after `since`, or the newest ones where `since` is None.

    Only trades up to `now_ns` (true time, ns) exist. Hidden ids are passed over and the page is filled up behind
    them, so a hole does not look like the head.
    """
    end = series.visible(now_ns)
    if since is None:
        begin = max(0, end - count)
    else:
        bisect = bisect_left if since_inclusive else bisect_right
        begin = min(end, bisect(series.times_ns, since_to_ns(since)))
    trades: list[ExchangeTrade] = []
    left_out: set[int] = set()
    while begin < end and len(trades) < count:
        part = series.trades[begin : min(end, begin + count - len(trades))]
        begin += len(part)
        if hidden:
            left_out |= {trade.trade_id for trade in part if trade.trade_id is not None and trade.trade_id in hidden}
            part = [trade for trade in part if trade.trade_id not in hidden]
        trades += part
    last = str(trades[-1].time_ns) if trades else since or "0"
    return TradePage(trades, last, frozenset(left_out))
