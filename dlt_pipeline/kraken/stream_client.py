"""One connection to Kraken's WebSocket v2 by ccxt.pro; with client.py the only importer of ccxt."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import ccxt
import ccxt.pro

from dlt_pipeline.common.exceptions import StreamEndedError, TransientExchangeError, UnknownSymbolError
from dlt_pipeline.kraken.errors import translate
from dlt_pipeline.kraken.markets import Listed, check_listing, list_markets, unlisted
from dlt_pipeline.kraken.settings import KrakenSettings, stream_address, trusted, without_password

Message = dict[str, Any]
# A server that hangs does not say good-bye either.
_CLOSE_SECONDS: Final = 2.0
_TICK_SECONDS: Final = 1.0


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

        UnknownSymbolError names what is nearest to a wrong symbol.
        """
        address = without_password(self._settings.base_url)
        try:
            if not self.listed.markets:
                assets = check_listing(await self.publicGetAssets(), "Assets")
                self.know(list_markets(self, assets, check_listing(await self.publicGetAssetPairs(), "AssetPairs")))
        except ccxt.BaseError as error:
            raise translate(error, "AssetPairs", address) from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise TransientExchangeError(f"AssetPairs: {address} did not answer as Kraken does ({error!r}).") from error
        refused = {symbol: why for symbol in symbols if (why := unlisted(self.listed, symbol))}
        for why in refused.values():
            if isinstance(why, UnknownSymbolError):
                raise why
        return {symbol: str(why) for symbol, why in refused.items()}

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
