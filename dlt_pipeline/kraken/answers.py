"""Kraken's answers of trades and candles, checked strictly: what does not fit is named, nothing is rounded."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from itertools import repeat
from operator import le, lt
from typing import Any, Final, NamedTuple, overload

from dlt_pipeline.common.exceptions import BadAnswerError, InexactValueError, TransientExchangeError
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.kraken.settings import (
    FUTURE_TOLERANCE_NS,
    NS_PER_SECOND,
    REST_TIMEFRAMES,
    SINCE_TOLERANCE_NS,
)

# Kraken opened on 2013-09-10 (UTC): what is stamped earlier is a zero, or another exchange's.
OPENED_SECONDS: Final = 1_378_771_200
LATEST_SECONDS: Final = 9_000_000_000  # their ns still fit 64 bits; in milliseconds, of April 1970
# Far beyond any trade, so that sums fit DECIMAL(38, 12) as the values do.
HIGHEST: Final = Decimal(10) ** 17
# Of price times volume, whose sums are DECIMAL(38, 24): far beyond any trade, so that a hundred fit in a candle.
HIGHEST_AMOUNT: Final = Decimal(10) ** 12
HIGHEST_WHOLE: Final = 2**63 - 1
SIDES: Final = {"b": "buy", "buy": "buy", "s": "sell", "sell": "sell"}
ORDER_TYPES: Final = {"m": "market", "market": "market", "l": "limit", "limit": "limit"}
_EXACT: Final = re.compile(r"\d{1,26}(?:\.\d{1,12}0*)?", re.ASCII)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,9})?", re.ASCII)
_TIME: Final = re.compile(r"(\d{1,10})(?:\.(\d{1,9}))?", re.ASCII)
# An answer of trades as nearly all are, with seven items each: price above 0, no more whole digits of price and volume
# together than a product below HIGHEST_AMOUNT has, seconds of ten digits, nothing in a text that JSON, or a list of
# such items, would write otherwise.
_PLAIN: Final = re.compile(
    r'\{"error":\[\],"result":\{"(?P<market>[\w./:-]+)":\[\[(?P<rows>'
    # a lookahead is not tried again: alternatives in the row itself would be, for each of a page's rows
    r'(?:"(?![0.]+")(?=(?:\d{1,6}(?:\.\d+)?","\d{1,6}|\d{1,3}(?:\.\d+)?","\d{1,9}|0(?:\.\d+)?","\d{1,12}'
    r'|\d{1,9}(?:\.\d+)?","\d{1,3})[".])'
    r'\d{1,17}(?:\.\d{1,12})?","\d{1,17}(?:\.\d{1,12})?",[1-9]\d{9}(?:\.\d{1,9})?,"[bs]","[ml]",'
    r'"[!#-+\--\[\]-~]*",(?:0|[1-9]\d{0,17})(?:\],\[(?=")|(?=\]\])))+'
    r')\]\],"last":(?P<last>"\d{1,19}")\}\}',
    re.ASCII,
)
# An answer of candles as nearly all are: prices above 0, seconds of ten digits.
_PLAIN_CANDLES: Final = re.compile(
    r'\{"error":\[\],"result":\{"(?P<market>[\w./:-]+)":\[\[(?P<rows>'
    r'(?:[1-9]\d{9},(?:"(?![0.]+")\d{1,17}(?:\.\d{1,12})?",){4}(?:"\d{1,17}(?:\.\d{1,12})?",){2}'
    r"(?:0|[1-9]\d{0,17})(?:\],\[(?=\d)|(?=\]\])))+"
    r')\]\],"last":(?P<last>\d{1,19})\}\}',
    re.ASCII,
)
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_INTEGER: Final = re.compile(r"\d{1,19}", re.ASCII)
# `last` is the last trade's exact stamp: further from the displayed time than this, it is another trade's.
_LAST_TOLERANCE_NS: Final = 1_000_000
_SHOWN: Final = 60
_LONGEST_SECONDS: Final = max(REST_TIMEFRAMES.values())


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


def amount_flaw(price: Decimal, volume: Decimal) -> str | None:
    """Return why price times volume (quote currency) cannot be that of a trade, None where it can."""
    return "is 10^12 of the quote currency or more, too much for one" if price * volume >= HIGHEST_AMOUNT else None


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


_TRADE_ROW: Final = partial(tuple.__new__, TradeRow)  # of all eight values


class TradeRows(Sequence[TradeRow]):
    """An answer's trades, column by column.

    A page of a thousand is eight lists, and not a thousand objects, of each of which Python's collector keeps count.
    """

    def __init__(self, columns: Sequence[Sequence[Any]]) -> None:
        """Keep the columns, in the order of TradeRow's fields."""
        self.columns = columns

    @classmethod
    def of(cls, rows: Iterable[TradeRow]) -> "TradeRows":
        """Return what these rows are."""
        return cls([*zip(*rows, strict=True)] or [()] * len(TradeRow._fields))

    @property
    def ids(self) -> Sequence[int]:
        """Their ids."""
        return self.columns[0]

    @property
    def times(self) -> Sequence[int]:
        """Their displayed times (ns)."""
        return self.columns[1]

    @property
    def more_items(self) -> Sequence[str | None]:
        """Their further items."""
        return self.columns[7]

    @cached_property
    def ascend(self) -> bool:
        """Whether all have ids, which rise, and times that never step back."""
        ids, times = self.ids, self.times
        return not ids or (ids[0] > 0 and all(map(lt, ids, ids[1:])) and all(map(le, times, times[1:])))

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> TradeRow: ...
    @overload
    def __getitem__(self, place: slice) -> "TradeRows": ...
    def __getitem__(self, place: int | slice) -> "TradeRow | TradeRows":
        """Return one of them, or some."""
        found: list[Any] = [column[place] for column in self.columns]
        return TradeRows(found) if isinstance(place, slice) else TradeRow(*found)

    def __iter__(self) -> Iterator[TradeRow]:
        """Yield them, one by one."""
        return map(_TRADE_ROW, zip(*self.columns, strict=True))

    def __eq__(self, other: object) -> bool:
        """Whether another sequence has the same rows."""
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # its columns may be lists


