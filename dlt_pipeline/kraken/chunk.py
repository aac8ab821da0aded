"""One bounded run over several symbols: who goes on where, who is done, who failed, what it may take, its batches."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import dlt
import pyarrow as pa

from dlt_pipeline.common.exceptions import KrakenCandlesError, LoadStoppedError
from dlt_pipeline.common.threads import AnyOf, Stop
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.extract import Extracted, Progress, SymbolLoad
from dlt_pipeline.kraken.ledger_store import Lacking, LedgerStore
from dlt_pipeline.kraken.markets import Seen
from dlt_pipeline.kraken.raw_tables import SCHEMAS, Batch, to_table
from dlt_pipeline.kraken.reader import Direct, Reader, Readers
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.warehouse.pipeline import active_pipeline

_log = logging.getLogger("dlt_pipeline.kraken")
Known = tuple[dict[str, Lacking], dict[str, dict[str, int]], dict[str, Seen]]
# The tables that one answer of the exchange fills.
SYMBOL_TABLES: Final = ("trades", "pages", "id_holes", "rest_candles")


class Gathered:
    """What was taken in since the last batch."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tables: dict[str, list[pa.Table]] = {}
        self._rows: dict[str, list[Mapping[str, Any]]] = {}
        self.trade_count = 0

    @property
    def has_any(self) -> bool:
        """Whether anything was taken in."""
        return bool(self._tables) or any(self._rows.values())

    def add(self, taken: Extracted) -> None:
        """Put one answer behind the others."""
        self.trade_count += taken.trade_count
        for table, part in taken.tables.items():
            self._tables.setdefault(table, []).append(part)
        for table, rows in taken.rows.items():
            self._rows.setdefault(table, []).extend(rows)

    def flush(self) -> Batch:
        """Return all of it by table, and begin anew."""
        batch = {table: to_table(table, rows) for table, rows in self._rows.items() if rows}
        batch |= {table: pa.concat_tables(parts).combine_chunks() for table, parts in self._tables.items()}
        self._tables, self._rows, self.trade_count = {}, {}, 0
        return batch


class Budget:
    """`pages` for each symbol, and a moment (monotonic seconds) at which the chunk ends; safe for several threads.

    The chunk is over for all as soon as the first symbol has its pages: none waits for a slower one.
    """

    def __init__(self, pages: int, until: float) -> None:
        """Begin with nothing taken."""
        self._pages, self._until = pages, until
        self._has_moved, self._is_full = threading.Event(), threading.Event()

    def allows(self, pages: int) -> bool:
        """Whether a symbol that took in so many pages may take another; one is always had."""
        return pages < self._pages and (pages == 0 or time.monotonic() < self._until)

    def count(self, pages: int) -> None:
        """Hear that a symbol took in its page number `pages`."""
        self._has_moved.set()
        if pages >= self._pages:
            self._is_full.set()

    def is_over(self) -> bool:
        """Whether the chunk moved and waits for no further answer; what was answered already still belongs to it."""
        return self._has_moved.is_set() and (self._is_full.is_set() or time.monotonic() >= self._until)


@dataclass(frozen=True)
class Limit:
    """What dlt's `add_limit` asks of a symbol: so many items, so many seconds; None or below 0 and 0 are none.

    An item is a page of trades, or a trade where `count_rows`. Pages are taken whole, so that what is committed is
    proven and the next run goes on behind it.
    """

    max_items: int | None = None
    max_time: float | None = None
    count_rows: bool | None = False

    def allows(self, pages: int, trades: int, seconds: float) -> bool:
        """Whether another page may follow so many pages with so many trades, taken in so many seconds."""
        items = trades if self.count_rows else pages
        is_full = self.max_items is not None and 0 <= self.max_items <= items
        is_late = pages > 0 and bool(self.max_time) and seconds > (self.max_time or 0)
        return not is_full and not is_late


