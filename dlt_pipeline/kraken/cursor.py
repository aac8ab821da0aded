"""Pure rules of paging: what to ask next, what is new, what is proven, when to stop. Talks to nobody."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, overload

from dlt_pipeline.common.exceptions import BrokenChainError, StalledCursorError
from dlt_pipeline.kraken.answers import TradePage, TradeRow, TradeRows
from dlt_pipeline.kraken.settings import DISPLAY_REWIND_NS, HEAD_REWIND_NS, START_REWIND_NS, STEP_BACK_LIMIT_NS


@dataclass(frozen=True)
class Cursor:
    """Where a range of trades stands; all times in ns since the epoch, UTC.

    `since` is what to ask with next; everything displayed before `covered_to_ns` is known. `known_trade_id` is the
    highest id seen (None: none yet), `idless_since_id` the trades without id after it. `tail_count` trades without
    id are known at `tail_time_ns`, the highest time of a known trade. Where all have ids, times may step back, so that
    a trade may follow that is earlier than the tail; `covered_to_ns` lies as much before it.
    """

    since: int
    covered_to_ns: int
    tail_time_ns: int
    tail_count: int = 0
    known_trade_id: int | None = None
    idless_since_id: int = 0

    @property
    def is_beginning(self) -> bool:
        """Whether no trade of the range is known yet."""
        return self.known_trade_id is None and self.tail_count == 0

    @property
    def is_by_ids(self) -> bool:
        """Whether ids alone tell what is known, so that times may step back."""
        return self.tail_count == 0 and self.idless_since_id == 0


@dataclass(frozen=True)
class Hole:
    """Ids `first_id` to `last_id` are missing between the trades at `from_ns` and `to_ns` (inclusive, ns)."""

    first_id: int
    last_id: int
    from_ns: int
    to_ns: int


class NewTrade(NamedTuple):
    """A trade not known before.

    Trades without id are told apart by `place`, counted from 1 among those of the same displayed time, and ordered
    among trades with ids by `after_trade_id`, the id before them. Both are 0 for a trade with an id.
    """

    row: TradeRow
    place: int = 0
    after_trade_id: int = 0

    @property
    def key(self) -> tuple[int, int, int]:
        """What tells it apart from every other trade of its symbol: id, time (ns), and place where it has no id."""
        return self.row.trade_id, self.row.time_ns, self.place


class OrdinaryTrades(Sequence[NewTrade]):
    """New trades that ascend, all with ids, kept as the columns in which they came."""

    def __init__(self, rows: TradeRows) -> None:
        """Keep the rows, which `ascend`."""
        self.rows = rows

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> NewTrade: ...
    @overload
    def __getitem__(self, place: slice) -> "OrdinaryTrades": ...
    def __getitem__(self, place: int | slice) -> "NewTrade | OrdinaryTrades":
        """Return one of them, or some."""
        return OrdinaryTrades(self.rows[place]) if isinstance(place, slice) else NewTrade(self.rows[place])

    def __iter__(self) -> Iterator[NewTrade]:
        """Yield them, one by one."""
        return map(NewTrade, self.rows)

    def before(self, at_ns: int) -> "OrdinaryTrades":
        """Return those displayed before an instant."""
        return self[: bisect_left(self.rows.times, at_ns)]


def rows_of(trades: Sequence[NewTrade]) -> TradeRows:
    """Return the rows of new trades."""
    return trades.rows if isinstance(trades, OrdinaryTrades) else TradeRows.of(trade.row for trade in trades)


@dataclass(frozen=True)
class Step:
    """What a page brought: new trades, the range [covered_from_ns, covered_to_ns) it proves, and the next cursor.

    `fresh` are all that the page shows of trades not known before, `trades` those of them that are taken.
    `is_silent`: it says that nothing follows what is known, which no single answer proves; see `is_contradicted`.
    `unchained` are the trades, up to the first one past the end, that no id ties to what is known: those without one,
    and the first that has one again. `is_headless`: it begins a range without a trade before the start, whose id
    would prove that its first one is the first.
    """

    trades: Sequence[NewTrade]
    fresh: Sequence[NewTrade]
    covered_from_ns: int
    cursor: Cursor
    holes: tuple[Hole, ...]
    is_full: bool
    is_done: bool
    is_silent: bool = False
    unchained: int = 0
    is_headless: bool = False


def start_at(start_ns: int) -> Cursor:
    """Return the cursor of a range that begins at `start_ns` with nothing known before it."""
    return Cursor(since=max(0, start_ns - HEAD_REWIND_NS), covered_to_ns=start_ns, tail_time_ns=start_ns)


def _is_known(row: TradeRow, cursor: Cursor, is_counted_off: bool) -> bool:
    known = cursor.known_trade_id
    if row.trade_id and known is not None:
        if row.trade_id <= known and row.time_ns > cursor.tail_time_ns:
            raise BrokenChainError(
                f"Trade id {row.trade_id} at {row.time_ns} ns comes after id {known} at "
                f"{cursor.tail_time_ns} ns: the exchange counts this pair anew, or the known id was wrong."
            )
        return row.trade_id <= known or is_counted_off
    return row.time_ns < cursor.tail_time_ns or is_counted_off


def _split(page: TradePage, cursor: Cursor) -> Sequence[NewTrade]:
    """Drop what is known: by id where there are ids, by place among its equals where there are none."""
    if cursor.tail_count == 0 and page.has_all_ids:
        known, rows = cursor.known_trade_id, page.rows
        if rows.ascend:
            first = bisect_left(rows.times, cursor.tail_time_ns) if known is None else bisect_right(rows.ids, known)
            if known is None or not first or rows.times[first - 1] <= cursor.tail_time_ns:
                return OrdinaryTrades(rows[first:])
        return [
            NewTrade(row)
            for row in rows
            if (known is not None and row.trade_id > known) or not _is_known(row, cursor, is_counted_off=False)
        ]
    new: list[NewTrade] = []
    seen_at_tail = 0
    place_time, place = cursor.tail_time_ns, cursor.tail_count
    known_id = cursor.known_trade_id or 0
    after_trade_id = _before_start(page, cursor, 0)[0] or 0
    has_lost_id = _has_lost_id(page, cursor)
    for row in page.rows:
        at_tail = row.time_ns == cursor.tail_time_ns and not 0 < row.trade_id <= known_id
        # Those known without an id come first, also if they are shown with one now.
        count = cursor.tail_count if row.trade_id or not has_lost_id else 1
        known = _is_known(row, cursor, at_tail and seen_at_tail < count)
        seen_at_tail += at_tail
        if known:
            continue
        if row.trade_id:
            new.append(NewTrade(row))
            after_trade_id = row.trade_id
            continue
        if row.time_ns != place_time:
            place_time, place = row.time_ns, 0
        place += 1
        new.append(NewTrade(row, place, after_trade_id))
    if page.rows and page.rows[-1].time_ns > cursor.tail_time_ns and seen_at_tail < cursor.tail_count:
        raise BrokenChainError(
            f"{cursor.tail_count - seen_at_tail} trades without ids at {cursor.tail_time_ns} ns were there before and "
            "are not in the next page, so the seam cannot be proven."
        )
    return new


def _has_lost_id(page: TradePage, cursor: Cursor) -> bool:
    """Tell whether the last known trade, shown with an id before, can only be in the page without one.

    A cursor behind a range's end stands at no trade, nor does one behind trades without ids that has none at its tail.
    """
    known = cursor.known_trade_id
    if known is None or not cursor.is_by_ids or cursor.since == cursor.tail_time_ns - START_REWIND_NS:
        return False
    return all(row.trade_id != known for row in page.rows)


def _with_clean_start(cursor: Cursor, rows: TradeRows) -> Cursor:
    """Return the cursor of a range's beginning at an instant that parts the page's trades.

    What lies so near behind `since` that the answer may lack some of it is taken, but not said to be covered.
    """
    if not cursor.is_beginning:
        return cursor
    start_ns = _clean_before(rows, cursor.tail_time_ns)
    is_shown = start_ns > cursor.since + STEP_BACK_LIMIT_NS + DISPLAY_REWIND_NS
    return replace(cursor, tail_time_ns=start_ns, covered_to_ns=start_ns if is_shown else cursor.covered_to_ns)


def _before_start(page: TradePage, cursor: Cursor, step_back_ns: int) -> tuple[int | None, int, int]:
    """Return the highest id before the page's new trades, how many without id follow it, and the last one's time.

    So near to the start that times may step back over it, ids must go on from one to the next.
    """
    known, idless, time_ns = cursor.known_trade_id, cursor.idless_since_id, cursor.tail_time_ns
    if cursor.is_beginning:
        for row in page.rows:
            is_near = row.time_ns >= cursor.tail_time_ns - step_back_ns
            is_jump = known is not None and row.trade_id > known + 1 + idless
            if row.time_ns >= cursor.tail_time_ns or (is_near and is_jump):
                break
            known, idless, time_ns = row.trade_id or known, 0 if row.trade_id else idless + 1, row.time_ns
    return known, idless, time_ns


def _holes(new: Sequence[NewTrade], before: tuple[int | None, int, int]) -> tuple[tuple[Hole, ...], int | None, int]:
    """Return the holes before and between the new trades, the highest id, and how many without id follow it.

    Trades that Kraken shows without an id have used one up: a jump as long as their number is no hole.
    """
    holes: list[Hole] = []
    known, idless, time_ns = before
    if new and _goes_on(new, known, idless):
        return (), new[-1].row.trade_id, 0
    for trade in new:
        row = trade.row
        if not row.trade_id:
            idless += 1
        else:
            if known is not None and row.trade_id != known + 1 and row.trade_id != known + 1 + idless:
                times = sorted((time_ns, row.time_ns))
                holes.append(Hole(known + 1, row.trade_id - 1, times[0], times[1]))
            known, idless = row.trade_id, 0
        time_ns = row.time_ns
    return tuple(holes), known, idless


def _goes_on(new: Sequence[NewTrade], known: int | None, idless: int) -> bool:
    """Whether the new trades' ids are seen at once to go on from the known one, each by one."""
    if not isinstance(new, OrdinaryTrades):
        return False
    ids = new.rows.ids
    return ids[-1] - ids[0] + 1 == len(ids) and (known is None or ids[0] in (known + 1, known + 1 + idless))


