"""Kraken's WebSocket v2 trade channel over the same feed and clock: each connection is told what the clock lets happen.

A clock that is put back makes no trade happen twice; one that is moved on makes all that lies between happen at once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from aiohttp import WSCloseCode, WSMsgType, web

from dlt_pipeline.exchange.clock import Clock, to_datetime
from dlt_pipeline.exchange.faults import SOCKET_PATH, Faults
from dlt_pipeline.exchange.market import Feed, Market
from dlt_pipeline.exchange.trade import ExchangeTrade, RawNumber, dump_json

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
METHODS: Final = ("ping", "subscribe", "unsubscribe")
# How often the clock is looked at, and after how long without a message one is sent all the same.
TICK_SECONDS: Final = 0.05
HEARTBEAT_SECONDS: Final = 1.0


def moment(time_ns: int) -> str:
    """`2023-09-25T07:49:37.708706Z` of ns since the epoch, cut to microseconds."""
    return to_datetime(time_ns).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def status_message(connection_id: int) -> Message:
    """The first message on every connection."""
    system = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": connection_id}
    return {"channel": "status", "type": "update", "data": [system]}


def answer_message(request: Mapping[str, Any], times_ns: tuple[int, int], **content: Any) -> Message:
    """An answer to a request that came in and went out at these times (ns); its `req_id` comes back."""
    if isinstance(request.get("req_id"), int):
        content["req_id"] = request["req_id"]
    content |= {"time_in": moment(times_ns[0]), "time_out": moment(times_ns[1])}
    return dict(sorted(content.items()))


def trades_message(kind: str, symbol: str, some: Iterable[ExchangeTrade]) -> Message:
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
        return Request(body if isinstance(body, dict) else {}, "", [], False, [Refusal(MALFORMED)])
    method: str = body["method"]
    if method == "ping":
        return Request(body, method, [], False, [])
    params = body.get("params")
    if not isinstance(params, dict) or params.get("channel") != CHANNEL:
        return Request(body, method, [], False, [Refusal(UNKNOWN_CHANNEL)])
    asked = params.get("symbol")
    if not isinstance(asked, list):
        return Request(body, method, [], False, [Refusal(NO_SYMBOLS)])
    symbols = [symbol for symbol in asked if isinstance(symbol, str) and symbol in traded]
    others = [str(symbol) for symbol in asked if symbol not in symbols]
    refusals = [Refusal(f"{UNKNOWN_SYMBOL} {symbol}", symbol) for symbol in others]
    return Request(body, method, symbols, params.get("snapshot", True) is not False, refusals)


class TradeSockets:
    """All connections of one server."""

    def __init__(self, feed: Feed, clock: Clock, faults: Faults) -> None:
        """Trades of `feed` are told as `clock` reaches them, unless `faults` say otherwise."""
        self.feed, self.clock, self.faults = feed, clock, faults
        self.by_symbol = {market.symbol: market for market in feed.all_markets}
        self._numbers = itertools.count(1)
        self._open: set[web.WebSocketResponse] = set()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Speak with one client until either side ends it."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self._open.add(socket)
        connection = _Connection(self, socket, request)
        telling = asyncio.create_task(connection.tell())
        try:
            await connection.send(status_message(next(self._numbers)))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await connection.hear(message.data)
        except ConnectionError:
            pass  # the client went away in the middle of a message
        finally:
            self._open.discard(socket)
            telling.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await telling
        return socket

    async def close(self, _: web.Application) -> None:
        """End all connections, as a server does that shuts down."""
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY)


class _Connection:
    """One client: what it subscribed to, and how far it was told of each market."""

    def __init__(self, sockets: TradeSockets, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._sockets, self._socket, self._request = sockets, socket, request
        self._told: dict[str, int] = {}  # by symbol, how many trades of its series
        self._sent_at = time.monotonic()
        self._is_silent = False

    async def send(self, message: Message) -> None:
        if self._is_silent or self._socket.closed:
            return
        self._sent_at = time.monotonic()
        await self._socket.send_str(dump_json(message))

    async def hear(self, text: str) -> None:
        """Answer one request."""
        heard_ns = self._sockets.clock.now_ns()
        request = read_request(text, self._sockets.by_symbol)
        for refusal in request.refusals:
            await self._refuse(request, heard_ns, *refusal)
        if request.method == "ping":
            await self.send(answer_message(request.body, self._times(heard_ns), method="pong"))
        for symbol in request.symbols:
            if request.method == "subscribe":
                await self._subscribe(request, heard_ns, symbol)
            else:
                await self._unsubscribe(request, heard_ns, symbol)

    async def tell(self) -> None:
        """Tell of new trades, or that there were none, until the connection ends or a fault ends it."""
        while not self._socket.closed:
            for fault in self._sockets.faults.of_a_connection([self._market(symbol) for symbol in self._told]):
                self._sockets.faults.spend(fault)
                self._is_silent = True
                if fault.kind == "disconnect" and self._request.transport is not None:
                    self._request.transport.abort()
                    return
            for symbol in list(self._told):
                await self._update(symbol)
            if self._told and time.monotonic() - self._sent_at >= HEARTBEAT_SECONDS:
                await self.send(HEARTBEAT)
            await asyncio.sleep(TICK_SECONDS)

    async def _update(self, symbol: str) -> None:
        told, (trades, end) = self._told[symbol], self._happened(symbol)
        if end > told:
            self._told[symbol] = end
            await self._send_trades("update", symbol, trades[told:end])

    async def _send_trades(self, kind: str, symbol: str, trades: list[ExchangeTrade]) -> None:
        for fault in self._sockets.faults.due(SOCKET_PATH, self._market(symbol)):
            kept = [trade for trade in trades if trade.trade_id not in fault.ids]
            if len(kept) < len(trades):
                self._sockets.faults.spend(fault)
            trades = kept
        if trades or kind == "snapshot":
            await self.send(trades_message(kind, symbol, trades))

    def _market(self, symbol: str) -> Market:
        return self._sockets.by_symbol[symbol]

    def _happened(self, symbol: str) -> tuple[list[ExchangeTrade], int]:
        """The market's trades, and how many of them have happened."""
        now_ns = self._sockets.clock.now_ns()
        series = self._sockets.feed.series(self._market(symbol), now_ns)
        return series.trades, series.visible(now_ns)

    async def _subscribe(self, request: Request, heard_ns: int, symbol: str) -> None:
        if symbol in self._told:
            await self._refuse(request, heard_ns, ALREADY_SUBSCRIBED, symbol)
            return
        wants_snapshot = request.wants_snapshot
        await self._accept(request, heard_ns, channel=CHANNEL, snapshot=wants_snapshot, symbol=symbol)
        trades, end = self._happened(symbol)
        if wants_snapshot:
            await self._send_trades("snapshot", symbol, trades[max(0, end - SNAPSHOT_TRADES) : end])
        self._told[symbol] = end  # only now, so that no update comes before the snapshot

    async def _unsubscribe(self, request: Request, heard_ns: int, symbol: str) -> None:
        if self._told.pop(symbol, None) is None:
            await self._refuse(request, heard_ns, NOT_SUBSCRIBED, symbol)
        else:
            await self._accept(request, heard_ns, channel=CHANNEL, symbol=symbol)

    async def _accept(self, request: Request, heard_ns: int, **result: Any) -> None:
        times = self._times(heard_ns)
        await self.send(answer_message(request.body, times, method=request.method, result=result, success=True))

    async def _refuse(self, request: Request, heard_ns: int, error: str, symbol: str | None = None) -> None:
        content: Message = {"error": error, "success": False}
        if isinstance(request.body.get("method"), str):
            content["method"] = request.body["method"]
        if symbol is not None:
            content["symbol"] = symbol
        await self.send(answer_message(request.body, self._times(heard_ns), **content))

    def _times(self, heard_ns: int) -> tuple[int, int]:
        return heard_ns, self._sockets.clock.now_ns()
