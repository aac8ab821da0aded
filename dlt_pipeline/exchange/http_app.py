"""The HTTP side: Kraken's envelope, call log, limits, faults, the exchange's `Date`; and the way into the WebSocket."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, NamedTuple

from aiohttp import web

from dlt_pipeline.exchange.errors import RATE_LIMIT_EXCEEDED, KrakenError
from dlt_pipeline.exchange.faults import INSTEAD_OF_AN_ANSWER, SOCKET_PATH, Fault, Faults, spoil
from dlt_pipeline.exchange.json_text import dump_json
from dlt_pipeline.exchange.market import Market
from dlt_pipeline.exchange.public_api import PublicApi
from dlt_pipeline.exchange.rate_limit import KrakenLimits
from dlt_pipeline.exchange.websocket import TradeSockets

HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"

# Between our handlers only: what is sent has the Date that it asks for.
_DAYS_AHEAD = "X-Days-Ahead"


class Call(NamedTuple):
    """One request as it came in, whatever became of it."""

    path: str
    """`Trades`, `OHLC`, …; `v2` for a WebSocket connection."""
    query: dict[str, str]
    at: float
    """Seconds of the machine's monotonic clock: what a pace is measured by."""
    is_limited: bool = False
    """Whether it came too fast and was refused for it; faults on demand do not count."""


class HttpApp:
    """The application and what it remembers."""

    def __init__(self, api: PublicApi, limits: KrakenLimits, faults: Faults) -> None:
        """Answers come from `api`, unless `limits` or `faults` say otherwise."""
        self._api = api
        self._limits = limits
        self._faults = faults
        self._sockets = TradeSockets(api.feed, api.clock, faults)
        self._calls: list[Call] = []
        self._calls_lock = threading.Lock()

    @property
    def calls(self) -> list[Call]:
        """A copy of the log, oldest first."""
        with self._calls_lock:
            return list(self._calls)

    def build(self) -> web.Application:
        """An aiohttp application to serve."""
        app = web.Application()
        app.router.add_get("/0/public/{method}", self._handle)
        app.router.add_get(f"/{SOCKET_PATH}", self._connect)
        app.on_shutdown.append(self._sockets.close)
        app.on_response_prepare.append(self._set_date)
        return app

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        with self._calls_lock:
            self._calls.append(Call(SOCKET_PATH, {}, time.monotonic()))
        for fault in self._faults.due(SOCKET_PATH, None):
            if fault.kind in INSTEAD_OF_AN_ANSWER:
                self._faults.spend(fault)
                return _instead(fault, request)
        return await self._sockets.serve(request)

    async def _set_date(self, _: web.Request, response: web.StreamResponse) -> None:
        ahead = timedelta(days=int(response.headers.pop(_DAYS_AHEAD, "0")))
        response.headers["Date"] = format_datetime(self._api.clock.now() + ahead, usegmt=True)

    async def _handle(self, request: web.Request) -> web.Response:
        method, query = request.match_info["method"], dict(request.query)
        call = Call(method, query, time.monotonic())
        market = self._api.feed.find_market(query.get("pair", ""))
        faults = self._faults.due(method, market)
        if faults and faults[0].kind in INSTEAD_OF_AN_ANSWER:
            self._log(call)
            self._faults.spend(faults[0])
            return _instead(faults[0], request)
        if not self._limits.allows(request.remote or "", method, market.key if market else query.get("pair")):
            self._log(call._replace(is_limited=True))
            return _envelope(error=RATE_LIMIT_EXCEEDED)
        self._log(call)
        try:
            response = _envelope(result=self._result(method, query, market, faults))
        except KrakenError as error:
            return _envelope(error=str(error))
        for fault in faults:
            if fault.kind == "wrong_date":
                response.headers[_DAYS_AHEAD] = "1"
                self._faults.spend(fault)
        return response

    def _log(self, call: Call) -> None:
        with self._calls_lock:
            self._calls.append(call)

    def _result(self, method: str, query: dict[str, str], market: Market | None, faults: list[Fault]) -> dict[str, Any]:
        hidden = frozenset[int]().union(*(fault.ids for fault in faults if fault.kind == "hide_ids"))
        result, left_out = self._api.answer(method, query, hidden)
        for fault in faults:
            spoiled = spoil(fault, result, market.key if market else None)
            if spoiled is not result or left_out & fault.ids:
                self._faults.spend(fault)
            result = spoiled
        return result


def _envelope(result: dict[str, Any] | None = None, error: str | None = None) -> web.Response:
    body: dict[str, Any] = {"error": [error] if error else []}
    if result is not None:
        body["result"] = result
    return web.Response(text=dump_json(body), content_type="application/json")


def _instead(fault: Fault, request: web.Request) -> web.Response:
    if fault.kind == "error":
        return _envelope(error=fault.error)
    if fault.kind == "drop" and request.transport is not None:
        request.transport.abort()
    status = fault.status if fault.kind == "http_status" else 200
    return web.Response(status=status, text=HTML.format(f"{status} from the gateway"), content_type="text/html")