def _clean_before(rows: TradeRows, at_ns: int) -> int:
    """Return the last instant up to `at_ns` that parts the rows: all before it come first, all from it on follow."""
    while not rows.ascend:
        first = next((number for number, time_ns in enumerate(rows.times) if time_ns >= at_ns), len(rows))
        earliest = min(rows.times[first:], default=at_ns)
        if earliest >= at_ns:
            break
        at_ns = earliest
    return at_ns


def _clean_after(rows: TradeRows, at_ns: int) -> int:
    """Return the first instant from `at_ns` on that parts the rows: all before it come first, all from it on follow."""
    while not rows.ascend:
        count = next((number for number in range(len(rows), 0, -1) if rows.times[number - 1] < at_ns), 0)
        latest = max(rows.times[:count], default=0)
        if latest < at_ns:
            break
        at_ns = latest + 1
    return at_ns


def _before(trades: Sequence[NewTrade], at_ns: int) -> Sequence[NewTrade]:
    """Return the trades displayed before an instant."""
    if isinstance(trades, OrdinaryTrades):
        return trades.before(at_ns)
    return [trade for trade in trades if trade.row.time_ns < at_ns]


def _earliest_ns(trades: Sequence[NewTrade], default: int) -> int:
    """Return the lowest displayed time of trades."""
    if isinstance(trades, OrdinaryTrades):
        return trades.rows.times[0] if trades else default
    return min((trade.row.time_ns for trade in trades), default=default)


