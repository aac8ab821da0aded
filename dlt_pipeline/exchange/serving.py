"""Listening on the loopback address, for a thread of its own and for the foreground alike."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from dlt_pipeline.exchange.errors import ExchangeStartError

# Nothing is worth waiting for at the end: every answer is made in one go.
SHUTDOWN_SECONDS = 1.0


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
