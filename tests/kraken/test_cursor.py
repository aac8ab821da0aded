"""The rules of paging, case by case; times in seconds after a base so that they can be checked by hand."""

import pytest

from dlt_pipeline.common.exceptions import BrokenChainError, StalledCursorError
from dlt_pipeline.kraken.answers import TradePage, TradeRow, TradeRows
from dlt_pipeline.kraken.cursor import Cursor, Hole, Step, is_contradicted, start_at, take
from dlt_pipeline.kraken.settings import DISPLAY_REWIND_NS, HEAD_REWIND_NS, START_REWIND_NS

S = 10**9
NOW = 1_000 * S


def row(trade_id: int, seconds: float, price: str = "1") -> TradeRow:
    return TradeRow(trade_id, int(seconds * S), price, "1", "buy", "market", "")


def page(*rows: TradeRow, last: int | None = -1) -> TradePage:
    """A page whose `last` is its last row's time unless told otherwise."""
    if last == -1:
        last = rows[-1].time_ns if rows else 100 * S
    return TradePage(TradeRows.of(rows), last, NOW)


def known(since: float, covered_to: float, trade_id: int | None, tail_count: int = 0) -> Cursor:
    return Cursor(int(since * S), int(covered_to * S), int(since * S), tail_count, trade_id)


def taken(cursor: Cursor, *rows: TradeRow, size: int = 3, end: float | None = None, last: int | None = -1) -> Step:
    return take(cursor, page(*rows, last=last), size, None if end is None else int(end * S), 5 * S)


def ids(step: Step) -> list[int]:
    return [trade.row.trade_id for trade in step.trades]


def test_a_range_begins_a_little_early_and_drops_what_is_before_it() -> None:
    cursor = start_at(100 * S)
    assert cursor.since == 100 * S - HEAD_REWIND_NS
    step = taken(cursor, row(6, 99.9999), row(7, 100), row(8, 100.1))
    assert ids(step) == [7, 8]
    assert step.covered_from_ns == 100 * S
    assert not step.holes


def test_the_trade_before_the_start_proves_the_first_one() -> None:
    assert taken(start_at(100 * S), row(5, 90), row(8, 100.1), end=101).holes == (Hole(6, 7, 90 * S, int(100.1 * S)),)
    assert taken(start_at(100 * S), row(5, 90), row(8, 103), end=101).holes == (Hole(6, 7, 90 * S, 103 * S),)
    assert taken(start_at(100 * S), row(8, 100.1)).is_headless
    assert not taken(start_at(100 * S), row(1, 100.1)).is_headless, "it is the pair's first"
    assert not taken(start_at(100 * S), row(5, 90), row(8, 100.1)).is_headless


def test_a_known_trade_shown_without_its_id_is_known() -> None:
    cursor = known(100, 100, 5)
    assert [trade.row.price for trade in taken(cursor, row(0, 100, "1"), row(0, 100, "2")).trades] == ["2"]
    behind = Cursor(102 * S - START_REWIND_NS, 102 * S, 102 * S, 0, 5)
    assert len(taken(behind, row(0, 102)).trades) == 1, "behind a range's end no trade is known"


def test_trades_known_without_ids_may_come_again_with_ids() -> None:
    step = taken(Cursor(100 * S, 101 * S, 101 * S, 2, 5, 2), row(6, 101), row(7, 101), row(8, 101), size=9)
    assert ids(step) == [8]
    assert not step.holes


def test_a_full_page_goes_on_one_ns_before_last_and_covers_up_to_its_last_trade() -> None:
    step = taken(known(100, 100, 5), row(6, 101), row(7, 102), row(8, 102), last=102 * S + 123)
    assert step.cursor.since == 102 * S + 122
    assert step.cursor.covered_to_ns == 102 * S, "more trades of that very moment may follow"
    assert not step.is_done


def test_what_is_known_by_id_is_dropped() -> None:
    step = taken(known(102, 102, 8), row(7, 102), row(8, 102), row(9, 102))
    assert ids(step) == [9]
    assert step.cursor.known_trade_id == 9


def test_silence_is_believed_only_of_a_second_answer() -> None:
    """One answer may be cut short; that nothing follows is shown by one that brings nothing new."""
    short = taken(known(100, 100, 5), row(6, 101))
    assert not short.is_done
    assert short.cursor.covered_to_ns == 101 * S
    second = taken(short.cursor, row(6, 101))
    assert second.is_done
    assert second.cursor.covered_to_ns == NOW - 5 * S


