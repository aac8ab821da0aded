"""What a follower needs of a stream: a wait that ends with news, who need not be asked, and a proof after each load."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final

import duckdb

from dlt_pipeline.common.exceptions import WarehouseError, WarehouseLockedError
from dlt_pipeline.common.time import utc
from dlt_pipeline.kraken.settings import KrakenSettings
from dlt_pipeline.stream.client import TradeStream
from dlt_pipeline.stream.listener import OnTrades
from dlt_pipeline.stream.record import read_loaded, write_proofs
from dlt_pipeline.stream.stretches import Loaded, Proof, prove
from dlt_pipeline.warehouse.database import open_warehouse
from dlt_pipeline.warehouse.errors import explain, when_unlocked
from dlt_pipeline.warehouse.ops import STREAMED_STRETCHES

_log = logging.getLogger("dlt_pipeline.kraken")
# The end of a follower waits so long for a reader of the warehouse; what is not recorded then is no loss of trades.
_LAST_WAIT_SECONDS: Final = 10.0


class StreamWaiter:
    """A stream and its proofs, from `with` to its end; for one thread."""

    def __init__(self, settings: KrakenSettings, symbols: Sequence[str], on_trades: OnTrades | None = None) -> None:
        """Prepare for ccxt symbols, as TradeStream does; BadInputError if the stream's address is not known."""
        self.stream = TradeStream(settings, symbols, on_trades)
        self._settings, self._symbols = settings, tuple(symbols)
        self._asked_at: dict[str, float] = {}
        self._loaded: dict[str, Loaded] = {}
        self._told: set[tuple[str, int]] = set()

    def __enter__(self) -> "StreamWaiter":
        """Begin to connect."""
        self.stream.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the connection; `finish` before it, if what was heard is to be recorded."""
        self.stream.stop()

    def wait(self, seconds: float, stop: threading.Event) -> set[str]:
        """Return the symbols with news as soon as there are any; the empty set after `seconds`, or once `stop` is set.

        Raises UnknownSymbolError. A stream that is down brings no news and no error: it is opened again meanwhile.
        """
        return self.stream.wait(seconds, stop)

    def quiet(self) -> set[str]:
        """Return the symbols that need not be asked now: connected, nothing heard beyond what is loaded, asked lately.

        Each is asked every `stream_quiet_seconds` all the same, for only REST proves that nobody traded.
        """
        if not self.stream.is_connected:
            return set()
        return {symbol for symbol in set(self._symbols) - self.stream.refused if self._is_quiet(symbol)}

    def _is_quiet(self, symbol: str) -> bool:
        newest = self.stream.newest(symbol)
        age = time.monotonic() - self._asked_at.get(symbol, float("-inf"))
        loaded = self._loaded.get(symbol)
        is_known = newest is None or (loaded is not None and loaded.has_seen(*newest))
        return is_known and age < self._settings.stream_quiet_seconds

    def after_load(self, warehouse: Path, asked: Sequence[str] | None = None) -> list[Proof]:
        """Prove what was heard against the warehouse, and record what is done; returns what was recorded.

        `asked` are the symbols that were loaded (None: all). Nothing is raised for a warehouse that cannot be used: one
        in use is read after the next load, and of anything worse that load will speak.
        """
        self._asked_at |= dict.fromkeys(self._symbols if asked is None else asked, time.monotonic())
        try:
            return self._prove(warehouse, is_last=False)
        except WarehouseLockedError:
            return []
        except WarehouseError as error:
            _log.warning("What was heard is not proven yet: %s", error)
            return []

    def finish(self, warehouse: Path) -> list[Proof]:
        """Close the connection and record all that was heard, loaded or not; returns what was recorded."""
        self.stream.stop()
        try:
            return when_unlocked(
                lambda: self._prove(warehouse, is_last=True), warehouse, threading.Event(), _LAST_WAIT_SECONDS
            )
        except WarehouseError as error:
            _log.warning(
                "What was heard last is not recorded in %s, no trade is lost by it: %s", STREAMED_STRETCHES, error
            )
            return []

    def _prove(self, warehouse: Path, is_last: bool) -> list[Proof]:
        heard = {symbol: found for symbol in self._symbols if (found := self.stream.stretches(symbol))}
        if not heard or not warehouse.exists():
            return []
        done: list[Proof] = []
        with open_warehouse(warehouse) as connection:
            for symbol, stretches in heard.items():
                loaded = read_loaded(connection, symbol, stretches)
                self._loaded[symbol] = replace(loaded, ids=())
                proofs = [prove(stretch, loaded) for stretch in stretches]
                self._tell(symbol, proofs)
                self._cut(symbol, proofs[-1], loaded)
                done += [each for each in proofs if is_last or (each.is_done and not each.stretch.is_open)]
            if done:
                try:
                    write_proofs(connection, done, utc(time.time()))
                except duckdb.Error as error:
                    raise explain(error, warehouse) or WarehouseError(
                        f"{STREAMED_STRETCHES} cannot be written: {error}"
                    ) from error
        for proof in done:
            self.stream.forget(proof.stretch.symbol, proof.stretch.last_trade_id)
        return done

    def _cut(self, symbol: str, newest: Proof, loaded: Loaded) -> None:
        """Let a long stretch end, so that the next load's proof of it is recorded."""
        longest = timedelta(seconds=self._settings.stream_record_seconds)
        if (
            loaded.begins_ns is not None
            and newest.stretch.is_open
            and utc(time.time()) - newest.stretch.first_heard_at >= longest
        ):
            self.stream.cut(symbol)

    def _tell(self, symbol: str, proofs: Sequence[Proof]) -> None:
        """Say once of each trade that was heard and that REST does not give."""
        lost = [each for proof in proofs for each in proof.not_in_rest if (symbol, each) not in self._told]
        self._told |= {(symbol, each) for each in lost}
        if lost:
            _log.warning(
                "%s: %s heard on the stream, but REST gave only later ones; see %s and kraken.id_holes. A load with "
                "explicit bounds over that time asks once more.",
                symbol,
                f"trade {lost[0]} was" if len(lost) == 1 else f"{len(lost)} trades from {lost[0]} to {lost[-1]} were",
                STREAMED_STRETCHES,
            )
