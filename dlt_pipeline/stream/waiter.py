"""What a follower needs of a stream: a wait that ends with news, who need not be asked, a proof after each load.

Proofs are only ever added to `kraken_ops.streamed_stretches`.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import duckdb

from dlt_pipeline.common.exceptions import WarehouseError, WarehouseLockedError
from dlt_pipeline.common.time import utc, utc_of_ns
from dlt_pipeline.kraken.ledger import LEDGER_COLUMNS, LedgerRow, Range, ledger_row, merge
from dlt_pipeline.kraken.settings import NS_PER_SECOND, KrakenSettings
from dlt_pipeline.stream.client import TradeStream
from dlt_pipeline.stream.listener import OnTrades
from dlt_pipeline.stream.stretches import IdRange, LoadedIds, StreamedRange, StreamProof, prove
from dlt_pipeline.warehouse.database import DATASET, ask_built, open_warehouse
from dlt_pipeline.warehouse.errors import explain, when_unlocked
from dlt_pipeline.warehouse.ops import COLUMNS, STREAMED_STRETCHES, ensure_table


def read_loaded(connection: duckdb.DuckDBPyConnection, symbol: str, stretches: Sequence[StreamedRange]) -> LoadedIds:
    """Read which ids of the stretches are loaded, and what the ledger proves around them."""
    from_ns = min(stretch.from_time_ns for stretch in stretches) - NS_PER_SECOND  # times are shown rounded
    first = min(_first_id(stretch) for stretch in stretches)
    last = max(stretch.last_trade_id for stretch in stretches)
    trades = (
        f"select trade_id from {DATASET}.trades where symbol = ? "  # noqa: S608 - own names only
        f"and traded_on >= date '{utc_of_ns(from_ns).date()}' and trade_id between ? and ?"
    )
    columns = ", ".join(f"p.{name}" for name in LEDGER_COLUMNS)
    pages = (
        f"select p.first_trade_id, {columns} from {DATASET}.pages as p "  # noqa: S608
        f"inner join {DATASET}._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0 "
        "where p.symbol = ? and p.covered_to_ns >= ?"
    )
    try:
        ids = {each for (each,) in connection.execute(trades, [symbol, first, last]).fetchall()}
        rows = [
            (each, ledger_row(tuple(values)))
            for each, *values in connection.execute(pages, [symbol, from_ns]).fetchall()
        ]
    except duckdb.CatalogException:
        return LoadedIds(frozenset(), (), None)
    ids |= _kept_ids(connection, symbol, first, last)
    ranges = merge(row for _, row in rows)
    return LoadedIds(ids, _spans(ranges, rows), ranges[0].from_ns if ranges else None)


def _kept_ids(connection: duckdb.DuckDBPyConnection, symbol: str, first: int, last: int) -> set[int]:
    """Return the ids of days whose trades were removed; such a day has all ids from its first to its last one."""
    query = (
        "select distinct unnest(range(greatest(first_trade_id, $first), least(last_trade_id, $last) + 1)) "
        "from kraken_kept.kept_days where symbol = $symbol and first_trade_id <= $last and last_trade_id >= $first"
    )
    found = ask_built(connection, query, {"symbol": symbol, "first": first, "last": last})
    return {each for (each,) in found or ()}  # none: nothing was ever removed here


def _first_id(stretch: StreamedRange) -> int:
    return stretch.first_trade_id if stretch.after_trade_id is None else stretch.after_trade_id + 1


def _spans(ranges: Sequence[Range], rows: Sequence[tuple[int | None, LedgerRow]]) -> tuple[IdRange, ...]:
    """Return the ids of each range of coverage: from the first trade of its rows to the last one known behind them."""
    spans = []
    for known in ranges:
        inside = [
            (first or row.cursor.known_trade_id, row.cursor.known_trade_id)
            for first, row in rows
            if row.cursor.known_trade_id and known.from_ns <= row.cursor.covered_to_ns <= known.to_ns
        ]
        if inside:
            spans.append((min(first for first, _ in inside if first), max(last for _, last in inside if last)))
    return tuple(spans)


def write_proofs(connection: duckdb.DuckDBPyConnection, proofs: Sequence[StreamProof], proven_at: datetime) -> None:
    """Add a row a proof, all or none; `proven_at` is naive UTC."""
    columns = COLUMNS[STREAMED_STRETCHES]
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    connection.execute("begin")
    ensure_table(connection, STREAMED_STRETCHES)
    for proof in proofs:
        row = _row(proof, proven_at)
        statement = f"insert into {STREAMED_STRETCHES} ({names}) values ({marks})"  # noqa: S608 - own names only
        connection.execute(statement, [row[name] for name in columns])
    connection.execute("commit")


def _row(proof: StreamProof, proven_at: datetime) -> dict[str, Any]:
    stretch, lost = proof.stretch, proof.not_in_rest
    return {
        "symbol": stretch.symbol,
        "first_trade_id": stretch.first_trade_id,
        "last_trade_id": stretch.last_trade_id,
        "heard_count": stretch.trade_count,
        "missing_in_stream": stretch.missing_count,
        "completed_from_rest": proof.completed_from_rest,
        "not_loaded_yet": proof.not_loaded_yet,
        "outside_load": proof.outside_load,
        "not_in_rest": len(lost),
        "first_not_in_rest": min(lost, default=None),
        "last_not_in_rest": max(lost, default=None),
        "connected_at": stretch.connected_at,
        "disconnected_at": stretch.disconnected_at,
        "first_heard_at": stretch.first_heard_at,
        "last_heard_at": stretch.last_heard_at,
        "proven_at": proven_at,
    }


_log = logging.getLogger("dlt_pipeline.kraken")
# The end of a follower waits so long for a reader of the warehouse; what is not recorded then is no loss of trades.
_LAST_WAIT_SECONDS: Final = 10.0


class StreamWaiter:
    """A stream and its proofs, from `with` to its end; for one thread."""

    def __init__(self, settings: KrakenSettings, symbols: Sequence[str], on_trades: OnTrades | None = None) -> None:
        """Prepare for ccxt symbols, as TradeStream does; BadInputError if the stream's address is not known."""
        self.stream = TradeStream(settings, symbols, on_trades)
        self._settings = settings
        self._asked_at: dict[str, float] = {}
        self._loaded: dict[str, LoadedIds] = {}
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
        return {symbol for symbol in set(self.stream.symbols) - self.stream.refused if self._is_quiet(symbol)}

    def _is_quiet(self, symbol: str) -> bool:
        newest = self.stream.newest(symbol)
        age = time.monotonic() - self._asked_at.get(symbol, float("-inf"))
        loaded = self._loaded.get(symbol)
        is_known = newest is None or (loaded is not None and loaded.has_seen(*newest))
        return is_known and age < self._settings.stream_quiet_seconds

    def after_load(self, warehouse: Path, asked: Sequence[str] | None = None) -> list[StreamProof]:
        """Prove what was heard against the warehouse, and record what is done; returns what was recorded.

        `asked` are the symbols that were loaded (None: all). Nothing is raised for a warehouse that cannot be used: one
        in use is read after the next load, and of anything worse that load will speak.
        """
        self._asked_at |= dict.fromkeys(self.stream.symbols if asked is None else asked, time.monotonic())
        try:
            return self._prove(warehouse, is_last=False)
        except WarehouseLockedError:
            return []
        except WarehouseError as error:
            _log.warning("What was heard is not proven yet: %s", error)
            return []

    def finish(self, warehouse: Path) -> list[StreamProof]:
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

    def _prove(self, warehouse: Path, is_last: bool) -> list[StreamProof]:
        heard = {symbol: found for symbol in self.stream.symbols if (found := self.stream.stretches(symbol))}
        if not heard or not warehouse.exists():
            return []
        done: list[StreamProof] = []
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

    def _cut(self, symbol: str, newest: StreamProof, loaded: LoadedIds) -> None:
        """Let a long stretch end, so that the next load's proof of it is recorded."""
        longest = timedelta(seconds=self._settings.stream_record_seconds)
        if (
            loaded.begins_ns is not None
            and newest.stretch.is_open
            and utc(time.time()) - newest.stretch.first_heard_at >= longest
        ):
            self.stream.cut(symbol)

    def _tell(self, symbol: str, proofs: Sequence[StreamProof]) -> None:
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
