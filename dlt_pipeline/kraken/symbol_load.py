"""One symbol's load: asks page after page, proves each, and gives what it brought with its ledger row."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from dlt_pipeline.dates import show_ns
from dlt_pipeline.exceptions import BadAnswerError, TransientExchangeError
from dlt_pipeline.kraken.arrow import trades_table
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.cursor import Cursor, Step, is_contradicted, take
from dlt_pipeline.kraken.ledger import Wanted
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.page import TradePage
from dlt_pipeline.kraken.rows import hole_row, missing_ids, page_row, snapshot_rows
from dlt_pipeline.kraken.settings import NS_PER_SECOND, KrakenSettings
from dlt_pipeline.kraken.stopping import Stop

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


@dataclass(frozen=True)
class Taken:
    """What one answer brought: its trades, its rows of the other raw tables, and where the symbol stands after it.

    Cursor and progress are None for an answer of Kraken's own candles.
    """

    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    trades: pa.Table | None = None
    cursor: Cursor | None = None
    progress: Progress | None = None


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
    """Loads `wanted` ranges of one market, and then Kraken's own candles, until `is_done` or `stop` is set."""

    client: KrakenClient
    market: Market
    settings: KrakenSettings
    wanted: Sequence[Wanted]
    is_backfill: bool
    timeframes: Sequence[str]
    stop: Stop
    is_done: bool = field(default=False, init=False)

    def answers(self) -> Iterator[Taken]:
        """Yield what each answer brought, in order; whoever takes it decides what is committed together."""
        for wanted in self.wanted:
            cursor, is_done, is_short = wanted.cursor, False, False
            while not is_done:
                if self.stop.is_set():
                    return
                settled = self._settled(cursor, wanted.end_ns) if is_short else None
                answer, times = (settled, 1) if settled else self._next(cursor, wanted.end_ns)
                yield self._taken(answer, cursor, times)
                cursor, is_done, is_short = answer.step.cursor, answer.step.is_done, not answer.step.is_full
        wrong: BadAnswerError | None = None  # said at the end: the other timeframes are no worse for it
        for timeframe in self.timeframes:
            if self.stop.is_set():
                return
            try:
                snapshot = self.client.rest_candles(self.market, timeframe)
            except BadAnswerError as error:
                wrong = wrong or error
                continue
            yield Taken({"rest_candles": snapshot_rows(self.market.symbol, snapshot, time.time())})
        if wrong:
            raise wrong
        self.is_done = True

    def _next(self, cursor: Cursor, end_ns: int | None) -> tuple["_Answer", int]:
        """Return the page after `cursor` and how often it was asked for: one with a hole in its ids is not believed."""
        best = self._borne_out(cursor, end_ns)
        asked_times = 1
        while best.step.holes and asked_times <= self.settings.hole_retries:
            again = self._borne_out(cursor, end_ns)
            asked_times += 1
            # A full page stands for itself; one cut short would hide the hole behind its own end.
            if again.missing_ids < best.missing_ids and (again.step.is_full or again.reach >= best.reach):
                best = again
        return best, asked_times

    def _borne_out(self, cursor: Cursor, end_ns: int | None) -> "_Answer":
        """Ask for the page after `cursor`; that nothing follows is believed only if the pair's newest page agrees.

        Raises TransientExchangeError where the two contradict each other each time.
        """
        for _ in range(1 + self.settings.hole_retries):
            answer = self._ask(cursor, end_ns)
            if not answer.step.is_silent:
                return answer
            newest = self.client.trades(self.market, None, self.settings.page_size)
            if not is_contradicted(answer.step, newest, answer.page.exchange_ns - self._margin_ns):
                return answer
        last = newest.rows[-1] if newest.rows else None
        shown = f"ends with trade {last.trade_id} at {show_ns(last.time_ns)} UTC" if last else "is empty"
        raise TransientExchangeError(
            f"{self.market.symbol}: the exchange says that nothing follows {show_ns(answer.step.cursor.tail_time_ns)} "
            f"UTC, but its newest page {shown}: one of the two is wrong, so this silence is not proven. What came "
            "before is kept; load again later."
        )

    def _settled(self, cursor: Cursor, end_ns: int | None) -> "_Answer | None":
        """After an answer that was not full: nothing followed if the pair's newest trade is the last known one.

        So one call proves the silence, where asking on from the cursor would take a second one to be borne out. None
        where it is another trade, or has no id.
        """
        if cursor.known_trade_id is None or cursor.idless_since_id:
            return None
        asked = time.time()
        newest = self.client.trades(self.market, None, self.settings.page_size)
        stamps = asked, time.time()
        if not newest.rows or newest.rows[-1].trade_id != cursor.known_trade_id:
            return None
        page = replace(newest, rows=(), last=None)  # known, all of it
        return _Answer(take(cursor, page, self.settings.page_size, end_ns, self._margin_ns), page, stamps)

    @property
    def _margin_ns(self) -> int:
        return int(self.settings.head_margin_seconds * NS_PER_SECOND)

    def _ask(self, cursor: Cursor, end_ns: int | None) -> "_Answer":
        asked = time.time()
        page = self.client.trades(self.market, cursor.since, self.settings.page_size)
        answered = time.time()
        step = take(cursor, page, self.settings.page_size, end_ns, self._margin_ns)
        return _Answer(step, page, (asked, answered))

    def _taken(self, answer: "_Answer", asked_with: Cursor, times: int) -> Taken:
        step, symbol = answer.step, self.market.symbol
        for hole in step.holes:
            _log.warning(
                "%s: trades %d to %d are missing between %d and %d ns, also after asking %d times; "
                "the rest is kept, the hole is recorded in id_holes and its buckets stay out of candles.",
                *(symbol, hole.first_id, hole.last_id, hole.from_ns, hole.to_ns, times),
            )
        return Taken(
            rows={
                "pages": [page_row(self.market, step, answer.page, asked_with, answer.stamps, self.is_backfill)],
                "id_holes": [hole_row(symbol, hole, times, answer.stamps[1]) for hole in step.holes],
            },
            trades=trades_table(symbol, step.trades) if step.trades else None,
            cursor=step.cursor,
            progress=Progress(
                symbol,
                step.cursor.known_trade_id,
                step.cursor.covered_to_ns,
                len(step.trades),
                answer.missing_ids,
                answer.page.exchange_ns,
            ),
        )
