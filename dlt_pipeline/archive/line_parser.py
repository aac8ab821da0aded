"""One line of a file as values, exactly, or the reason why it cannot be one. Pure; slow: for lines Arrow refuses."""

import csv
import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from dlt_pipeline.kraken.answers import (
    HIGHEST_WHOLE,
    ORDER_TYPES,
    SIDES,
    amount_flaw,
    price_flaw,
    time_flaw,
    volume_flaw,
)

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
# A spreadsheet keeps six digits of a time (1.69612E+09): hundreds of trades then fall on one second.
EXPONENT: Final = re.compile(r"[eE][+-]?[0-9]")
_WHOLE: Final = re.compile(r"(-?)0*([0-9]{1,19})")
_NS: Final = 10**9
_STEP: Final = Decimal(1).scaleb(-12)
# As many decimals as a trade's volume has. Kraken sums those of a candle as floats: 4.8484180299999995.
CANDLE_VOLUME_DECIMALS: Final = 8
_CANDLE_STEP: Final = Decimal(1).scaleb(-CANDLE_VOLUME_DECIMALS)
_EXACTLY: Final = Context(prec=200)
_NANOSECOND: Final = Decimal(1).scaleb(-9)
# What stands around fields and is none of them; the same as Arrow takes away.
BLANKS: Final = " \t"
_SHOWN: Final = 60

Values = dict[str, Any]


class RefusedLine(Exception):  # noqa: N818 - it is no error of the program
    """A line cannot be taken in; its text is the reason."""


def values_of(line: bytes, kind: str, minutes: int | None) -> Values:
    """Return the values of a line by column; prices and volumes are exact text, times ns. Raises RefusedLine.

    A candle's volume is rounded to 8 decimals, and `volume_text` is how it is written.
    """
    try:
        text = line.decode("utf-8").strip(BLANKS + "\r\n")
    except UnicodeDecodeError as error:
        raise RefusedLine("it is no text in UTF-8") from error
    if "\0" in text:
        raise RefusedLine("it holds a NUL byte")
    try:
        fields = next(csv.reader([text])) if '"' in text else text.split(",")
    except csv.Error as error:
        raise RefusedLine(f"its quotes cannot be read ({error})") from error
    fields = [field.strip(BLANKS) for field in fields]
    expected = 3 if kind == "trades" else 7
    if len(fields) != expected:
        raise RefusedLine(f"it has {len(fields)} fields, not {expected}")
    return _READERS[kind](fields, minutes)


def _trade(fields: list[str], _minutes: int | None) -> Values:
    return {"time_ns": _time(fields[0]), **_amount(fields[1], fields[2])}


def _trade_with_id(fields: list[str], _minutes: int | None) -> Values:
    price, volume, time, side, order_type, misc, trade_id = fields
    if side.lower() not in SIDES:
        raise RefusedLine(f"the side {_cut(side)!r} is neither b nor s")
    if order_type.lower() not in ORDER_TYPES:
        raise RefusedLine(f"the order type {_cut(order_type)!r} is neither m nor l")
    return {
        "time_ns": _time(time),
        **_amount(price, volume),
        "side": SIDES[side.lower()],
        "order_type": ORDER_TYPES[order_type.lower()],
        "misc": misc,
        "trade_id": _whole(trade_id, "trade id") if trade_id else 0,
    }


def _candle(fields: list[str], minutes: int | None) -> Values:
    seconds = (minutes or 1) * 60
    time_ns = _time(fields[0], seconds)
    if time_ns % (seconds * _NS):
        raise RefusedLine(f"no bucket of {minutes} minutes begins at {_cut(fields[0])}")
    names = ("open", "high", "low", "close")
    prices = {name: _price(field, name) for name, field in zip(names, fields[1:5], strict=True)}
    opened, high, low, closed = (Decimal(prices[name]) for name in names)
    if not low <= min(opened, closed) <= max(opened, closed) <= high:
        raise RefusedLine("its open and close do not lie between its low and its high")
    return {
        "time_ns": time_ns,
        **prices,
        "volume": _candle_volume(fields[5]),
        "trade_count": _whole(fields[6], "number of trades"),
        "volume_text": fields[5],
    }


_READERS: Final[dict[str, Callable[[list[str], int | None], Values]]] = {
    "trades": _trade,
    "trades_with_ids": _trade_with_id,
    "candles": _candle,
}


def _time(text: str, lasts_seconds: int = 1) -> int:
    """Return ns of a trade, or of a candle that lasts so long."""
    found = _number(text)
    if found is None:
        raise RefusedLine(f"the time {_cut(text)!r} is not in Unix seconds")
    if EXPONENT.search(text):
        raise RefusedLine(
            f"the time {_cut(text)} has an exponent, as a spreadsheet writes it: its last digits are lost"
        )
    if flaw := time_flaw(found + lasts_seconds - 1):
        raise RefusedLine(f"the time {_cut(text)} {flaw}")
    if _EXACTLY.remainder(found, _NANOSECOND):
        raise RefusedLine(f"the time {_cut(text)} is finer than nanoseconds and is not rounded")
    return int(found.quantize(_NANOSECOND, context=_EXACTLY).scaleb(9, context=_EXACTLY))


def _price(text: str, what: str) -> str:
    return _exact(text, what, price_flaw)


def _amount(price: str, volume: str) -> dict[str, str]:
    found = {"price": _price(price, "price"), "volume": _exact(volume, "volume", volume_flaw)}
    if flaw := amount_flaw(*map(Decimal, found.values())):
        raise RefusedLine(f"the price {_cut(price)} times the volume {_cut(volume)} {flaw}")
    return found


def _candle_volume(text: str) -> str:
    found = _sound(text, "volume", volume_flaw)
    return f"{found.quantize(_CANDLE_STEP, ROUND_HALF_EVEN, context=_EXACTLY):f}"


def _sound(text: str, what: str, flaw_of: Callable[[Decimal], str | None]) -> Decimal:
    found = _number(text)
    if found is None:
        raise RefusedLine(f"the {what} {_cut(text)!r} is not a number")
    if flaw := flaw_of(found):
        raise RefusedLine(f"the {what} {_cut(text)} {flaw}")
    return found


def _exact(text: str, what: str, flaw_of: Callable[[Decimal], str | None]) -> str:
    """Return a number with 12 decimals."""
    found = _sound(text, what, flaw_of)
    if _EXACTLY.remainder(found, _STEP):
        raise RefusedLine(f"the {what} {_cut(text)} has more than 12 decimals and is not rounded")
    return f"{found.quantize(_STEP, context=_EXACTLY):f}"


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _whole(text: str, what: str) -> int:
    match = _WHOLE.fullmatch(text)
    number = int(match[2]) if match else 0
    if match is None or number > HIGHEST_WHOLE or (match[1] and number):
        raise RefusedLine(f"the {what} {_cut(text)!r} is not a whole number")
    return number


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