def test_a_page_that_reaches_into_the_margin_is_the_head() -> None:
    step = taken(known(100, 100, 5), row(6, 996))
    assert step.is_done
    assert step.cursor.covered_to_ns == 996 * S
    assert taken(known(100, 100, 5), row(6, 994)).is_done is False


def test_ids_missing_within_the_margin_may_only_be_late() -> None:
    step = taken(known(100, 100, 5), row(6, 994), row(9, 996), row(10, 997), size=9)
    assert ids(step) == [6]
    assert not step.holes
    assert step.is_done, "the next load goes on there"
    assert step.cursor.covered_to_ns == 994 * S
    assert step.cursor.known_trade_id == 6


def test_ids_missing_before_the_margin_are_a_hole() -> None:
    step = taken(known(100, 100, 5), row(6, 994), row(9, 995), row(10, 997), size=9)
    assert step.holes == (Hole(7, 8, 994 * S, 995 * S),)


def test_ids_that_begin_anew_prove_nothing() -> None:
    with pytest.raises(BrokenChainError, match="counts this pair anew"):
        taken(known(100, 100, 900), row(1, 101))


def test_an_empty_page_keeps_the_cursor_and_proves_silence() -> None:
    cursor = known(100, 100, 5)
    step = taken(cursor)
    assert step.is_done
    assert not step.trades
    assert (step.cursor.since, step.cursor.known_trade_id) == (cursor.since, 5)
    assert (step.covered_from_ns, step.cursor.covered_to_ns) == (100 * S, NOW - 5 * S)


def test_a_page_is_kept_before_deciding_to_stop_at_the_end() -> None:
    step = taken(known(100, 100, 5), row(6, 101), row(7, 102), row(8, 103), end=102.5)
    assert ids(step) == [6, 7]
    assert step.is_done
    assert step.cursor.covered_to_ns == int(102.5 * S)


def test_the_end_is_exclusive() -> None:
    assert ids(taken(known(100, 100, 5), row(6, 101), row(7, 102), end=102)) == [6]


def test_a_full_page_that_ends_before_the_end_goes_on() -> None:
    assert not taken(known(100, 100, 5), row(6, 101), row(7, 102), row(8, 103), end=104).is_done


def test_the_end_is_never_covered_past_what_the_exchange_can_know() -> None:
    assert taken(known(101, 101, 6), row(6, 101), end=5_000).cursor.covered_to_ns == NOW - 5 * S


def test_a_missing_last_falls_back_to_the_displayed_time() -> None:
    step = taken(known(100, 100, 5), row(6, 101), row(7, 102), row(8, 103), last=None)
    assert step.cursor.since == 103 * S - DISPLAY_REWIND_NS


def test_a_full_page_with_nothing_new_that_does_not_move_is_an_error_that_says_so() -> None:
    with pytest.raises(StalledCursorError, match="full page of 3 trades since 100000000000 holds nothing new"):
        taken(known(100, 100, 9), row(7, 100), row(8, 100), row(9, 100), last=100 * S)


def test_a_full_page_before_the_start_is_stepped_over() -> None:
    cursor = start_at(200 * S)
    step = taken(cursor, row(1, 199.9995), row(2, 199.9996), row(3, 199.9997))
    assert not step.trades
    assert not step.is_done
    assert step.cursor.since > cursor.since
    assert step.cursor.covered_to_ns == 200 * S


def test_a_hole_in_the_ids_is_found_between_pages_and_inside_one() -> None:
    step = taken(known(100, 100, 5), row(8, 101), row(9, 102), row(12, 103))
    assert step.holes == (Hole(6, 7, 100 * S, 101 * S), Hole(10, 11, 102 * S, 103 * S))
    assert ids(step) == [8, 9, 12], "the trades are kept"


def test_a_hole_at_the_end_bound_is_found_too() -> None:
    step = taken(known(100, 100, 5), row(6, 101), row(9, 103), end=102)
    assert step.holes == (Hole(7, 8, 101 * S, 103 * S),)
    assert step.cursor.known_trade_id == 6


@pytest.mark.parametrize("rows", [(row(0, 100, "1"), row(0, 101, "2")), (row(0, 100, "1"), row(0, 100, "1"))])
def test_trades_without_ids_are_told_apart_by_their_place_not_by_content(rows: tuple[TradeRow, ...]) -> None:
    step = taken(start_at(100 * S), *rows)
    assert len(step.trades) == 2
    assert len({(trade.row.time_ns, trade.place) for trade in step.trades}) == 2


