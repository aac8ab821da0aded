"""The exchange as a server, on the loopback address only: in a thread of its own for tests, or in the foreground."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Any, NamedTuple

from aiohttp import web

from dlt_pipeline.common.exceptions import ExchangeStartError, LocalExchangeError
from dlt_pipeline.exchange.api import RATE_LIMIT_EXCEEDED, KrakenError, KrakenLimits, PublicApi
from dlt_pipeline.exchange.clock import Clock
from dlt_pipeline.exchange.faults import INSTEAD_OF_AN_ANSWER, SOCKET_PATH, Fault, Faults, spoil
from dlt_pipeline.exchange.market import Feed, Market
from dlt_pipeline.exchange.trade import dump_json
from dlt_pipeline.exchange.websocket import TradeSockets

HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"

# Between our handlers only: what is sent has the Date that it asks for.
_DAYS_AHEAD = "X-Days-Ahead"
# Nothing is worth waiting for at the end: every answer is made in one go.
SHUTDOWN_SECONDS = 1.0


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


def check_host(host: str) -> None:
    """Raise ExchangeStartError where the host is not this machine alone: invented prices are not for the network."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ExchangeStartError(f"{host}: the local exchange listens on this machine only; use 127.0.0.1")


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve inside the `async with`, which gives the base URL; port 0 takes a free one. Raises ExchangeStartError."""
    check_host(host)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, OverflowError) as error:
            raise ExchangeStartError(f"port {port} on {host} cannot be used ({error}); choose another port") from error
        bound_host, bound_port = runner.addresses[0][:2]
        yield f"http://[{bound_host}]:{bound_port}" if ":" in bound_host else f"http://{bound_host}:{bound_port}"
    finally:
        await runner.cleanup()


class LocalExchange:
    """A Kraken-compatible server over a feed."""

    def __init__(
        self,
        feed: Feed,
        clock: Clock | None = None,
        *,
        port: int = 0,
        since_inclusive: bool = False,
        seconds_per_call: float = 0.0,
        host: str = "127.0.0.1",
    ) -> None:
        """Nothing listens before `start`.

        `clock` decides what has happened yet (the feed's own where None). `since_inclusive` chooses which of the two
        reported meanings `since` has. `seconds_per_call` 0 turns the rate limit off. `port` 0 takes a free one.
        """
        self.feed = feed
        self.clock = clock or feed.default_clock()
        self.faults = Faults()
        self._address = (host, port)
        self._api = PublicApi(feed, self.clock, since_inclusive=since_inclusive)
        self._app = HttpApp(self._api, KrakenLimits(seconds_per_call), self.faults)
        self._base_url: str | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:43211`; raises LocalExchangeError before the start."""
        if self._base_url is None:
            raise LocalExchangeError("the local exchange is not running; use it in a `with`")
        return self._base_url

    @property
    def calls(self) -> list[Call]:
        """Every request so far, oldest first."""
        return self._app.calls

    def set_status(self, status: str, name: str | None = None) -> None:
        """Let a market (symbol, key, altname or wsname) say this of itself from now on; without a name, the exchange.

        It is only told: a market trades on whatever its status is. Raises UnknownMarketError.
        """
        if name is None:
            self._api.status = status
        else:
            self._api.changed[self.feed.market(name).key] = {"status": status}

    def delist(self, name: str) -> None:
        """List a market no more, and know no such pair when asked about it; raises UnknownMarketError."""
        self._api.delisted.add(self.feed.market(name).key)

    def relist(self, name: str) -> None:
        """List a delisted market again."""
        self._api.delisted.discard(self.feed.market(name).key)

    def start(self) -> None:
        """Begin to listen; returns once it does. Raises ExchangeStartError."""
        ready: Future[str] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(ready)), name="local-exchange", daemon=True
        )
        self._thread.start()
        self._base_url = ready.result()

    def stop(self) -> None:
        """Close the port and end the thread."""
        if self._thread and self._loop and self._stopping and self._base_url:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        self._base_url = None

    def __enter__(self) -> LocalExchange:
        """Start."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    async def _serve(self, ready: Future[str]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with serving(self._app.build(), *self._address) as base_url:
                ready.set_result(base_url)
                await self._stopping.wait()
        except LocalExchangeError as error:
            ready.set_exception(error)
        finally:
            # Whatever else went wrong must not leave the caller waiting; on a future that is done this does nothing.
            ready.cancel()


def run_exchange(
    feed: Feed,
    clock: Clock | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    since_inclusive: bool = False,
    seconds_per_call: float = 1.0,
    on_ready: Callable[[str], object] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, from the main thread; `on_ready` is called with the base URL.

    Raises ExchangeStartError where the port is taken or the host is not this machine.
    """
    api = PublicApi(feed, clock or feed.default_clock(), since_inclusive=since_inclusive)
    app = HttpApp(api, KrakenLimits(seconds_per_call), Faults()).build()

    async def serve() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows has no handlers on the loop; there Ctrl-C arrives as KeyboardInterrupt.
            with suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        async with serving(app, host, port) as base_url:
            if on_ready:
                on_ready(base_url)
            await stopping.wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
