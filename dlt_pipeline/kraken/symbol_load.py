"""One symbol's part of a chunk: asks page after page, proves each, and yields Arrow batches with their ledger rows."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from dlt_pipeline.exceptions import LoadStoppedError
from dlt_pipeline.kraken.arrow import to_table, trades_table
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.cursor import Cursor, NewTrade, Step, take
from dlt_pipeline.kraken.ledger import Wanted
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.page import TradePage
from dlt_pipeline.kraken.rows import hole_row, missing_ids, page_row, snapshot_rows
from dlt_pipeline.kraken.settings import NS_PER_SECOND, KrakenSettings

_log = logging.getLogger("dlt_pipeline.kraken")


@dataclass(frozen=True)
class Progress:
    """Where a symbol's load stands after a page: highest trade id (None without ids), time reached (ns, UTC).

    `exchange_ns` is the exchange's own time of the answer, cut to whole seconds.
    """

    symbol: str
    trade_id: int | None
    covered_to_ns: int
    new_trades: int
    missing_ids: int
    exchange_ns: int


@dataclass
class Budget:
    """What a chunk may take: `pages` for each symbol, and a moment (monotonic seconds) after which no page begins."""

    pages: int
    until: float

    def is_spent(self, pages: int) -> bool:
        """Tell whether a symbol that took in so many pages must leave the rest to the next chunk; one is always had."""
        return pages > 0 and (pages >= self.pages or time.monotonic() >= self.until)


@dataclass
class Batch:
    """Rows of one yield, by raw table."""

    tables: dict[str, pa.Table]


@dataclass(frozen=True)
class _Answer:
    """A page as it was taken in; `stamps` are our clock before and after asking (Unix seconds)."""

    step: Step
    page: TradePage
    stamps: tuple[float, float]

    @property
    def missing_ids(self) -> int:
        return missing_ids(self.step)

    @property
    def reach(self) -> tuple[int, int]:
        return self.step.cursor.known_trade_id or 0, self.step.cursor.covered_to_ns


@dataclass
class SymbolLoad:
    """Loads `wanted` ranges of one market until done, the budget is spent or `stop` is set."""

    client: KrakenClient
    market: Market
    settings: KrakenSettings
    wanted: Sequence[Wanted]
    budget: Budget
    is_backfill: bool
    timeframes: Sequence[str]
    stop: threading.Event
    on_progress: Callable[[Progress], None] | None = None
    is_done: bool = False
    cursor: Cursor | None = None
    _trades: list[NewTrade] = field(default_factory=list)
    _pages: list[dict[str, object]] = field(default_factory=list)
    _holes: list[dict[str, object]] = field(default_factory=list)
    _taken: int = 0

    def batches(self) -> Iterator[Batch]:
        """Yield batches of at least `settings.batch_trades` trades, the last one smaller; then Kraken's own candles.

        Whatever was taken in before an error is yielded before the error is raised.
        """
        try:
            for step in self._steps():
                if len(self._trades) >= self.settings.batch_trades:
                    yield self._flush()
                self.cursor = step.cursor
        except Exception:
            if self._pages:
                yield self._flush()
            raise
        if self._pages:
            yield self._flush()
        if self.is_done:
            yield from self._snapshots()

    def _steps(self) -> Iterator[Step]:
        for wanted in self.wanted:
            cursor, is_done = wanted.cursor, False
            while not is_done:
                if self.stop.is_set() or self.budget.is_spent(self._taken):
                    return
                step = self._next(cursor, wanted.end_ns)
                cursor, is_done = step.cursor, step.is_done
                yield step
        self.is_done = True

    def _next(self, cursor: Cursor, end_ns: int | None) -> Step:
        """Take in the page after `cursor`; a page with a hole in its ids is asked for again before it is believed."""
        best = self._ask(cursor, end_ns)
        asked_times = 1
        while best.step.holes and asked_times <= self.settings.hole_retries:
            again = self._ask(cursor, end_ns)
            asked_times += 1
            # A full page stands for itself; one cut short would hide the hole behind its own end.
            if again.missing_ids < best.missing_ids and (again.step.is_full or again.reach >= best.reach):
                best = again
        self._record(best, cursor, asked_times)
        return best.step

    def _ask(self, cursor: Cursor, end_ns: int | None) -> "_Answer":
        asked = time.time()
        page = self.client.trades(self.market, cursor.since, self.settings.page_size)
        answered = time.time()
        margin_ns = int(self.settings.head_margin_seconds * NS_PER_SECOND)
        return _Answer(take(cursor, page, self.settings.page_size, end_ns, margin_ns), page, (asked, answered))

    def _record(self, answer: "_Answer", asked_with: Cursor, times: int) -> None:
        step = answer.step
        self._taken += 1
        self._trades.extend(step.trades)
        self._pages.append(page_row(self.market, step, answer.page, asked_with, answer.stamps, self.is_backfill))
        for hole in step.holes:
            self._holes.append(hole_row(self.market.symbol, hole, times, answer.stamps[1]))
            _log.warning(
                "%s: trades %d to %d are missing between %d and %d ns, also after asking %d times; "
                "the rest is kept, the hole is recorded in id_holes and its buckets stay out of candles.",
                *(self.market.symbol, hole.first_id, hole.last_id, hole.from_ns, hole.to_ns, times),
            )
        if self.on_progress:
            cursor = step.cursor
            self.on_progress(
                Progress(
                    self.market.symbol,
                    cursor.known_trade_id,
                    cursor.covered_to_ns,
                    len(step.trades),
                    answer.missing_ids,
                    answer.page.exchange_ns,
                )
            )

    def _flush(self) -> Batch:
        """Hand over trades, ledger and holes together, so that one commit holds them all."""
        tables = {"pages": to_table("pages", self._pages)}
        if self._trades:
            tables["trades"] = trades_table(self.market.symbol, self._trades)
        if self._holes:
            tables["id_holes"] = to_table("id_holes", self._holes)
        self._trades, self._pages, self._holes = [], [], []
        return Batch(tables)

    def _snapshots(self) -> Iterator[Batch]:
        for timeframe in self.timeframes:
            if self.stop.is_set():
                raise LoadStoppedError("Stopped before Kraken's own candles were fetched.")
            snapshot = self.client.rest_candles(self.market, timeframe)
            rows = snapshot_rows(self.market.symbol, snapshot, time.time())
            if rows:
                yield Batch({"rest_candles": to_table("rest_candles", rows)})
