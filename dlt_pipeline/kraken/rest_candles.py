"""The strict check of one OHLC answer; committed rows only, vwap and count kept, numbers as text."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from dlt_pipeline.exceptions import BadAnswerError
from dlt_pipeline.kraken.page import check_integer, check_number, result_of


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
    """Check one decoded OHLC answer. Rows later than `last` are still open and left out. Raises BadAnswerError."""
    items, last_text = result_of(body, market_id, where)
    last = check_integer(last_text, "`last`", where)
    candles: list[RestCandle] = []
    for item in items:
        if not isinstance(item, list) or len(item) != 8:
            raise BadAnswerError(f"{where}: a candle is not a list of 8 items: {str(item)[:120]}.")
        start = check_integer(item[0], "a candle's time", where)
        open_, high, low, close, vwap, volume = (check_number(text, "a candle's number", where) for text in item[1:7])
        if start % seconds or (candles and start <= candles[-1].start):
            raise BadAnswerError(f"{where}: the candle at {start} is off the {timeframe} grid or out of order.")
        count = check_integer(item[7], "a candle's count", where)
        candles.append(RestCandle(start, open_, high, low, close, vwap, volume, count))
    return RestSnapshot(timeframe, seconds, tuple(candle for candle in candles if candle.start <= last))