def take(
    cursor: Cursor, page: TradePage, page_size: int, end_ns: int | None, margin_ns: int, step_back_ns: int = 0
) -> Step:
    """Take in one answer to `cursor.since`; the page's trades before `end_ns` (exclusive) are kept in any case.

    A page proves the time up to its highest, less `step_back_ns` where it shows ids alone: a trade with a higher id may
    lie so much before it. So the end, too, is reached only that much later; and where trades before it come after later
    ones, start and end are moved outwards, to where ids and times part the same trades.

    That nothing follows is believed only of a page that is not full and brings nothing new, and only up to the
    exchange's own clock less `margin_ns`: one answer may be cut short. Such a page ends the range, as does one that
    reaches into the margin, or past the end. Ids missing within the margin may only be late: the page is taken in up to
    them, and the next load goes on there.

    Raises StalledCursorError where a full page brings nothing new, BrokenChainError where a seam cannot be proven.
    """
    settled_ns = page.exchange_ns - margin_ns
    head_ns = cursor.tail_time_ns - step_back_ns
    if not (cursor.is_by_ids and page.has_all_ids):
        step_back_ns = 0
    cursor = _with_clean_start(cursor, page.rows)
    page, fresh, is_cut = _before_late_ids(page, cursor, settled_ns, step_back_ns)
    is_full = len(page.rows) >= page_size
    moved = _moved(cursor, page, fresh, head_ns)
    if is_full and not fresh and moved.since <= cursor.since:
        raise StalledCursorError(
            f"A full page of {len(page.rows)} trades since {cursor.since} holds nothing new: more trades share one "
            "moment than a page can show, so the exchange cannot be read past it. "
            + (
                "Begin the range a second earlier or later."
                if cursor.is_beginning
                else "Please report the pair and time."
            )
        )
    reached = page.latest_ns
    if step_back_ns:
        reached = _clean_before(page.rows, reached - step_back_ns)
    if end_ns is not None:
        end_ns = _clean_after(page.rows, end_ns if cursor.tail_time_ns < end_ns else cursor.tail_time_ns + 1)
    is_past_end = end_ns is not None and bool(page.rows) and reached >= end_ns
    new = _before(fresh, end_ns) if is_past_end and end_ns is not None else fresh
    before = _before_start(page, cursor, step_back_ns)
    chain = fresh
    if is_past_end and end_ns is not None:  # up to the first trade behind which none can belong before the end
        passed = (number for number, trade in enumerate(fresh, 1) if trade.row.time_ns >= end_ns + step_back_ns)
        chain = fresh[: next(passed, len(fresh))]
    holes, known, idless = _holes(chain, before)
    idless_count = 0 if page.has_all_ids else sum(not trade.row.trade_id for trade in chain)
    has_idless = cursor.tail_count > 0 or before[1] > 0
    is_first_id = before[0] is None and has_idless and idless_count < len(chain)
    if not new:
        known, idless = cursor.known_trade_id, cursor.idless_since_id
    elif is_past_end:
        _, known, idless = _holes(new, before)
    covered_to = max(cursor.covered_to_ns, reached)
    is_head = not is_full and (not fresh or covered_to >= settled_ns)
    if is_head and not is_cut:
        covered_to = max(covered_to, settled_ns)
    if end_ns is not None:
        if is_past_end:
            moved = replace(moved, since=max(0, end_ns - START_REWIND_NS), tail_time_ns=end_ns, tail_count=0)
        covered_to = min(covered_to, end_ns)
    # A trade that came late lies in silence that was proven; one before the tail may lie before the range, too.
    first_new = max(cursor.tail_time_ns, _earliest_ns(new, cursor.covered_to_ns))
    return Step(
        trades=new,
        fresh=fresh,
        covered_from_ns=cursor.covered_to_ns if cursor.is_beginning else min(cursor.covered_to_ns, first_new),
        cursor=replace(moved, covered_to_ns=covered_to, known_trade_id=known, idless_since_id=idless),
        holes=holes,
        is_full=is_full,
        is_done=is_cut or is_head or (end_ns is not None and covered_to >= end_ns),
        is_silent=is_head and not is_cut and not fresh,
        unchained=idless_count + is_first_id,
        is_headless=(
            cursor.is_beginning
            and bool(fresh)
            and fresh[0].row.trade_id > 1
            and page.rows[0].time_ns >= cursor.tail_time_ns - step_back_ns
        ),
    )


