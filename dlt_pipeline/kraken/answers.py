"""Kraken's answers of trades and candles, checked strictly: what does not fit is named, nothing is rounded."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from itertools import repeat
from operator import attrgetter, le, lt
from typing import Any, Final, NamedTuple

from dlt_pipeline.common.exceptions import BadAnswerError, InexactValueError, TransientExchangeError
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.kraken.settings import FUTURE_TOLERANCE_NS, NS_PER_SECOND, SINCE_TOLERANCE_NS

# Kraken opened on 2013-09-10 (UTC): what is stamped earlier is a zero, or another exchange's.
OPENED_SECONDS: Final = 1_378_771_200
LATEST_SECONDS: Final = 9_000_000_000  # their ns still fit 64 bits; in milliseconds, of April 1970
# Far beyond any trade, so that sums fit DECIMAL(38, 12) as the values do.
HIGHEST: Final = Decimal(10) ** 17
HIGHEST_WHOLE: Final = 2**63 - 1
SIDES: Final = {"b": "buy", "buy": "buy", "s": "sell", "sell": "sell"}
ORDER_TYPES: Final = {"m": "market", "market": "market", "l": "limit", "limit": "limit"}
_EXACT: Final = re.compile(r"\d{1,26}(?:\.\d{1,12}0*)?", re.ASCII)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,9})?", re.ASCII)
_TIME: Final = re.compile(r"(\d{1,10})(?:\.(\d{1,9}))?", re.ASCII)
# Trades as nearly all of them are, their items joined by commas: price above 0, both numbers below HIGHEST, seconds of
# ten digits, no half a character.
_PLAIN: Final = re.compile(
    r"(?:(?![0.]+,)\d{1,17}(?:\.\d{1,12})?,\d{1,17}(?:\.\d{1,12})?,\d{10}(?:\.\d{1,9})?,[bs],[ml],"
    "[^,\n\ud800-\udfff]*,\\d{1,18}\n)*",
    re.ASCII,
)
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_INTEGER: Final = re.compile(r"\d{1,19}", re.ASCII)
# `last` is the last trade's exact stamp: further from the displayed time than this, it is another trade's.
_LAST_TOLERANCE_NS: Final = 1_000_000
_SHOWN: Final = 60


def time_flaw(seconds: int | Decimal) -> str | None:
    """Return why Unix seconds cannot be a trade's time, None where they can; of a candle ask for its last second."""
    if seconds < OPENED_SECONDS:
        return "lies before 2013-09-10, when Kraken opened"
    return "is not in seconds, rather in milliseconds or finer" if seconds >= LATEST_SECONDS else None


def price_flaw(price: Decimal) -> str | None:
    """Return why a number cannot be a price (quote currency), None where it can."""
    if price <= 0:
        return "is not above 0"
    return "is too large to be one" if price >= HIGHEST else None


def volume_flaw(volume: Decimal) -> str | None:
    """Return why a number cannot be a trade's volume (base currency), None where it can, as 0 can."""
    if volume < 0:
        return "is negative"
    return "is too large to be one" if volume >= HIGHEST else None


class TradeRow(NamedTuple):
    """One trade: `trade_id` is 0 where Kraken gave none, `time_ns` the displayed time; price and volume are text.

    `more_items` is JSON text of items beyond the seven known ones, numbers as text; None: there were none.
    """

    trade_id: int
    time_ns: int
    price: str
    volume: str
    side: str
    order_type: str
    misc: str
    more_items: str | None = None


# Fields of many rows at once, without a line of Python for each.
TRADE_ID: Final = attrgetter("trade_id")
TIME_NS: Final = attrgetter("time_ns")
_TRADE_ROW: Final = partial(tuple.__new__, TradeRow)  # of all eight values


@dataclass(frozen=True)
class TradePage:
    """A checked answer: its rows, Kraken's `last` (ns) if it came, the exchange's own time (ns) of answering."""

    rows: tuple[TradeRow, ...]
    last: int | None
    exchange_ns: int

    @cached_property
    def has_all_ids(self) -> bool:
        """Whether each of its trades has an id."""
        return all(map(TRADE_ID, self.rows))

    @cached_property
    def times(self) -> tuple[int, ...]:
        """Their displayed times (ns)."""
        return tuple(map(TIME_NS, self.rows))

    @property
    def highest_id(self) -> int:
        """The highest trade id that it shows; 0 where it shows none."""
        return max((row.trade_id for row in self.rows), default=0)


