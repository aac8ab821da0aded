"""The cuts of a plan: every moment once, and the best cover of each wins."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.common.time import Span, joined, without
from dlt_pipeline.estimates.plan import State, cut

TIMES = st.integers(0, 60)
SPANS = st.lists(st.tuples(TIMES, st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=8).map(
    lambda spans: joined(sorted(spans))
)
ORDER: tuple[State, ...] = ("trades", "archive", "rest")


@given(TIMES, st.integers(1, 40), SPANS, SPANS, SPANS, st.sets(TIMES, max_size=4))
def test_ranges_neither_overlap_nor_leave_anything_out(
    start: int, length: int, trades: list[Span], archive: list[Span], rest: list[Span], borders: set[int]
) -> None:
    end = start + length
    found = cut(start, end, list(zip(ORDER, (trades, archive, rest), strict=True)), borders)
    assert found[0].start_ns == start
    assert found[-1].end_ns == end
    for one, following in pairwise(found):
        assert one.end_ns == following.start_ns
        is_border = one.state == "missing" and one.end_ns in borders
        assert one.state != following.state or is_border, "neighbours that say the same are one"
    assert all(one.start_ns < one.end_ns for one in found)
    for one in found:
        for moment in range(one.start_ns, one.end_ns):
            truth = next(
                (
                    state
                    for state, spans in zip(ORDER, (trades, archive, rest), strict=True)
                    if any(left <= moment < right for left, right in spans)
                ),
                "missing",
            )
            assert one.state == truth
        inside = [border for border in borders if one.start_ns < border < one.end_ns]
        assert one.state != "missing" or not inside


@given(TIMES, st.integers(1, 40), SPANS)
def test_what_is_covered_is_what_nothing_lacks(start: int, length: int, spans: list[Span]) -> None:
    end = start + length
    lacking = [(max(left, start), min(right, end)) for left, right in spans if left < end and right > start]
    covered = {moment for left, right in without((start, end), lacking) for moment in range(left, right)}
    missing = {moment for left, right in lacking for moment in range(left, right)}
    assert covered | missing == set(range(start, end))
    assert not covered & missing