def is_contradicted(step: Step, newest: TradePage, settled_ns: int) -> bool:
    """Tell whether the pair's newest page, asked for after it, denies the silence that `step` says.

    It bears the silence out where its newest trade is the last known one, or the ids go on from that one without a
    break in trades later than `settled_ns`, which may have happened meanwhile. Without ids only times can tell. A page
    that lags behind what is known, or is empty though something is, bears nothing out; nor does one that cannot be told
    to reach back to the silence: it shows no trade from before, and does not begin with the pair's first.
    """
    cursor = step.cursor
    known = cursor.known_trade_id
    newer = [row for row in newest.rows if _is_newer(row, cursor)]
    at_tail = sum(1 for row in newest.rows if not row.trade_id and row.time_ns == cursor.tail_time_ns)
    if at_tail > cursor.tail_count or any(row.time_ns < settled_ns for row in newer):
        return True
    if not newest.rows:
        return not cursor.is_beginning
    first = newest.rows[0]
    if known is None:
        return first.time_ns >= cursor.tail_time_ns + (cursor.tail_count > 0) and first.trade_id != 1
    ids = [row.trade_id for row in newest.rows if row.trade_id]
    if not ids:
        return not first.time_ns <= cursor.tail_time_ns <= newest.rows[-1].time_ns
    following = [row.trade_id for row in newer if row.trade_id]
    return max(ids) < known or bool(
        following and following[0] not in (known + 1, known + 1 + cursor.idless_since_id) and len(following) == len(ids)
    )