def _shown(value: Any) -> str:
    """Return a value of an answer as a sentence can show it: an answer may be as long as it likes."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def check_number(text: Any, what: str, where: str) -> str:
    """Return the text of a price or volume, or raise: it must fit DECIMAL(38, 12) without rounding.

    A number in scientific notation is returned in plain digits.
    """
    if isinstance(text, str):
        if _EXACT.fullmatch(text):
            return text
        if _NUMBER.fullmatch(text):
            value = Decimal(text)
            if not value:
                return "0"
            if -12 <= value.adjusted() <= 25:  # written out, an exponent may be as long as it likes
                plain = f"{value:f}"
                if _EXACT.fullmatch(plain):
                    return plain
            raise InexactValueError(
                f"{where}: {what} {text[:_SHOWN]} does not fit DECIMAL(38, 12) and is not rounded; "
                "nothing of this answer was kept. Please report the pair."
            )
    raise BadAnswerError(f"{where}: {what} {_shown(text)} is not a decimal number in text.")


def time_to_ns(text: Any, where: str) -> int:
    """Turn Unix seconds with up to 9 decimals, as text, into integer nanoseconds, exactly."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise BadAnswerError(f"{where}: the time {_shown(text)} is not Unix seconds.")
    return int(match[1]) * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


def check_integer(text: Any, what: str, where: str) -> int:
    """Return a whole number of 64 bits that came as text; BadAnswerError for anything else."""
    if isinstance(text, str) and _INTEGER.fullmatch(text) and int(text) <= HIGHEST_WHOLE:
        return int(text)
    raise BadAnswerError(f"{where}: {what} {_shown(text)} is not a whole number.")


def result_of(body: Any, market_id: str, where: str) -> tuple[list[Any], Any]:
    """Return (rows, last) of an answer `{"error": [], "result": {market_id: rows, "last": …}}`, or raise."""
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, dict):
        raise BadAnswerError(f"{where}: the answer has no result: {str(body)[:120]!r}.")
    keys = [key for key in result if key != "last"]
    if keys != [market_id]:
        raise BadAnswerError(f"{where}: the answer is about {keys}, not about {market_id}.")
    rows = result[market_id]
    if not isinstance(rows, list):
        raise BadAnswerError(f"{where}: the result is not a list of rows.")
    return rows, result.get("last")


