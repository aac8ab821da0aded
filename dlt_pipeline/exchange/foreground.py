"""The exchange in the foreground, for a demo: it runs until it is told to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from dlt_pipeline.exchange.clock import Clock
from dlt_pipeline.exchange.faults import Faults
from dlt_pipeline.exchange.feed import Feed
from dlt_pipeline.exchange.http_app import HttpApp
from dlt_pipeline.exchange.public_api import PublicApi
from dlt_pipeline.exchange.rate_limit import KrakenLimits
from dlt_pipeline.exchange.serving import serving


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
