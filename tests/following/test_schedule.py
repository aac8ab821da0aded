"""When which symbol is due, by values alone."""

import pytest

from dlt_pipeline.following.schedule import SPARE_NS, ExchangeClock, FollowSettings, Schedule, next_moment_ns

S = 10**9
MINUTE, MARGIN = 60 * S, 5 * S


@pytest.mark.parametrize(
    ("reached", "now", "has_moved", "expected"),
    [
        (600 * S, 605 * S, True, 665 * S),  # covered up to a close: the next one, and the margin
        (603 * S, 605 * S, True, 665 * S),  # a trade proved a little more
        (599 * S, 604 * S, True, 605 * S),  # a moment too early: once more, as soon as the close can be proven
        (300 * S, 605 * S, True, 365 * S),  # far behind and moving: at once
        (300 * S, 606 * S, False, 665 * S),  # nothing came: not before the next close
        (300 * S, 604 * S, False, 605 * S),
    ],
)
def test_the_next_moment_is_when_silence_up_to_a_close_is_believed(
    reached: int, now: int, has_moved: bool, expected: int
) -> None:
    assert next_moment_ns(reached, now, MINUTE, MARGIN, has_moved) == expected + SPARE_NS


def test_the_exchanges_clock_is_the_newest_of_readings_cut_to_seconds() -> None:
    clock = ExchangeClock()
    assert clock.now_ns(0) is None
    clock.heard(1000 * S, 50.9)  # the truth was 1000.9
    clock.heard(1002 * S, 52.1)  # 1002.1
    clock.heard(1005 * S, 55.7)  # 1005.7
    assert clock.now_ns(60.0) == pytest.approx(1009.9 * S)


def test_the_exchanges_clock_follows_jumps_both_ways() -> None:
    clock = ExchangeClock()
    clock.heard(1000 * S, 50.0)
    clock.heard(9000 * S, 51.0)  # a laptop slept
    assert clock.now_ns(51.0) == 9000 * S
    clock.heard(2000 * S, 52.0)  # it was set back
    assert clock.now_ns(52.0) == 2000 * S


def make(*symbols: str) -> Schedule:
    return Schedule(symbols, MINUTE, MARGIN, FollowSettings())


def test_all_are_due_at_first_and_then_each_at_its_moment() -> None:
    schedule = make("A", "B")
    assert schedule.now(7.0) == ["A", "B"]
    schedule.loaded({"A": 600 * S, "B": 540 * S}, 606 * S, 100.0)
    assert schedule.now(100.0) == []
    assert schedule.seconds_left(100.0) == 1.0, "B is behind and goes on soon"
    assert schedule.now(101.0) == ["B"]
    assert schedule.now(100.0, ["A"]) == ["A"], "it was heard of"
    assert schedule.now(160.0) == ["A", "B"]


def test_a_round_begins_before_a_close_can_be_proven_and_asks_the_rest_again_when_it_can() -> None:
    schedule = make("A", "B")
    schedule.loaded({"A": 603 * S, "B": 600 * S}, 606 * S, 100.0)
    assert schedule.seconds_left(100.0) == pytest.approx(56.05), "2 s after the close at 660"
    late, seconds = schedule.unproven({"A": 661 * S, "B": 657 * S}, 662 * S)
    assert late == ["B"], "a trade proves the close of A"
    assert seconds == pytest.approx(3.05)
    assert schedule.unproven({"B": 657 * S}, 666 * S) == ([], 0.0)
    schedule.every_ns = 10 * S
    assert schedule.unproven({"B": 657 * S}, 662 * S) == ([], 0.0), "the next round comes soon"


def test_one_in_trouble_waits_longer_each_time_and_comes_alone() -> None:
    schedule = make("A", "B")
    at, pauses = 0.0, []
    for _ in range(12):
        schedule.failed(["B"], at, is_all=False)
        schedule.loaded({"A": 600 * S}, 606 * S, at - 1000)  # due
        assert schedule.now(at + 10_000) == ["A"]
        schedule.loaded({"A": 600 * S}, 600 * S, at + 10_000)
        assert schedule.now(at + 10_000) == ["B"]
        pauses.append(schedule._due["B"] - at)
        at += 10_000
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == 900
    schedule.loaded({"B": 600 * S}, 606 * S, at)
    schedule.failed(["B"], at, is_all=False)
    assert schedule._due["B"] - at == 5, "after a success it begins anew"


def test_trouble_of_all_is_tried_again_within_a_minute() -> None:
    schedule = make("A", "B")
    for _ in range(10):
        schedule.failed(["A", "B"], 0.0, is_all=True)
    assert schedule.seconds_left(0.0) == 60
    assert schedule.now(60.0) == ["A", "B"]
    schedule.all_due()
    assert schedule.now(1.0) == ["A", "B"]
