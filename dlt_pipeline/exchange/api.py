"""The exchange's public methods, as Kraken answers and limits them: pages of trades, candles, markets, the time."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Hashable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from email.utils import format_datetime
from typing import Any, NamedTuple

from dlt_pipeline.exchange.clock import Clock, to_datetime
from dlt_pipeline.exchange.market import CURRENCY, Feed, Market, RecordedCandles
from dlt_pipeline.exchange.trade import EXACT, ZERO, Candle, ExchangeTrade, TradeSeries, candles

MAX_COUNT = 1000
# Kraken takes `since` in seconds and in nanoseconds. As seconds this is the year 5138, as nanoseconds a moment of
# 1970; a stamp in milliseconds counts as nanoseconds and so begins at the first trade, as it does at Kraken.
SECONDS_BELOW = 10**11
NS = 10**9
INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
MAX_ROWS = 720
VOLUME_DECIMALS = 8
INVALID_ARGUMENTS = "EGeneral:Invalid arguments"
RATE_LIMIT_EXCEEDED = "EAPI:Rate limit exceeded"
UNKNOWN_ASSET = "EQuery:Unknown asset"
UNKNOWN_ASSET_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_METHOD = "EGeneral:Unknown method"
# A few calls at once are let through; then one call in `seconds_per_call`.
BURST = 3
# A start asks for the time, the assets and the markets at once, and several clients may start together.
GENEROUS_BURST = 15
GENEROUS_FACTOR = 0.2
Row = list[Any]
Query = Mapping[str, str]
Result = dict[str, Any]


class KrakenError(Exception):
    """An answer in Kraken's own words, such as `EQuery:Unknown asset pair`; sent with HTTP 200, as Kraken does."""


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
        self.status = "online"
        self.changed: dict[str, dict[str, Any]] = {}  # by key, what a market says in place of its listing
        self.delisted: set[str] = set()  # keys
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
        wanted = query.get("aclass_base", CURRENCY)
        markets = [market for market in self.feed.all_markets if market.asset_class == wanted]
        if "pair" in query:
            markets = [self._find(pair, wanted) for pair in query["pair"].split(",")]
        listed = [market for market in markets if market.key not in self.delisted]
        return {market.key: dict(market.listing) | self.changed.get(market.key, {}) for market in listed}

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
        return {"status": self.status, "timestamp": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")}

    def _market(self, query: Query) -> Market:
        if not query.get("pair"):
            raise KrakenError(INVALID_ARGUMENTS)
        return self._find(query["pair"], query.get("asset_class", CURRENCY))

    def _find(self, pair: str, asset_class: str) -> Market:
        market = self.feed.find_market(pair)
        if market is None or market.asset_class != asset_class or market.key in self.delisted:
            raise KrakenError(UNKNOWN_ASSET_PAIR)
        return market


def kraken_date(moment: datetime) -> str:
    """`Thu, 06 Jul 23 18:50:48 +0000`: what Kraken calls rfc1123 has a year of two digits."""
    text = format_datetime(moment)
    return text[:12] + text[14:]


class RateLimiter:
    """Tokens that grow back with real time: one in `seconds_per_call` seconds, `burst` at most."""

    def __init__(self, seconds_per_call: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        """`seconds_per_call` 0 means no limit; `now` gives seconds."""
        self._seconds_per_call = seconds_per_call
        self._burst = burst
        self._now = now
        self._tokens: dict[Hashable, tuple[float, float]] = {}

    def allows(self, caller: Hashable) -> bool:
        """Whether this call may pass; a call that may not costs nothing."""
        if self._seconds_per_call <= 0:
            return True
        now = self._now()
        tokens, seen = self._tokens.get(caller, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - seen) / self._seconds_per_call)
        allowed = tokens >= 1
        self._tokens[caller] = (tokens - 1 if allowed else tokens, now)
        return allowed


class KrakenLimits:
    """Both limits of the public endpoints."""

    def __init__(self, seconds_per_call: float, now: Callable[[], float] = time.monotonic) -> None:
        """`seconds_per_call` is that of Trades and OHLC; 0 means no limit at all."""
        self._by_pair = RateLimiter(seconds_per_call, BURST, now)
        self._by_ip = RateLimiter(seconds_per_call * GENEROUS_FACTOR, GENEROUS_BURST, now)

    def allows(self, ip: str, method: str, pair: str | None) -> bool:
        """Whether a call of this address to a method, for a pair's key, may pass."""
        if method in ("Trades", "OHLC"):
            return self._by_pair.allows((ip, pair))
        return self._by_ip.allows(ip)
