"""What a client asks of the WebSocket: read and checked, so that nothing it sends can break a connection."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from dlt_pipeline.exchange import socket_messages as say

METHODS: Final = ("ping", "subscribe", "unsubscribe")


class Refusal(NamedTuple):
    """Why a request, or one symbol of it, is refused, in Kraken's words."""

    error: str
    symbol: str | None = None


class Request(NamedTuple):
    """A request; what is sent back with its answers is in `body`."""

    body: dict[str, Any]
    method: str
    """One of METHODS; empty where it is refused as a whole."""
    symbols: list[str]
    """Those that are traded here, of a (un)subscription."""
    wants_snapshot: bool
    refusals: list[Refusal]


def read_request(text: str, traded: Collection[str]) -> Request:
    """Read one message of a client; `traded` are the symbols that can be subscribed to."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or body.get("method") not in METHODS:
        return Request(body if isinstance(body, dict) else {}, "", [], False, [Refusal(say.MALFORMED)])
    method: str = body["method"]
    if method == "ping":
        return Request(body, method, [], False, [])
    params = body.get("params")
    if not isinstance(params, dict) or params.get("channel") != say.CHANNEL:
        return Request(body, method, [], False, [Refusal(say.UNKNOWN_CHANNEL)])
    asked = params.get("symbol")
    if not isinstance(asked, list):
        return Request(body, method, [], False, [Refusal(say.NO_SYMBOLS)])
    symbols = [symbol for symbol in asked if isinstance(symbol, str) and symbol in traded]
    others = [str(symbol) for symbol in asked if symbol not in symbols]
    refusals = [Refusal(f"{say.UNKNOWN_SYMBOL} {symbol}", symbol) for symbol in others]
    return Request(body, method, symbols, params.get("snapshot", True) is not False, refusals)