def _row(item: Any, where: str) -> TradeRow:
    if not isinstance(item, list) or len(item) < 6:
        raise BadAnswerError(f"{where}: a trade is not a list of 6 items or more: {str(item)[:120]}.")
    price, volume, time, side, order_type, misc = item[:6]
    are_texts = all(isinstance(text, str) for text in (side, order_type, misc))
    if not are_texts or side not in SIDES or order_type not in ORDER_TYPES or _HALF_CHARACTER.search(misc):
        raise BadAnswerError(f"{where}: side, order type or misc of a trade is unknown: {str(item)[:120]}.")
    row = TradeRow(
        trade_id=check_integer(item[6], "the trade id", where) if len(item) > 6 else 0,
        time_ns=time_to_ns(time, where),
        price=check_number(price, "the price", where),
        volume=check_number(volume, "the volume", where),
        side=SIDES[side],
        order_type=ORDER_TYPES[order_type],
        misc=misc,
        more_items=json.dumps(item[7:]) if len(item) > 7 else None,
    )
    for what, shown, flaw in (
        ("time", time, time_flaw(row.time_ns // NS_PER_SECOND)),
        ("price", price, price_flaw(Decimal(row.price))),
        ("volume", volume, volume_flaw(Decimal(row.volume))),
    ):
        if flaw:
            raise BadAnswerError(f"{where}: the {what} {shown} of a trade {flaw}: {str(item)[:120]}.")
    return row


def _plain_rows(items: list[Any]) -> tuple[TradeRow, ...] | None:
    """Return what `_row` makes of each trade, checked all at once; None where one wants the closer look.

    It takes a tenth of the time, for a page of a thousand trades is then a few calls and not a thousand.
    """
    if {*map(type, items)} != {list} or {*map(len, items)} != {7}:
        return None
    try:
        text = "\n".join(map(",".join, items))
    except TypeError:
        return None
    if not _PLAIN.fullmatch(f"{text}\n") or text.count("\n") + 1 != len(items):
        return None
    prices, volumes, times, sides, order_types, miscs, ids = zip(*items, strict=True)
    digits = "\n".join(times).replace(".", "").split("\n")
    times_ns = [*map(int, map(str.ljust, digits, repeat(19), repeat("0")))]
    if min(times_ns) < OPENED_SECONDS * NS_PER_SECOND or max(times_ns) >= LATEST_SECONDS * NS_PER_SECOND:
        return None
    found = (map(int, ids), times_ns, prices, volumes, map(SIDES.get, sides), map(ORDER_TYPES.get, order_types), miscs)
    return tuple(map(_TRADE_ROW, zip(*found, repeat(None), strict=False)))


def _ascends(rows: tuple[TradeRow, ...], from_ns: int, to_ns: int) -> bool:
    """Whether all trades have ids, which rise, and times that never step back, from `from_ns` to `to_ns` inclusive."""
    if not rows:
        return True
    ids, times, *_ = zip(*rows, strict=True)
    return (
        ids[0] > 0
        and from_ns <= times[0]
        and times[-1] <= to_ns
        and all(map(lt, ids, ids[1:]))
        and all(map(le, times, times[1:]))
    )


def check_page(
    body: Any,
    market_id: str,
    since: int | None,
    count: int,
    exchange_ns: int,
    where: str,
    step_back_ns: int = 0,
) -> TradePage:
    """Check one decoded Trades answer and return it typed.

    `since` is the ns that was asked (None: the newest), `count` the most rows asked for, `where` begins every
    error's sentence. Where all trades have ids, which rise, times may step back by `step_back_ns`. Raises
    BadAnswerError, InexactValueError for a value that would have to be rounded, or TransientExchangeError for a trade
    that lies in the exchange's own future (`exchange_ns`; 0: unknown).
    """
    items, last_text = result_of(body, market_id, where)
    if len(items) > count:
        raise BadAnswerError(f"{where}: {len(items)} trades came where at most {count} were asked for.")
    rows = _plain_rows(items) or tuple(_row(item, where) for item in items)
    last_id = 0
    highest_ns = 0 if since is None else since - SINCE_TOLERANCE_NS
    latest_ns = exchange_ns + FUTURE_TOLERANCE_NS if exchange_ns else HIGHEST_WHOLE
    is_well = _ascends(rows, highest_ns, latest_ns)
    bound_ns = step_back_ns if is_well or all(row.trade_id for row in rows) else 0
    for row in () if is_well else rows:
        if row.time_ns < highest_ns - bound_ns:
            raise BadAnswerError(
                f"{where}: a trade at {row.time_ns} ns comes after {highest_ns} ns; pages must ascend"
                + (f", to {bound_ns} ns (step_back_microseconds)." if bound_ns else ".")
            )
        if row.trade_id and row.trade_id <= last_id:
            raise BadAnswerError(f"{where}: trade id {row.trade_id} comes after {last_id}; pages must ascend.")
        if row.time_ns > latest_ns:
            raise TransientExchangeError(
                f"{where}: trade {row.trade_id} is stamped {show_ns(row.time_ns)} UTC, later than the exchange's "
                f"own time {show_ns(exchange_ns)}; nothing of this answer was kept."
            )
        highest_ns, last_id = max(highest_ns, row.time_ns), row.trade_id or last_id
    if is_well and rows:
        highest_ns = rows[-1].time_ns
    last = None if last_text is None else check_integer(last_text, "`last`", where)
    if rows and last is not None and min(abs(last - rows[-1].time_ns), abs(last - highest_ns)) > _LAST_TOLERANCE_NS:
        raise BadAnswerError(f"{where}: `last` {last} is not the time of the page's last trade, {rows[-1].time_ns}.")
    return TradePage(rows=rows, last=last, exchange_ns=exchange_ns)


class RestCandle(NamedTuple):
    """One of Kraken's own candles; `start` is Unix seconds (UTC), the decimals are text, volume in base units."""

    start: int
    open: str
    high: str
    low: str
    close: str
    vwap: str
    volume: str
    trade_count: int


@dataclass(frozen=True)
class RestSnapshot:
    """The committed candles of one OHLC answer, ascending."""

    timeframe: str
    timeframe_seconds: int
    candles: tuple[RestCandle, ...]


def check_snapshot(body: Any, market_id: str, timeframe: str, seconds: int, where: str) -> RestSnapshot:
    """Check one decoded OHLC answer, and raise BadAnswerError for a wrong one.

    Rows later than `last` are still open and left out, as are those of price 0 or of a time before Kraken opened. A
    row that comes twice counts once; one that differs from the other is an error.
    """
    items, last_text = result_of(body, market_id, where)
    last = check_integer(last_text, "`last`", where)
    candles: dict[int, RestCandle] = {}
    for item in items:
        if not isinstance(item, list) or len(item) != 8:
            raise BadAnswerError(f"{where}: a candle is not a list of 8 items: {str(item)[:120]}.")
        start = check_integer(item[0], "a candle's time", where)
        open_, high, low, close, vwap, volume = (check_number(text, "a candle's number", where) for text in item[1:7])
        count = check_integer(item[7], "a candle's count", where)
        candle = RestCandle(start, open_, high, low, close, vwap, volume, count)
        if start in candles:
            if candles[start] != candle:
                raise BadAnswerError(f"{where}: the candle at {start} comes twice and differs: {str(item)[:120]}.")
            continue
        if start + seconds <= OPENED_SECONDS or not low.strip("0."):  # the one row of a pair without data
            continue
        flaws = [time_flaw(start + seconds - 1), *(price_flaw(Decimal(price)) for price in (open_, high, low, close))]
        if flaw := next(filter(None, [*flaws, volume_flaw(Decimal(volume))]), None):
            raise BadAnswerError(f"{where}: a number of the candle at {start} {flaw}: {str(item)[:120]}.")
        if start % seconds or (candles and start < max(candles)):
            raise BadAnswerError(f"{where}: the candle at {start} is off the {timeframe} grid or out of order.")
        candles[start] = candle
    return RestSnapshot(timeframe, seconds, tuple(candle for candle in candles.values() if candle.start <= last))
