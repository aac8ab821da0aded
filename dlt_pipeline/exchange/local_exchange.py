"""The exchange in a thread of its own, for tests: ready when the `with` begins, gone when it ends."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from types import TracebackType

from dlt_pipeline.common.exceptions import LocalExchangeError
from dlt_pipeline.exchange.clock import Clock
from dlt_pipeline.exchange.faults import Faults
from dlt_pipeline.exchange.feed import Feed
from dlt_pipeline.exchange.http_app import Call, HttpApp
from dlt_pipeline.exchange.public_api import PublicApi
from dlt_pipeline.exchange.rate_limit import KrakenLimits
from dlt_pipeline.exchange.serving import serving


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
        api = PublicApi(feed, self.clock, since_inclusive=since_inclusive)
        self._app = HttpApp(api, KrakenLimits(seconds_per_call), self.faults)
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
