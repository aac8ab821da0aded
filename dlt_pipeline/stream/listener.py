"""What a stream has said so far: news to wait for, stretches to prove. Every method may be called from any thread."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import groupby
from typing import Any, Final

from dlt_pipeline.common.time import utc
from dlt_pipeline.kraken.answers import HIGHEST_WHOLE, time_flaw
from dlt_pipeline.kraken.settings import NS_PER_SECOND
from dlt_pipeline.stream.stretches import StreamedRange, Stretches

Message = Mapping[str, Any]
_STAMP: Final = re.compile(r"(?P<second>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.(?P<fraction>\d{1,9}))?Z")
_log = logging.getLogger("dlt_pipeline.kraken")
_SLICE_SECONDS: Final = 0.1
OnTrades = Callable[[str, list[tuple[int, int]], float], object]


def trades_of(message: Message) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield each symbol of a snapshot or update with its trades as (id, time in ns); ValueError, KeyError if broken."""
    if message.get("channel") == "trade":
        for symbol, trades in groupby(message["data"], key=lambda trade: str(trade["symbol"])):
            yield symbol, [(_trade_id(trade["trade_id"]), _trade_time(trade["timestamp"])) for trade in trades]


def subscribed_symbol(message: Message) -> str | None:
    """Return the symbol whose subscription a message acknowledges."""
    if message.get("method") == "subscribe" and message.get("success") is True:
        return str(message["result"]["symbol"])
    return None


def refusal(message: Message) -> tuple[str, str] | None:
    """Return the symbol whose subscription a message refuses, and why."""
    if message.get("method") == "subscribe" and message.get("success") is False and message.get("symbol"):
        return str(message["symbol"]), str(message.get("error"))
    return None


def stamp_ns(text: str) -> int:
    """Turn `2023-09-25T07:49:37.708706Z`, of up to nine decimals, into ns since the epoch; ValueError for others."""
    stamp = _STAMP.fullmatch(text)
    if not stamp:
        raise ValueError(f"{text!r} is no time of a trade")
    seconds = datetime.fromisoformat(stamp["second"]).replace(tzinfo=timezone.utc).timestamp()
    return int(seconds) * NS_PER_SECOND + int((stamp["fraction"] or "0").ljust(9, "0"))


def _trade_id(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= HIGHEST_WHOLE:
        raise ValueError(f"{value!r} is no trade id")
    return value


def _trade_time(value: Any) -> int:
    time_ns = stamp_ns(value)
    if flaw := time_flaw(time_ns // NS_PER_SECOND):
        raise ValueError(f"{value!r} is no trade's time: it {flaw}")
    return time_ns


class StreamListener:
    """Hears messages and ends of connections; knows nothing of how they come about."""

    def __init__(self, symbols: Sequence[str], gather_seconds: float, on_trades: OnTrades | None) -> None:
        """Listen for these ccxt symbols; `on_trades` as of TradeStream."""
        self._symbols, self._gather_seconds, self._on_trades = tuple(symbols), gather_seconds, on_trades
        self._changed = threading.Condition()
        self._heard = {symbol: Stretches(symbol) for symbol in symbols}
        self._news: set[str] = set()
        self._subscribed: set[str] = set()
        self._refused: set[str] = set()
        self._failure: Exception | None = None
        self._is_loss_told = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is listened for: as loads call it, once the exchange has told what it lists."""
        with self._changed:
            return self._symbols

    @property
    def is_connected(self) -> bool:
        """Whether all symbols are subscribed to that the exchange did not refuse."""
        with self._changed:
            return bool(self._subscribed) and self._subscribed | self._refused == set(self._symbols)

    @property
    def refused(self) -> set[str]:
        """Symbols that the exchange does not stream: they must be asked without news."""
        with self._changed:
            return set(self._refused)

    def newest(self, symbol: str) -> tuple[int, int] | None:
        """Highest id heard of a symbol and its trade's time (ns), or None."""
        with self._changed:
            return self._heard[symbol].newest

    def stretches(self, symbol: str) -> list[StreamedRange]:
        """What was heard of a symbol and is not forgotten, ascending."""
        with self._changed:
            return self._heard[symbol].stretches()

    def cut(self, symbol: str) -> None:
        """Let what is heard next of a symbol be a stretch of its own."""
        with self._changed:
            self._heard[symbol].close()

    def forget(self, symbol: str, up_to_id: int) -> None:
        """Drop closed stretches of a symbol up to this id: they are proven and recorded."""
        with self._changed:
            self._heard[symbol].forget(up_to_id)

    def wait(self, seconds: float, stop: threading.Event) -> set[str]:
        """Wait for news, `seconds` at most or until `stop` is set; returns the symbols with new trades, each once.

        It returns `stream_gather_seconds` after the first of them, so that a group of trades is one piece of news.
        Raises UnknownSymbolError, or another error after which trying again would not help.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self._news and self._failure is None and not stop.is_set():
                left = deadline - time.monotonic()
                if left <= 0:
                    return set()
                self._changed.wait(min(left, _SLICE_SECONDS))
            if self._failure is not None:
                raise self._failure
        stop.wait(self._gather_seconds)
        with self._changed:
            news, self._news = self._news, set()
            return news

    def _hear(self, message: Message) -> None:
        """Take a message; ValueError, KeyError, … for one that is not as Kraken documents."""
        now = time.time()
        with self._changed:
            if symbol := subscribed_symbol(message):
                self._subscribe(symbol, utc(now))
            elif refused := refusal(message):
                self._refuse(*refused)
            for symbol, trades in trades_of(message):
                self._subscribe(symbol, utc(now))
                if symbol in self._heard and self._heard[symbol].take(trades, utc(now)):
                    self._news.add(symbol)
                    self._changed.notify_all()
                if self._on_trades:
                    self._on_trades(symbol, trades, now)

    def _rename(self, meant: Callable[[str], str]) -> None:
        """Call the symbols so; who still asks by the other name is told that nothing was heard."""
        self._symbols = tuple(dict.fromkeys(map(meant, self._symbols)))
        for symbol in self._symbols:
            self._heard.setdefault(symbol, Stretches(symbol))

    def _subscribe(self, symbol: str, at: datetime) -> None:
        if symbol not in self._heard or symbol in self._subscribed:
            return
        self._heard[symbol].connect(at)
        self._subscribed.add(symbol)
        self._refused.discard(symbol)
        if self._subscribed | self._refused == set(self._symbols):
            _log.info("The stream tells of new trades of %s.", ", ".join(sorted(self._subscribed)))
            self._is_loss_told = False

    def _refuse(self, symbol: str, reason: str) -> None:
        if symbol in self._heard and symbol not in self._refused | self._subscribed:
            self._refused.add(symbol)
            _log.warning("%s: the stream does not tell of it (%s); it is asked at the usual pace.", symbol, reason)

    def _lost(self, error: Exception | None) -> None:
        """Note the end of a connection, on purpose (None) or not, and say it once until the next one stands."""
        with self._changed:
            if error and not self._is_loss_told:
                _log.warning("The stream of new trades ended (%s); loads go on, and it is opened again.", error)
                self._is_loss_told = True
            self._subscribed.clear()
            for heard in self._heard.values():
                heard.close(utc(time.time()))

    def _fail(self, error: Exception) -> None:
        """Note that the stream will never tell anything again."""
        with self._changed:
            self._failure = error
            self._changed.notify_all()