def test_equal_trades_without_ids_are_counted_off_at_the_seam() -> None:
    first = taken(start_at(100 * S), row(0, 100), row(0, 101), row(0, 101))
    assert first.cursor.tail_count == 2
    assert first.cursor.since == 101 * S - DISPLAY_REWIND_NS, "all trades of that moment must come again"
    second = taken(first.cursor, row(0, 101), row(0, 101), row(0, 101))
    assert [trade.place for trade in second.trades] == [3]
    assert second.cursor.tail_count == 3


def test_a_trade_without_an_id_remembers_the_id_before_it() -> None:
    step = taken(known(100, 100, 5), row(0, 101), row(6, 101), row(0, 101), row(0, 101), size=9)
    assert [(trade.place, trade.after_trade_id) for trade in step.trades] == [(1, 5), (0, 0), (2, 6), (3, 6)]


def test_a_seam_without_ids_that_does_not_come_back_is_an_error() -> None:
    with pytest.raises(BrokenChainError, match="1 trades without ids at 100000000000 ns"):
        taken(known(100, 100, None, tail_count=2), row(0, 100), row(0, 102))


def test_ids_used_up_by_trades_shown_without_one_are_no_hole() -> None:
    step = taken(known(100, 100, 5), row(0, 101), row(0, 102), row(8, 103))
    assert not step.holes
    step = taken(known(100, 100, 5), row(0, 101), row(6, 102))
    assert not step.holes, "they may as well have used up none"


def test_a_trade_that_appears_late_is_taken_and_its_time_is_touched_again() -> None:
    step = taken(Cursor(50 * S, 100 * S, 60 * S, 0, 5), row(6, 70))
    assert ids(step) == [6]
    assert step.covered_from_ns == 70 * S


def test_the_newest_page_denies_silence_also_within_what_a_display_hides() -> None:
    """`since` is exact and may lie behind a trade's displayed time."""
    last = 101 * S + 40_000
    asked = taken(known(100, 100, 5), row(6, 101), last=last).cursor
    silent = taken(asked, row(6, 101), last=last)
    assert silent.is_silent
    assert not is_contradicted(silent, page(row(5, 100), row(6, 101)), NOW - 5 * S)
    assert is_contradicted(silent, page(row(6, 101), row(7, 101)), NOW - 5 * S)


BACK_NS = S // 10


def stepping(cursor: Cursor, *rows: TradeRow, size: int = 9, end: float | None = None) -> Step:
    return take(cursor, page(*rows), size, None if end is None else int(end * S), 5 * S, BACK_NS)


def test_a_page_covers_only_up_to_where_a_later_id_may_still_lie() -> None:
    step = stepping(known(100, 100, 5), row(6, 101), row(7, 102), size=2)
    assert ids(step) == [6, 7]
    assert (step.cursor.covered_to_ns, step.cursor.tail_time_ns) == (102 * S - BACK_NS, 102 * S)
    following = stepping(step.cursor, row(7, 102), row(8, 101.95), row(9, 103), size=3)
    assert ids(following) == [8, 9]
    assert following.covered_from_ns == 102 * S - BACK_NS
    assert not following.holes


def test_coverage_parts_ids_as_it_parts_times() -> None:
    step = stepping(known(100, 100, 5), row(6, 101.95), row(7, 101.89), row(8, 102), size=3)
    assert step.cursor.covered_to_ns == int(101.89 * S), "trade 7 is earlier than trade 6, which is not covered yet"


def test_a_trade_before_the_end_may_come_after_one_past_it() -> None:
    swapped = row(6, 101.99), row(7, 102.01), row(8, 101.98)
    assert not stepping(known(100, 100, 5), *swapped, end=102).is_done, "another one may follow"
    step = stepping(known(100, 100, 5), *swapped, row(9, 103), end=102)
    assert step.is_done
    assert ids(step) == [6, 7, 8]
    assert step.cursor.covered_to_ns == int(102.01 * S) + 1, "trade 7, which lies between their ids, is covered, too"
    again = stepping(step.cursor, *swapped, row(9, 103), row(10, 104))
    assert ids(again) == [9, 10]


def test_a_trade_before_the_start_may_come_after_one_behind_it() -> None:
    step = stepping(start_at(100 * S), row(5, 99), row(6, 100.01), row(7, 99.99), row(8, 101), row(9, 102))
    assert ids(step) == [6, 7, 8, 9]
    assert step.covered_from_ns == int(99.99 * S)
    assert not step.holes


def test_ids_missing_around_a_step_back_may_lie_at_either_time() -> None:
    step = stepping(known(100, 100, 5), row(6, 102), row(8, 101.95), row(9, 103))
    assert step.holes == (Hole(7, 7, int(101.95 * S), 102 * S),)
