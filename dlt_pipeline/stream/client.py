"""Hears of new trades as they happen, beside the loads; REST stays the record, so only ids and times are kept."""

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import ccxt
import ccxt.pro

from dlt_pipeline.common.exceptions import (
    KrakenCandlesError,
    StreamEndedError,
    TransientExchangeError,
    UnknownSymbolError,
)
from dlt_pipeline.kraken.ccxt_part import translate
from dlt_pipeline.kraken.markets import (
    TOKENIZED,
    Listed,
    add_tokenized,
    check_listing,
    is_unknown,
    list_markets,
    symbol_meant,
    unlisted,
)
from dlt_pipeline.kraken.settings import KrakenSettings, stream_address, trusted, without_password
from dlt_pipeline.stream.listener import OnTrades, StreamListener

Message = dict[str, Any]
# A server that hangs does not say good-bye either.
_CLOSE_SECONDS: Final = 2.0
_TICK_SECONDS: Final = 1.0
_log = logging.getLogger("dlt_pipeline.kraken")
_FIRST_PAUSE_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 15.0


class StreamClient(ccxt.pro.kraken):  # type: ignore[misc]
    """ccxt.pro's Kraken, which also lets every message be heard as it comes in.

    `watch_trades_for_symbols` alone would not do: of messages that come in together it returns one symbol's, and the
    others' only with their next trade.
    """

    def __init__(self, settings: KrakenSettings, hear: Callable[[Message], None]) -> None:
        """Prepare a client; nothing is asked yet. `hear` is called with each message, in the event loop."""
        super().__init__(
            {
                "enableRateLimit": True,
                "rateLimit": settings.seconds_per_call * 1000,
                "timeout": int(settings.timeout_seconds * 1000),
                "urls": {"api": {"public": settings.base_url, "ws": {"publicV2": stream_address(settings)}}},
                "aiohttp_trust_env": True,
                **_proxy(stream_address(settings)),
            }
        )
        self.ssl_context = trusted()
        self._settings, self._hear = settings, hear
        self._address = without_password(stream_address(settings))
        self.listed = Listed((), {})
        self._heard_at = 0.0
        self._trouble: Exception | None = None

    def handle_message(self, client: Any, message: Any) -> None:
        """Take a message. Nothing may be raised here: ccxt would stop reading without a word."""
        self._heard_at = time.monotonic()
        try:
            self._hear(message)
            if message.get("data") != []:  # ccxt looks for the symbol in the first trade
                super().handle_message(client, message)
        except (ccxt.BaseError, KeyError, TypeError, AttributeError, ValueError) as error:
            self._trouble = error

    async def check_symbols(self, symbols: Sequence[str]) -> dict[str, str]:
        """Ask the pairs, unless they are known, and return why symbols of which nonsense is listed cannot be heard.

        Those are called as `meant` calls them. UnknownSymbolError names what is nearest to a wrong symbol.
        """
        address = without_password(self._settings.base_url)
        try:
            if not self.listed.markets:
                assets = check_listing(await self.publicGetAssets(), "Assets")
                listed = list_markets(self, assets, check_listing(await self.publicGetAssetPairs(), "AssetPairs"))
                if any(is_unknown(listed, symbol) for symbol in symbols):
                    tokenized = await self.publicGetAssetPairs({"aclass_base": TOKENIZED})
                    listed = add_tokenized(self, assets, tokenized, listed)
                self.know(listed)
        except ccxt.BaseError as error:
            raise translate(error, "AssetPairs", address) from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise TransientExchangeError(f"AssetPairs: {address} did not answer as Kraken does ({error!r}).") from error
        refused = {symbol: why for symbol in map(self.meant, symbols) if (why := unlisted(self.listed, symbol))}
        for why in refused.values():
            if isinstance(why, UnknownSymbolError):
                raise why
        return {symbol: str(why) for symbol, why in refused.items()}

    def meant(self, symbol: str) -> str:
        """Return a symbol as loads store it, of what is listed."""
        return symbol_meant(self.listed, symbol)

    def know(self, listed: Listed) -> None:
        """Take over what is listed: ccxt's own reading of AssetPairs ends with any nonsense about any pair."""
        self.listed = listed
        self.set_markets(
            [
                {"id": each.market_id, "symbol": each.symbol, "base": each.base, "quote": each.quote}
                | {"type": "spot", "spot": True, "info": {"wsname": each.wsname}}
                for each in listed.markets
            ]
        )

    async def listen(self, symbols: Sequence[str]) -> None:
        """Subscribe to the symbols' trades and hear them until the connection ends: StreamEndedError says why."""
        self._heard_at, self._trouble = time.monotonic(), None
        while True:
            watching = asyncio.ensure_future(self.watch_trades_for_symbols(list(symbols), params={"snapshot": True}))
            try:
                while not watching.done():
                    await asyncio.wait(
                        {watching}, timeout=min(_TICK_SECONDS, self._settings.stream_silence_seconds / 4)
                    )
                    self._check_life()
                watching.result()
            except ccxt.BaseError as error:
                raise StreamEndedError(f"{self._address}: {_reason(error)}") from error
            except asyncio.CancelledError:
                if watching.cancelled():  # ccxt cancels what waits for a connection that it closes
                    raise StreamEndedError(f"{self._address}: the connection was closed") from None
                raise
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    def _check_life(self) -> None:
        silence = self._settings.stream_silence_seconds
        if self._trouble is not None:
            raise StreamEndedError(f"a message was not as Kraken documents ({self._trouble!r})") from self._trouble
        if time.monotonic() - self._heard_at > silence:
            raise StreamEndedError(f"nothing was heard for {silence:g} s, not even a heartbeat")

    async def end(self) -> None:
        """Close the connection and all that belongs to it; what does not answer is cut off."""
        for _ in range(2):
            with contextlib.suppress(asyncio.TimeoutError, ccxt.BaseError, OSError):
                await asyncio.wait_for(self.close(), _CLOSE_SECONDS)
                return


def successor(client: StreamClient | None, settings: KrakenSettings, hear: Callable[[Message], None]) -> StreamClient:
    """A fresh client for the next connection, which knows the markets that the one before it asked for."""
    fresh = StreamClient(settings, hear)
    if client is not None and client.listed.markets:
        fresh.know(client.listed)
    return fresh


def _proxy(address: str) -> dict[str, str]:
    """Return ccxt's setting for the proxy that the environment names: aiohttp knows none for a WebSocket."""
    parts = urlsplit(address)
    proxy = getproxies().get("https" if parts.scheme == "wss" else "http")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return {}
    return {"wssProxy" if parts.scheme == "wss" else "wsProxy": proxy}


def _reason(error: Exception) -> str:
    text = without_password(" ".join(str(error).split()))
    return text.removeprefix("kraken ")[:160] or type(error).__name__


class TradeStream(StreamListener):
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
                self._rename(client.meant)
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