class Chunk:
    """Shared by the threads of the symbols; `done` are the symbols that lack nothing any more."""

    def __init__(
        self,
        session: Session,
        request: Request,
        on_progress: Callable[[Progress], None] | None = None,
        on_failure: Callable[[str, KrakenCandlesError], None] | None = None,
        patiently: Callable[[Callable[[], Known]], Known] = lambda read: read(),
        readers: Readers | None = None,
    ) -> None:
        """Keep what the resources need; without `on_failure` the first symbol's error ends the run.

        `patiently` reads the ledger: it may wait where another process holds the warehouse. `readers` go on asking from
        chunk to chunk; without them a symbol is asked for within the chunk alone.
        """
        self._patiently, self._readers = patiently, readers
        self.session, self.request = session, request
        self.on_progress, self.on_failure = on_progress, on_failure
        self.done: set[str] = set()
        self.limits: dict[str, Limit] = {}
        self._budget: Budget | None = None
        self._has_tables = False
        self._lacking: dict[str, Lacking] = {}
        self._refused: dict[str, KrakenCandlesError] = {}
        self._statuses: dict[str, Seen] = {}
        self._lock = threading.Lock()

    def begin(self) -> Budget:
        """Open the session, read the ledger, start asking and the chunk's clock: once, by whichever symbol is first."""
        with self._lock:
            if self._budget is None:
                pipeline = active_pipeline("duckdb", "filesystem")
                if not self.session.markets:
                    self.session.open(self.request)
                readers = self._readers
                symbols = [name for name in self.request.symbols if readers is None or name not in readers]
                if symbols or not self.session.are_statuses_told:
                    self._read(pipeline, symbols)
                settings = self.session.settings
                self._budget = Budget(settings.chunk_pages, time.monotonic() + settings.chunk_seconds)
                if readers is not None:
                    for symbol in (name for name in symbols if name not in self._refused):
                        cancelled = threading.Event()
                        stop = AnyOf(self.session.stop, cancelled)
                        client = self.session.lend_client(symbol, stop)
                        back = partial(self.session.give_back, symbol, client)
                        readers.add(self._load(symbol, client, stop), cancelled, settings.chunk_pages, back)
            return self._budget

    def _read(self, pipeline: dlt.Pipeline, symbols: Sequence[str]) -> None:
        def read() -> Known:
            with LedgerStore.of_pipeline(pipeline) as store:
                statuses = {} if self.session.are_statuses_told else store.statuses()
                return store.lacking(self.session, self.request.part(symbols)), store.market_ids(symbols), statuses

        self._lacking, market_ids, self._statuses = self._patiently(read)
        for symbol in symbols:
            if error := self.session.refusal(symbol, market_ids.get(symbol, {})):
                self._refused[symbol] = error

    def _load(self, symbol: str, client: KrakenClient, stop: Stop) -> SymbolLoad:
        return SymbolLoad(
            client=client,
            market=self.session.market(symbol),
            settings=self.session.settings,
            wanted=self._lacking[symbol].missing,
            is_backfill=self.request.is_backfill(symbol),
            timeframes=self.request.timeframes,
            stop=stop,
        )

    def changed_statuses(self) -> list[dict[str, Any]]:
        """Return the rows of the statuses that changed since the last load; asks the exchange's own."""
        self.begin()
        return self.session.changed_statuses(self._statuses)

    def answers(self, symbol: str) -> Iterator[Batch]:
        """Yield a symbol's batches and keep its cursor in dlt's state; the ledger, not the state, says where to go on.

        A failure leaves what was taken in before it in place.
        """
        cursors = dlt.current.source_state().setdefault("cursors", {})
        try:
            budget = self.begin()
            if symbol in self._refused:
                raise self._refused[symbol]
            if self._readers is not None:
                reader: Reader = self._readers[symbol]
            else:
                reader = Direct(self._load(symbol, self.session.client(symbol), self.session.stop))
            with self._lock:
                has_tables, self._has_tables = self._has_tables, True
            if not has_tables:  # dbt reads all of them
                yield {name: SCHEMAS[name].empty_table() for name in SYMBOL_TABLES}
            yield from self._batches(reader, budget, symbol, cursors)
            if reader.is_done:
                self.done.add(symbol)
        except LoadStoppedError:
            return
        except KrakenCandlesError as error:
            if self.on_failure is None:
                raise
            self.on_failure(symbol, error)

    def _batches(self, reader: Reader, budget: Budget, symbol: str, cursors: dict[str, Any]) -> Iterator[Batch]:
        """Yield batches of at least `batch_trades` trades, the last one smaller; also of what came before an error."""
        gathered, pages, trades = Gathered(), 0, 0
        limit, began = self.limits.get(symbol, Limit()), time.monotonic()
        try:
            while budget.allows(pages) and limit.allows(pages, trades, time.monotonic() - began):
                taken = reader.take(budget.is_over)
                if taken is None:
                    break
                gathered.add(taken)
                if taken.progress and self.on_progress:
                    self.on_progress(taken.progress)
                if taken.cursor:
                    pages += 1
                    trades += taken.trade_count
                    budget.count(pages)
                    if not self.request.is_backfill(symbol):
                        cursors[symbol] = asdict(taken.cursor)
                if gathered.trade_count >= self.session.settings.batch_trades:
                    yield gathered.flush()
        except Exception:
            if gathered.has_any:
                yield gathered.flush()
            raise
        if gathered.has_any:
            yield gathered.flush()