@dataclass(frozen=True)
class TradePage:
    """A checked answer: its rows, Kraken's `last` (ns) if it came, the exchange's own time (ns) of answering."""

    rows: TradeRows
    last: int | None
    exchange_ns: int

    @cached_property
    def has_all_ids(self) -> bool:
        """Whether each of its trades has an id."""
        return all(self.rows.ids)

    @cached_property
    def latest_ns(self) -> int:
        """The highest displayed time; 0 where it shows no trade."""
        return max(self.rows.times, default=0)

    @property
    def highest_id(self) -> int:
        """The highest trade id that it shows; 0 where it shows none."""
        return max(self.rows.ids, default=0)


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


def result_of(body: Any, market_id: str, where: str) -> tuple[Any, Any]:
    """Return (rows, last) of an answer `{"error": [], "result": {market_id: rows, "last": …}}`, or raise."""
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, dict):
        raise BadAnswerError(f"{where}: the answer has no result: {str(body)[:120]!r}.")
    keys = [key for key in result if key != "last"]
    if keys != [market_id]:
        raise BadAnswerError(f"{where}: the answer is about {keys}, not about {market_id}.")
    rows = result[market_id]
    if not isinstance(rows, (list, TradeRows)):
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
    if flaw := amount_flaw(Decimal(row.price), Decimal(row.volume)):
        raise BadAnswerError(f"{where}: the price of a trade times its volume {flaw}: {str(item)[:120]}.")
    return row


