"""What Kraken's WebSocket v2 says, as plain dicts: acknowledgements, refusals, trades, heartbeat, status.

Source: Kraken's documentation of WebSocket v2, and recorded refusals, whose keys ascend and which name the symbol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dlt_pipeline.exchange.clock import to_datetime
from dlt_pipeline.exchange.json_text import RawNumber
from dlt_pipeline.exchange.trade import ExchangeTrade

Message = dict[str, Any]

CHANNEL: Final = "trade"
SNAPSHOT_TRADES: Final = 50
HEARTBEAT: Final[Message] = {"channel": "heartbeat"}
MALFORMED: Final = "Malformed request"
ALREADY_SUBSCRIBED: Final = "Already subscribed"
NOT_SUBSCRIBED: Final = "Subscription Not Found"
UNKNOWN_CHANNEL: Final = "Subscription name invalid"
NO_SYMBOLS: Final = "Symbol field must be an array"
UNKNOWN_SYMBOL: Final = "Currency pair not supported"

_SIDES: Final = {"b": "buy", "s": "sell"}
_ORDER_TYPES: Final = {"m": "market", "l": "limit"}


def moment(time_ns: int) -> str:
    """`2023-09-25T07:49:37.708706Z` of ns since the epoch, cut to microseconds."""
    return to_datetime(time_ns).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def status(connection_id: int) -> Message:
    """The first message on every connection."""
    system = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": connection_id}
    return {"channel": "status", "type": "update", "data": [system]}


def answer(request: Mapping[str, Any], times_ns: tuple[int, int], **content: Any) -> Message:
    """An answer to a request that came in and went out at these times (ns); its `req_id` comes back."""
    if isinstance(request.get("req_id"), int):
        content["req_id"] = request["req_id"]
    content |= {"time_in": moment(times_ns[0]), "time_out": moment(times_ns[1])}
    return dict(sorted(content.items()))


def trades(kind: str, symbol: str, some: Iterable[ExchangeTrade]) -> Message:
    """A `snapshot` or `update` of one symbol; trades that never had an id cannot be told in this protocol."""
    return {
        "channel": CHANNEL,
        "type": kind,
        "data": [_trade(symbol, trade) for trade in some if trade.trade_id is not None],
    }


def _trade(symbol: str, trade: ExchangeTrade) -> Message:
    return {
        "symbol": symbol,
        "side": _SIDES[trade.side],
        "price": RawNumber(trade.price),
        "qty": RawNumber(trade.volume),
        "ord_type": _ORDER_TYPES[trade.order_type],
        "trade_id": trade.trade_id,
        "timestamp": moment(trade.time_ns),
    }
