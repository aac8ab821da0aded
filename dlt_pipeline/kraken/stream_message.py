"""Reads messages of Kraken's WebSocket v2, as ccxt decoded them: only ids and times, never prices. Pure."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from itertools import groupby
from typing import Any, Final

from dlt_pipeline.kraken.settings import NS_PER_SECOND
from dlt_pipeline.kraken.trade_rule import HIGHEST_WHOLE, time_flaw

Message = Mapping[str, Any]
_STAMP: Final = re.compile(r"(?P<second>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.(?P<fraction>\d{1,9}))?Z")


def trades_of(message: Message) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield each symbol of a snapshot or update with its trades as (id, time in ns); ValueError, KeyError if broken."""
    if message.get("channel") == "trade":
        for symbol, trades in groupby(message["data"], key=lambda trade: str(trade["symbol"])):
            yield symbol, [(_trade_id(trade["trade_id"]), _trade_time(trade["timestamp"])) for trade in trades]


def subscribed_symbol(message: Message) -> str | None:
    """Return the symbol whose subscription a message acknowledges."""
    if message.get("method") == "subscribe" and message.get("success") is True:
        return str(message["result"]["symbol"])
    return None


def refusal(message: Message) -> tuple[str, str] | None:
    """Return the symbol whose subscription a message refuses, and why."""
    if message.get("method") == "subscribe" and message.get("success") is False and message.get("symbol"):
        return str(message["symbol"]), str(message.get("error"))
    return None


def stamp_ns(text: str) -> int:
    """Turn `2023-09-25T07:49:37.708706Z`, of up to nine decimals, into ns since the epoch; ValueError for others."""
    stamp = _STAMP.fullmatch(text)
    if not stamp:
        raise ValueError(f"{text!r} is no time of a trade")
    seconds = datetime.fromisoformat(stamp["second"]).replace(tzinfo=timezone.utc).timestamp()
    return int(seconds) * NS_PER_SECOND + int((stamp["fraction"] or "0").ljust(9, "0"))


def _trade_id(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= HIGHEST_WHOLE:
        raise ValueError(f"{value!r} is no trade id")
    return value


def _trade_time(value: Any) -> int:
    time_ns = stamp_ns(value)
    if flaw := time_flaw(time_ns // NS_PER_SECOND):
        raise ValueError(f"{value!r} is no trade's time: it {flaw}")
    return time_ns
