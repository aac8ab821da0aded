"""What is asked for, from what is known: pure cases, in seconds for the eye."""

import pytest

from dlt_pipeline.common.time import cut, joined, without
from dlt_pipeline.repairs.gaps import (
    REASONS,
    CoverageState,
    Gap,
    Lost,
    Repair,
    asked_spans,
    lost_of,
    repairs_of_gaps,
    repairs_of_list,
)

X = "BTC/USD"


def gap(start: int, end: int, reason: str, accepted: bool = False) -> Gap:
    return Gap(X, (start, end), reason, 10, 15, accepted)


def known(*gaps: Gap, breaks: tuple[tuple[int, int], ...] = (), lost: dict[Gap, Lost] | None = None) -> CoverageState:
    """Coverage from 0 to 100 but for the gaps."""
    covered = without((0, 100), [each.span for each in gaps])
    return CoverageState({X: covered}, list(gaps), {X: list(breaks)}, lost or {})


def shown(repairs: list[Repair]) -> list[tuple[int, int, str, bool]]:
    return [(*each.span, each.reason, each.is_distrusted) for each in repairs]


def test_spans_are_joined_cut_and_subtracted() -> None:
    assert joined([(5, 7), (1, 3), (3, 4), (6, 9), (2, 2)]) == [(1, 4), (5, 9)]
    assert cut((2, 8), [(7, 9), (0, 3), (4, 4)]) == [(2, 3), (7, 8)]
    assert without((2, 8), [(7, 9), (0, 3), (5, 6)]) == [(3, 5), (6, 7)]
    assert without((2, 8), [(0, 9)]) == []


def test_gaps_are_asked_for_but_for_accepted_ones_and_the_ledger_is_distrusted_where_it_says_loaded() -> None:
    lost = gap(60, 70, "trades_lost")
    state = known(
        gap(10, 20, "never_loaded"),
        gap(20, 21, "ids_missing"),
        gap(40, 50, "never_loaded", accepted=True),
        lost,
        lost={lost: Lost(((61, 62), (66, 68)), 5)},
    )
    repairs = repairs_of_gaps(state, [X], REASONS)
    assert shown(repairs) == [
        (10, 20, "never_loaded", False),
        (20, 21, "ids_missing", True),
        (60, 70, "trades_lost", True),
    ]
    assert asked_spans(repairs) == {
        X: [((10, 20), False), ((20, 21), True), ((61, 62), True), ((66, 68), True)],
    }
    assert shown(repairs_of_gaps(state, [X], ["ids_missing"])) == [(20, 21, "ids_missing", True)]
    assert repairs_of_gaps(state, ["ETH/USD"], REASONS) == []


def test_what_an_archive_leaves_out_is_asked_for_too() -> None:
    state = known(gap(10, 20, "archive_ends"), gap(30, 31, "rows_refused"))
    assert shown(repairs_of_gaps(state, [X], REASONS)) == [
        (10, 20, "archive_ends", False),
        (30, 31, "rows_refused", False),
    ]


def test_a_break_in_krakens_candles_is_what_trades_do_not_cover_and_no_gap_is_asked_for_anyway() -> None:
    state = known(gap(10, 20, "never_loaded"), gap(30, 40, "never_loaded", accepted=True), breaks=((5, 35), (90, 130)))
    assert shown(repairs_of_gaps(state, [X], REASONS)) == [
        (10, 20, "never_loaded", False),
        (100, 130, "rest_hole", False),
    ]
    assert shown(repairs_of_gaps(state, [X], ["rest_hole"])) == [
        (10, 20, "rest_hole", False),
        (100, 130, "rest_hole", False),
    ]


def test_a_listed_window_asks_for_what_it_lacks_and_for_the_whole_of_a_hole_that_it_touches() -> None:
    state = known(gap(10, 20, "never_loaded"), gap(30, 40, "ids_missing"))
    listed = [(X, (0, 12)), (X, (12, 15)), (X, (35, 45)), (X, (38, 39)), (X, (50, 60)), (X, (95, 110))]
    assert shown(repairs_of_list(state, listed)) == [
        (10, 15, "listed", False),
        (30, 40, "listed", True),
        (100, 110, "listed", False),
    ]
    assert shown(repairs_of_list(state, listed, again=True)) == [
        (0, 15, "listed", True),
        (35, 45, "listed", True),
        (50, 60, "listed", True),
        (95, 110, "listed", True),
    ]


def test_windows_that_overlap_are_asked_for_once() -> None:
    repairs = [
        Repair(X, 0, 50, "listed", ((0, 50),)),
        Repair(X, 20, 30, "ids_missing", ((20, 30),), True),
        Repair(X, 50, 60, "never_loaded", ((50, 60),)),
    ]
    assert asked_spans(repairs) == {X: [((0, 20), False), ((20, 30), True), ((30, 60), False)]}


def test_lost_trades_that_one_page_can_show_are_asked_for_together() -> None:
    jumps = [(10, 12, 100, 120), (1010, 1013, 900, 950), (2014, 2016, 2000, 2100)]
    assert lost_of(jumps, (110, 2050), 1000) == Lost(((110, 951), (2000, 2050)), 1003)


@pytest.mark.parametrize(("ids", "calls"), [(None, None), (0, 1), (998, 1), (999, 2), (3661, 4)])
def test_calls_follow_from_ids(ids: int | None, calls: int | None) -> None:
    assert Repair(X, 0, 1, "never_loaded", ((0, 1),), ids=ids).calls(1000) == calls