def _is_newer(row: TradeRow, cursor: Cursor) -> bool:
    """Whether a trade should have been in an answer to the cursor's question, and is not known."""
    if row.trade_id and cursor.known_trade_id is not None:
        rewind_ns = DISPLAY_REWIND_NS if cursor.idless_since_id else STEP_BACK_LIMIT_NS
        return row.trade_id > cursor.known_trade_id and row.time_ns >= cursor.since - rewind_ns
    knows_any = cursor.known_trade_id is not None or cursor.tail_count > 0
    return row.time_ns >= cursor.tail_time_ns + knows_any


def _before_late_ids(
    page: TradePage, cursor: Cursor, settled_ns: int, step_back_ns: int
) -> tuple[TradePage, Sequence[NewTrade], bool]:
    """Cut the page before its first hole if that lies later than `settled_ns`; the exact `last` goes with the rest.

    Return it with its trades that are not known yet, and whether it was cut.
    """
    fresh = _split(page, cursor)
    holes, _, _ = _holes(fresh, _before_start(page, cursor, step_back_ns))
    late = next((hole for hole in holes if hole.to_ns > settled_ns), None)
    if late is None:
        return page, fresh, False
    after = next(number for number, row in enumerate(page.rows) if row.trade_id == late.last_id + 1)
    page = replace(page, rows=page.rows[:after], last=None)
    return page, _split(page, cursor), True


def _moved(cursor: Cursor, page: TradePage, new: Sequence[NewTrade], head_ns: int) -> Cursor:
    """Return the cursor with `since` and tail behind the page; an empty page keeps them.

    A page that ends before the range begins is followed by one that shows a trade before `head_ns` again: the trade
    before the range, which proves its first one.
    """
    if not page.rows:
        return cursor
    tail_time = page.latest_ns
    without_ids = () if page.has_all_ids else new
    tail_count = sum(1 for trade in without_ids if not trade.row.trade_id and trade.row.time_ns == tail_time)
    if tail_time == cursor.tail_time_ns:
        tail_count += cursor.tail_count
    elif tail_time < cursor.tail_time_ns:  # all of it lies before what is known: go on behind it
        times = [row.time_ns for row in page.rows if row.time_ns < head_ns or not cursor.is_beginning]
        reached = max(times, default=0)
        exact = page.last if reached == tail_time else None
        return replace(cursor, since=max(cursor.since, reached - DISPLAY_REWIND_NS if exact is None else exact - 1))
    # Without ids every trade at the last displayed time must come again, to be counted off; with ids 1 ns is enough.
    since = max(0, tail_time - DISPLAY_REWIND_NS) if page.last is None or tail_count else page.last - 1
    return replace(cursor, since=since, tail_time_ns=tail_time, tail_count=tail_count)
