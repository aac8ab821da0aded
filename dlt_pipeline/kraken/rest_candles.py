"""The strict check of one OHLC answer; committed rows only, vwap and count kept, numbers as text."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from dlt_pipeline.common.exceptions import BadAnswerError
from dlt_pipeline.kraken.page import check_integer, check_number, result_of
from dlt_pipeline.kraken.trade_rule import OPENED_SECONDS, price_flaw, time_flaw, volume_flaw


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
