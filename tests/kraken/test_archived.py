"""Which part of a load imported archives make needless: cases by eye in days, and the rule for any of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.common.time import NS_PER_DAY as DAY
from dlt_pipeline.kraken.ledger_store import whole_days, without_days
from dlt_pipeline.kraken.request import Window

Days = list[tuple[float, float]]


def ns(days: float) -> int:
    return int(days * DAY)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([], []),
        ([(1, 1, 3)], [(1, 3)]),
        ([(1, 0.5, 3.5)], [(1, 3)]),  # the days in which it begins and ends are asked for whole
        ([(1, 0.2, 0.9)], []),
        ([(1, 0, 1.5), (1, 1.5, 3)], [(0, 3)]),  # parts of one edition go on from each other
        ([(1, 0, 1.5), (1, 1.6, 3)], [(0, 1), (2, 3)]),  # a refused row lies between them
        ([(1, 0, 1.5), (2, 1.5, 3)], [(0, 1), (2, 3)]),  # two editions do not share a day
        ([(1, 0, 2), (2, 2, 3)], [(0, 3)]),
        ([(1, 0, 4), (2, 1, 2)], [(0, 4)]),
    ],
)
def test_whole_days_of_single_editions(parts: list[tuple[int, float, float]], whole: Days) -> None:
    rows = [("BTC/USD", edition, ns(start), ns(end)) for edition, start, end in parts]
    expected = [(ns(start), ns(end)) for start, end in whole]
    assert whole_days(rows).get("BTC/USD", []) == expected


@pytest.mark.parametrize(
    ("window", "days", "left"),
    [
        ((0, 5), [], [(0, 5)]),
        ((0, 5), [(0, 5)], []),
        ((0, 5), [(1, 2), (3, 4)], [(0, 1), (2, 3), (4, 5)]),
        ((0.5, 5), [(0, 3)], [(3, 5)]),
        ((0, None), [(1, 3)], [(0, 1), (3, None)]),
        ((0, None), [(0, 3)], [(3, None)]),
        ((4, None), [(0, 3)], [(4, None)]),
        ((2, None), [(0, 3), (5, 6)], [(3, 5), (6, None)]),
        ((0, None), [], [(0, None)]),
    ],
)
def test_what_is_left_of_a_window(
    window: tuple[float, float | None], days: Days, left: list[tuple[float, float | None]]
) -> None:
    start, end = window
    made = Window(ns(start), None if end is None else ns(end), 7, 8)
    found = without_days(made, [(ns(one), ns(two)) for one, two in days])
    assert [(one.start_ns, one.end_ns) for one in found] == [
        (ns(one), None if two is None else ns(two)) for one, two in left
    ]
    assert {(one.asked_start_ns, one.asked_end_ns) for one in found} <= {(7, 8)}


def test_a_window_that_distrusts_is_asked_for_whole() -> None:
    window = Window(0, DAY, 0, DAY, is_distrusted=True)
    assert without_days(window, [(0, DAY)]) == [window]


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=8)


@given(SPANS, st.integers(0, 30), st.one_of(st.none(), st.integers(1, 20)))
def test_a_moment_is_asked_for_unless_an_archive_has_it(
    spans: list[tuple[int, int]], start: int, length: int | None
) -> None:
    days = [(one, one + size) for one, size in spans]
    end = None if length is None else start + length
    found = without_days(Window(start, end, start, end), days)
    asked = {moment for one in found for moment in range(one.start_ns, 60 if one.end_ns is None else one.end_ns)}
    wanted = set(range(start, 60 if end is None else end))
    assert asked == wanted - {moment for one, two in days for moment in range(one, two)}
    assert (end is None) == any(one.end_ns is None for one in found)
    assert found == sorted(found, key=lambda one: one.start_ns)
