"""Hears of new trades as they happen, beside the loads; REST stays the record, so only ids and times are kept."""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Sequence
from typing import Final

from dlt_pipeline.common.exceptions import KrakenCandlesError, TransientExchangeError
from dlt_pipeline.kraken.settings import KrakenSettings, stream_address
from dlt_pipeline.kraken.stream_client import StreamClient, successor
from dlt_pipeline.kraken.stream_ear import Ear, OnTrades

_log = logging.getLogger("dlt_pipeline.kraken")
_FIRST_PAUSE_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 15.0


class TradeStream(Ear):
    """A thread with an event loop of its own that keeps a connection alive."""

    def __init__(self, settings: KrakenSettings, symbols: Sequence[str], on_trades: OnTrades | None = None) -> None:
        """Prepare for ccxt symbols; nothing is asked before `start`. BadInputError if the address is not known.

        `on_trades` hears each message's symbol, trades as (id, time in ns), and our clock (Unix seconds).
        """
        stream_address(settings)
        super().__init__(symbols, settings.stream_gather_seconds, on_trades)
        self._settings = settings
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trade-stream", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and end the thread; what was heard stays."""
        if self._thread.is_alive() and self._ready.wait(_STOP_SECONDS) and self._loop and self._task:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except asyncio.CancelledError:
            self._lost(None)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            self._fail(error)
        finally:
            self._ready.set()

    async def _live(self) -> None:
        """Connect again and again; pauses grow while no connection lives for long."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        # ccxt leaves futures behind when it closes; the user can do nothing about them.
        self._loop.set_exception_handler(lambda _, context: _log.debug("stream: %s", context.get("message")))
        self._ready.set()
        pause, client = _FIRST_PAUSE_SECONDS, None
        while True:
            client = successor(client, self._settings, self._hear)
            began = time.monotonic()
            if not await self._serve(client):
                return
            if time.monotonic() - began > self._settings.stream_silence_seconds:
                pause = _FIRST_PAUSE_SECONDS
            # Not all followers of an exchange that comes back should knock at once.
            await asyncio.sleep(min(pause, self._settings.stream_retry_max_seconds) * random.uniform(0.8, 1.2))  # noqa: S311
            pause *= 2

    async def _serve(self, client: StreamClient) -> bool:
        """Live through one connection; whether another one may do better."""
        try:
            refused = await client.check_symbols(self._symbols)
            with self._changed:
                for symbol, reason in refused.items():
                    self._refuse(symbol, reason)
            listened = [symbol for symbol in self._symbols if symbol not in refused]
            if not listened:
                return False  # each is asked at the usual pace
            await client.listen(listened)
        except TransientExchangeError as error:
            self._lost(error)
        except KrakenCandlesError as error:
            self._fail(error)
            return False
        finally:
            await client.end()
        return True
