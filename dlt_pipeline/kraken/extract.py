"""One symbol's load: asks page after page, proves each, and gives what it brought with its ledger row."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from dlt_pipeline.common.exceptions import BadAnswerError, BrokenChainError, StalledCursorError, TransientExchangeError
from dlt_pipeline.common.threads import Stop
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.kraken.answers import TradePage
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.cursor import Cursor, Step, is_contradicted, rows_of, take
from dlt_pipeline.kraken.ledger import MissingRange
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.raw_tables import hole_row, missing_ids, page_row, rest_table, trades_table
from dlt_pipeline.kraken.session import way_out
from dlt_pipeline.kraken.settings import (
    DISPLAY_REWIND_NS,
    FURTHER_REWINDS_NS,
    NS_PER_SECOND,
    REST_CANDLES,
    REST_TIMEFRAMES,
    KrakenSettings,
    step_back_ns,
)

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
class Extracted:
    """What one answer brought, by raw table: many rows as tables, few as rows; and where the symbol stands after it.

    Cursor and progress are None for an answer of Kraken's own candles.
    """

    tables: Mapping[str, pa.Table]
    rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    cursor: Cursor | None = None
    progress: Progress | None = None

    @property
    def trade_count(self) -> int:
        """How many new trades it brought."""
        return self.tables["trades"].num_rows if "trades" in self.tables else 0


@dataclass(frozen=True)
class _Answer:
    """A page as it was taken in; `stamps` are our clock before and after asking (Unix seconds)."""

    asked: Cursor
    step: Step
    page: TradePage
    stamps: tuple[float, float]
    times_asked: int = 1

    @property
    def missing_ids(self) -> int:
        return missing_ids(self.step)

    @property
    def reach(self) -> tuple[int, int]:
        # Not what is covered: that ends sooner the more trades are shown that step back.
        return self.step.cursor.known_trade_id or 0, self.step.cursor.tail_time_ns

    def agrees_with(self, other: "_Answer") -> bool:
        """Whether both show the same new trades without a hole, as far as the shorter one goes."""
        return self.shows_same_as(other) and not (self.missing_ids or other.missing_ids)

    def shows_same_as(self, other: "_Answer") -> bool:
        """Whether both show the same new trades, as far as the shorter one goes."""
        pairs = [(one.row, two.row) for one, two in zip(self.step.fresh, other.step.fresh, strict=False)]
        return bool(pairs) and all(one == two for one, two in pairs)

    def is_better_than(self, other: "_Answer") -> bool:
        """Whether ids prove more of it; a page cut short would hide a hole behind its own end, a full one does not."""
        mine, theirs = ((each.step.unchained > 0, each.missing_ids) for each in (self, other))
        return mine < theirs and (self.step.is_full or self.reach >= other.reach)


@dataclass
class SymbolLoad:
    """Loads `wanted` ranges of one market, and then Kraken's own candles, until `is_done` or `stop` is set."""

    client: KrakenClient
    market: Market
    settings: KrakenSettings
    wanted: Sequence[MissingRange]
    is_backfill: bool
    timeframes: Sequence[str]
    stop: Stop
    is_done: bool = field(default=False, init=False)
    _is_more_told: bool = field(default=False, init=False)
    _newest_id: int = field(default=0, init=False)
    _has_traded: bool = field(default=False, init=False)
    # From behind the ends of its ranges: the next range meets them again, and nobody drops doubles of one load.
    _given_early: set[tuple[int, int, int]] = field(default_factory=set, init=False)

    def answers(self) -> Iterator[Extracted]:
        """Yield what each answer brought, in order; whoever takes it decides what is committed together."""
        for wanted in self.wanted:
            cursor, is_done, is_further_back = wanted.cursor, False, True
            short: _Answer | None = None
            while not is_done:
                if self.stop.is_set():
                    return
                settled = self._settled(cursor, wanted.end_ns, short) if short and not is_further_back else None
                answer = settled or self._with_head(cursor, wanted.end_ns, is_further_back=is_further_back)
                yield self._taken(answer, wanted.end_ns)
                cursor, is_done = answer.step.cursor, answer.step.is_done
                short = None if answer.step.is_full else answer
                # Times may step back over all of such a page, so that `since` hid what followed.
                reached_ns = answer.asked.since + self._rewind_ns
                is_further_back = bool(short) and not is_further_back and cursor.tail_time_ns <= reached_ns
        wrong: BadAnswerError | None = None  # said at the end: the other timeframes are no worse for it
        for timeframe in self.timeframes:
            if self.stop.is_set():
                return
            try:
                snapshot = self.client.rest_candles(self.market, timeframe)
            except BadAnswerError as error:
                wrong = wrong or error
                continue
            yield Extracted({"rest_candles": rest_table(self.market.symbol, snapshot, time.time())})
        if wrong:
            raise wrong
        self.is_done = True

    def _with_head(self, cursor: Cursor, end_ns: int | None, *, is_further_back: bool) -> _Answer:
        """Return the page after `cursor`; one that begins a range is asked for from the trade before the start on.

        Without that trade, an answer that lacks its first rows would look whole. Where there is none the range begins
        with the pair's first trade, which two answers must agree on.
        """
        answer = self._proven(cursor, end_ns, is_further_back=is_further_back)
        for rewind_ns in FURTHER_REWINDS_NS:
            is_near_first = answer.step.is_headless and answer.page.rows[0].trade_id <= self.settings.page_size
            if answer.step.is_headless and not is_near_first and rewind_ns < cursor.since:
                answer = self._proven(replace(cursor, since=cursor.since - rewind_ns), end_ns)
        for _ in range(2 + self.settings.hole_retries):
            if not answer.step.is_headless:
                return answer
            before, answer = answer, self._proven(replace(cursor, since=0), end_ns)
            if answer.page.rows[:1] == before.page.rows[:1]:
                return answer
        raise self._unsettled(f"what the range from {show_ns(cursor.covered_to_ns)} UTC begins with")

    def _unsettled(self, what: str) -> TransientExchangeError:
        return TransientExchangeError(
            f"{self.market.symbol}: the exchange does not say the same twice about {what}. What came before is kept; "
            "load again later."
        )

    def _proven(self, cursor: Cursor, end_ns: int | None, *, is_further_back: bool = False) -> _Answer:
        """Return the page after `cursor`: one with a hole in its ids, or trades without, is not believed at once.

        It is asked for again until two answers agree on trades without ids, or a hole has stayed for `hole_retries`.
        Raises TransientExchangeError where no two agree.
        """
        best = self._borne_out(cursor, end_ns, is_further_back=is_further_back)
        answers = [best]
        while (best.missing_ids or best.step.unchained) and len(answers) <= self.settings.hole_retries:
            is_further_back = is_further_back or any(each.missing_ids for each in answers)
            again = self._borne_out(cursor, end_ns, is_further_back=is_further_back)
            twin = next((each for each in answers if again.agrees_with(each)), None)
            answers.append(again)
            if again.is_better_than(best):
                best = again
            elif twin:
                best = max(again, twin, key=lambda answer: len(answer.page.rows))
                break
        else:
            is_alone = not any(best.shows_same_as(each) for each in answers if each is not best)
            if best.step.unchained and is_alone and self.settings.hole_retries:
                raise self._unsettled(f"which trades follow {show_ns(cursor.tail_time_ns)} UTC")
        if best.missing_ids:
            self._check_ids(best)
        return replace(best, times_asked=len(answers))

    def _check_ids(self, answer: _Answer) -> None:
        """Raise TransientExchangeError for a hole that leads to an id which the pair has not reached yet."""
        newest = self._newest()
        highest = newest.highest_id
        reached = answer.step.holes[-1].last_id + 1
        if 0 < highest < reached:  # a newest page without ids tells nothing of them
            raise TransientExchangeError(
                f"{self.market.symbol}: the exchange shows trade {reached}, but its newest one is {highest}: one of "
                "the two is wrong, so nothing of this answer was kept. What came before is kept; load again later."
            )

    def _borne_out(self, cursor: Cursor, end_ns: int | None, *, is_further_back: bool = False) -> _Answer:
        """Ask for the page after `cursor`; that nothing follows is believed only if the pair's newest page agrees.

        Raises TransientExchangeError where the two contradict each other each time, BadAnswerError where both are
        empty, no trade of the range is known, and OHLC shows some.
        """
        traded: str | None = None
        for _ in range(1 + self.settings.hole_retries):
            answer = self._ask(cursor, end_ns, is_further_back=is_further_back)
            if answer.step.is_silent and not is_further_back and self._may_step_back(cursor):
                is_further_back = True
                answer = self._ask(cursor, end_ns, is_further_back=True)
            if not answer.step.is_silent:
                return answer
            newest = self._newest()
            if is_contradicted(answer.step, newest, answer.page.exchange_ns - self._margin_ns):
                is_further_back = True
                continue
            if newest.rows or not answer.step.cursor.is_beginning:
                return answer
            if self._has_traded:  # so that this newest page is wrong
                continue
            if traded is None:  # one call more, and only for a pair of which no trade is known
                traded = self._traded(answer.page.exchange_ns, cursor.covered_to_ns, answer.step.cursor.covered_to_ns)
            if traded is None:
                return answer
        if traded:
            raise BadAnswerError(traded)
        last = newest.rows[-1] if newest.rows else None
        shown = f"ends with trade {last.trade_id} at {show_ns(last.time_ns)} UTC" if last else "is empty"
        raise TransientExchangeError(
            f"{self.market.symbol}: the exchange says that nothing follows {show_ns(answer.step.cursor.tail_time_ns)} "
            f"UTC, but its newest page {shown}: one of the two is wrong, so this silence is not proven. What came "
            "before is kept; load again later."
        )

    def _traded(self, exchange_ns: int, from_ns: int, to_ns: int) -> str | None:
        """Return how OHLC contradicts that the pair never traded: trades of candles that reach into [from_ns, to_ns).

        It is asked once, in the finest timeframe whose candles reach back to `from_ns`.
        """
        reach = [
            name
            for name, size in REST_TIMEFRAMES.items()
            if exchange_ns - from_ns < REST_CANDLES * size * NS_PER_SECOND
        ]
        try:
            snapshot = self.client.rest_candles(self.market, next(iter(reach), "15d"))
        except BadAnswerError:  # it says nothing, then
            return None
        size_ns = snapshot.timeframe_seconds * NS_PER_SECOND
        within = [
            each
            for each in snapshot.candles
            if each.trade_count and from_ns - size_ns < each.start * NS_PER_SECOND < to_ns
        ]
        if not within:
            return None
        return (
            f"{self.market.symbol}: the exchange answers that {self.market.market_id} never traded, but its OHLC shows "
            f"{sum(each.trade_count for each in within):,} trades from {show_ns(within[0].start * NS_PER_SECOND)} UTC "
            "on: one of the two is wrong, so this silence is not proven and nothing of it was kept."
        )

    def _settled(self, cursor: Cursor, end_ns: int | None, short: _Answer) -> _Answer | None:
        """After an answer that was not full: nothing followed if the pair's newest trade is the last known one.

        So one call proves the silence, where asking on from the cursor would take a second one to be borne out; up to
        the time of the short answer, for of what came later only the second speaks. None for another trade, or no id.
        """
        if cursor.known_trade_id is None or cursor.idless_since_id:
            return None
        asked = time.time()
        newest = self._newest()
        stamps = asked, time.time()
        if not newest.rows or newest.rows[-1].trade_id != cursor.known_trade_id:
            return None
        exchange_ns = min(short.page.exchange_ns, newest.exchange_ns)
        page = replace(newest, rows=newest.rows[:0], last=None, exchange_ns=exchange_ns)  # known, all of it
        return _Answer(cursor, self._take(cursor, page, end_ns), page, stamps)

    def _newest(self) -> TradePage:
        """Return the pair's newest page; one that ends before an earlier one is asked for again: two outvote one."""
        page = self._newest_page()
        if 0 < page.highest_id < self._newest_id:
            page = self._newest_page()
            self._newest_id = page.highest_id or self._newest_id
        self._newest_id = max(self._newest_id, page.highest_id)
        self._has_traded = self._has_traded or bool(page.rows)
        return page

    def _newest_page(self) -> TradePage:
        return self.client.trades(self.market, None, self.settings.page_size)

    @staticmethod
    def _may_step_back(cursor: Cursor) -> bool:
        """Whether a trade may follow that is earlier than the known ones, where `since` hides it."""
        return cursor.is_by_ids and not cursor.is_beginning

    @property
    def _rewind_ns(self) -> int:
        return step_back_ns(self.settings) + DISPLAY_REWIND_NS

    @property
    def _margin_ns(self) -> int:
        return int(self.settings.head_margin_seconds * NS_PER_SECOND)

    def _take(self, cursor: Cursor, page: TradePage, end_ns: int | None) -> Step:
        settings = self.settings
        return take(cursor, page, settings.page_size, end_ns, self._margin_ns, step_back_ns(settings))

    def _ask(self, cursor: Cursor, end_ns: int | None, *, is_further_back: bool) -> _Answer:
        """Ask once, and again where the answer does not go on from what is known: BrokenChainError if it stays so.

        A trade that is earlier than the one before it may be hidden behind `since`: `is_further_back` asks for it, too.
        """
        rewind_ns = self._rewind_ns if is_further_back and self._may_step_back(cursor) else 0
        for left in range(self.settings.hole_retries, -1, -1):
            asked = time.time()
            page = self.client.trades(self.market, max(0, cursor.since - rewind_ns), self.settings.page_size)
            stamps = asked, time.time()
            try:
                step = self._take(cursor, page, end_ns)
                break
            except BrokenChainError as error:
                if not left:
                    text = f"{self.market.symbol}: {error} {way_out(self.market.symbol, cursor.tail_time_ns)}"
                    raise BrokenChainError(text) from error
            except StalledCursorError as error:  # a page of what is known already
                if not rewind_ns:
                    raise StalledCursorError(f"{self.market.symbol}: {error}") from error
                return self._ask(cursor, end_ns, is_further_back=False)
        return _Answer(cursor, step, page, stamps)

    def _taken(self, answer: _Answer, end_ns: int | None) -> Extracted:
        step, symbol = answer.step, self.market.symbol
        early = self._given_early
        trades = [trade for trade in step.trades if trade.key not in early] if early else step.trades
        if end_ns is not None and answer.page.latest_ns >= end_ns:
            self._given_early.update(trade.key for trade in trades if trade.row.time_ns >= end_ns)
        if not self._is_more_told and any(rows_of(step.trades).more_items):
            more = next(trade.row for trade in step.trades if trade.row.more_items)
            self._is_more_told = True
            _log.warning(
                "%s: Kraken gives more items of a trade than are known, such as %s of trade %d; they are kept in the "
                "column more_items of the raw trades.",
                *(symbol, more.more_items, more.trade_id),
            )
        for hole in step.holes:
            _log.warning(
                "%s: trades %d to %d are missing between %d and %d ns, also after asking %d times; "
                "the rest is kept, the hole is recorded in id_holes and its buckets stay out of candles.",
                *(symbol, hole.first_id, hole.last_id, hole.from_ns, hole.to_ns, answer.times_asked),
            )
        return Extracted(
            tables={"trades": trades_table(symbol, trades)} if trades else {},
            rows={
                "pages": [page_row(self.market, step, answer.page, answer.asked, answer.stamps, self.is_backfill)],
                "id_holes": [hole_row(symbol, hole, answer.times_asked, answer.stamps[1]) for hole in step.holes],
            },
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