def plain_answer(text: str) -> dict[str, Any] | None:
    """Return what an answer of ordinary trades or candles says, its rows checked, or None for any other text.

    Neither JSON nor Python makes an object of each of a thousand trades then, and one pattern checks all of them.
    """
    match = _PLAIN.fullmatch(text)
    if not match:
        return _plain_candles(text)
    items = match["rows"].replace('"', "").replace("],[", ",").split(",")
    prices, volumes, times, sides, order_types, miscs, ids = (items[number::7] for number in range(7))
    digits = "\n".join(times).replace(".", "").split("\n")
    times_ns = [*map(int, map(str.ljust, digits, repeat(19), repeat("0")))]
    if min(times_ns) < OPENED_SECONDS * NS_PER_SECOND or max(times_ns) >= LATEST_SECONDS * NS_PER_SECOND:
        return None
    kinds = [*map(SIDES.__getitem__, sides)], [*map(ORDER_TYPES.__getitem__, order_types)]
    rows = TradeRows([[*map(int, ids)], times_ns, prices, volumes, *kinds, miscs, [None] * len(ids)])
    return {"error": [], "result": {match["market"]: rows, "last": match["last"].strip('"')}}


def _plain_candles(text: str) -> dict[str, Any] | None:
    match = _PLAIN_CANDLES.fullmatch(text)
    if not match:
        return None
    items = match["rows"].replace('"', "").replace("],[", ",").split(",")
    starts = [*map(int, items[::8])]
    if starts[0] < OPENED_SECONDS or starts[-1] >= LATEST_SECONDS - _LONGEST_SECONDS:
        return None
    if not all(map(lt, starts, starts[1:])):
        return None
    candles = [*map(RestCandle, starts, *(items[number::8] for number in range(1, 7)), map(int, items[7::8]))]
    return {"error": [], "result": {match["market"]: candles, "last": match["last"]}}


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
    rows = items if isinstance(items, TradeRows) else TradeRows.of(_row(item, where) for item in items)
    last_id = 0
    highest_ns = 0 if since is None else since - SINCE_TOLERANCE_NS
    latest_ns = exchange_ns + FUTURE_TOLERANCE_NS if exchange_ns else HIGHEST_WHOLE
    is_well = not rows or (rows.ascend and highest_ns <= rows.times[0] and rows.times[-1] <= latest_ns)
    bound_ns = step_back_ns if is_well or all(rows.ids) else 0
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
        highest_ns = rows.times[-1]
    last = None if last_text is None else check_integer(last_text, "`last`", where)
    if rows and last is not None and min(abs(last - rows.times[-1]), abs(last - highest_ns)) > _LAST_TOLERANCE_NS:
        raise BadAnswerError(f"{where}: `last` {last} is not the time of the page's last trade, {rows.times[-1]}.")
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
    is_plain = bool(items) and isinstance(items[0], RestCandle)
    candles = items if is_plain else [*_candles(items, seconds, where).values()]
    before = 0
    for candle in candles:
        if candle.start % seconds or candle.start < before:
            raise BadAnswerError(f"{where}: the candle at {candle.start} is off the {timeframe} grid or out of order.")
        before = candle.start
    return RestSnapshot(timeframe, seconds, tuple(candle for candle in candles if candle.start <= last))


def _candles(items: Iterable[Any], seconds: int, where: str) -> dict[int, RestCandle]:
    """Return the candles of an answer's rows by their start, in the order of the rows."""
    candles: dict[int, RestCandle] = {}
    for item in items:
        if not isinstance(item, list) or len(item) != 8:
            raise BadAnswerError(f"{where}: a candle is not a list of 8 items: {str(item)[:120]}.")
        start = check_integer(item[0], "a candle's time", where)
        open_, high, low, close, vwap, volume = (check_number(text, "a candle's number", where) for text in item[1:7])
        count = check_integer(item[7], "a candle's count", where)
        candle = RestCandle(start, open_, high, low, close, vwap, volume, count)
        if candles.get(start, candle) != candle:
            raise BadAnswerError(f"{where}: the candle at {start} comes twice and differs: {str(item)[:120]}.")
        if start + seconds <= OPENED_SECONDS or not low.strip("0."):  # the one row of a pair without data
            continue
        flaws = [time_flaw(start + seconds - 1), *(price_flaw(Decimal(price)) for price in (open_, high, low, close))]
        if flaw := next(filter(None, [*flaws, volume_flaw(Decimal(volume))]), None):
            raise BadAnswerError(f"{where}: a number of the candle at {start} {flaw}: {str(item)[:120]}.")
        candles[start] = candle
    return candles
