"""One line of a file as values, exactly, or the reason why it cannot be one. Pure; slow: for lines Arrow refuses."""

import csv
import re
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any, Final

_NUMBER: Final = re.compile(r"(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?")
_TIME: Final = re.compile(r"(\d{1,11})(?:\.(\d{1,9}))?")
_WHOLE: Final = re.compile(r"\d{1,18}")
_STEP: Final = Decimal(1).scaleb(-12)
_HIGHEST: Final = Decimal(10) ** 26
_NS: Final = 10**9
_EXACTLY: Final = Context(prec=200)
LATEST_SECONDS: Final = 9_000_000_000  # their ns still fit 64 bits
SIDES: Final = {"b": "buy", "buy": "buy", "s": "sell", "sell": "sell"}
ORDER_TYPES: Final = {"m": "market", "market": "market", "l": "limit", "limit": "limit"}

Values = dict[str, Any]


class RefusedLine(Exception):  # noqa: N818 - it is no error of the program
    """A line cannot be taken in; its text is the reason."""


def values_of(line: bytes, kind: str, minutes: int | None) -> Values:
    """Return the values of a line by column; prices and volumes are exact text, times ns. Raises RefusedLine."""
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise RefusedLine("it is no text in UTF-8") from error
    if "\0" in text:
        raise RefusedLine("it holds a NUL byte")
    fields = next(csv.reader([text])) if '"' in text else text.split(",")
    fields = [field.strip() for field in fields]
    expected = 3 if kind == "trades" else 7
    if len(fields) != expected:
        raise RefusedLine(f"it has {len(fields)} fields, not {expected}")
    return _READERS[kind](fields, minutes)


def _trade(fields: list[str], _minutes: int | None) -> Values:
    return {"time_ns": _time(fields[0]), "price": _price(fields[1], "price"), "volume": _volume(fields[2])}


def _trade_with_id(fields: list[str], _minutes: int | None) -> Values:
    price, volume, time, side, order_type, misc, trade_id = fields
    if side.lower() not in SIDES:
        raise RefusedLine(f"the side {side!r} is neither b nor s")
    if order_type.lower() not in ORDER_TYPES:
        raise RefusedLine(f"the order type {order_type!r} is neither m nor l")
    return {
        "time_ns": _time(time),
        "price": _price(price, "price"),
        "volume": _volume(volume),
        "side": SIDES[side.lower()],
        "order_type": ORDER_TYPES[order_type.lower()],
        "misc": misc,
        "trade_id": _whole(trade_id, "trade id") if trade_id else 0,
    }


def _candle(fields: list[str], minutes: int | None) -> Values:
    time_ns = _time(fields[0])
    if time_ns % ((minutes or 1) * 60 * _NS):
        raise RefusedLine(f"no bucket of {minutes} minutes begins at {fields[0]}")
    names = ("open", "high", "low", "close")
    prices = {name: _price(field, name) for name, field in zip(names, fields[1:5], strict=True)}
    opened, high, low, closed = (Decimal(prices[name]) for name in names)
    if not low <= min(opened, closed) <= max(opened, closed) <= high:
        raise RefusedLine("its open and close do not lie between its low and its high")
    return {
        "time_ns": time_ns,
        **prices,
        "volume": _volume(fields[5]),
        "trade_count": _whole(fields[6], "number of trades"),
    }


_READERS: Final[dict[str, Callable[[list[str], int | None], Values]]] = {
    "trades": _trade,
    "trades_with_ids": _trade_with_id,
    "candles": _candle,
}


def _time(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise RefusedLine(f"the time {text!r} is not in Unix seconds")
    if int(match[1]) >= LATEST_SECONDS:
        raise RefusedLine(f"the time {text} is not in seconds, rather in milliseconds or finer")
    return int(match[1]) * _NS + int((match[2] or "").ljust(9, "0"))


def _price(text: str, what: str) -> str:
    found = _exact(text, what)
    if found <= 0:
        raise RefusedLine(f"the {what} {text} is not above 0")
    return f"{found:f}"


def _volume(text: str) -> str:
    found = _exact(text, "volume")
    if found < 0:
        raise RefusedLine(f"the volume {text} is negative")
    return f"{found:f}"


def _exact(text: str, what: str) -> Decimal:
    match = _NUMBER.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise RefusedLine(f"the {what} {text!r} is not a number")
    found = Decimal(text)
    if abs(found) >= _HIGHEST or _EXACTLY.remainder(found, _STEP):
        raise RefusedLine(f"the {what} {text} does not fit DECIMAL(38, 12) and is not rounded")
    return found


def _whole(text: str, what: str) -> int:
    if _WHOLE.fullmatch(text):
        return int(text)
    raise RefusedLine(f"the {what} {text!r} is not a whole number")
