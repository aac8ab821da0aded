"""The pace as arithmetic: no test here waits."""

import threading
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.kraken.pace import Pace, pace_of
from dlt_pipeline.kraken.settings import KrakenSettings


def settings_of(**values: Any) -> KrakenSettings:
    settings = KrakenSettings()
    for name, value in values.items():
        setattr(settings, name, value)
    return settings


def test_calls_start_the_set_seconds_apart_whatever_an_answer_takes() -> None:
    pace, settings = Pace(), settings_of()
    assert pace.book(settings, 100.0) == 100.0
    assert pace.book(settings, 100.7) == 101.0, "an answer of 0.7 s lies within the second"
    assert pace.book(settings, 103.4) == 103.4, "a late call is not made up for"
    assert pace.book(settings, 103.5) == 104.4


def test_each_rate_limit_doubles_the_gap_up_to_the_slowest() -> None:
    pace, settings = Pace(), settings_of(slowest_seconds_per_call=5.0)
    gaps = []
    for _ in range(4):
        pace.limited(settings)
        gaps.append(pace.gap(settings))
    assert gaps == [2.0, 4.0, 5.0, 5.0]
    assert [pace.book(settings, 10.0), pace.book(settings, 10.0)] == [10.0, 15.0]


def test_calls_that_pass_bring_the_pace_back_step_by_step() -> None:
    pace, settings = Pace(), settings_of(recovery_calls=3)
    pace.limited(settings)
    gaps = []
    for _ in range(12):
        pace.passed(settings)
        gaps.append(pace.gap(settings))
    assert gaps == [2.0, 2.0, 1.5, 1.5, 1.5, 1.125, 1.125, 1.125, 1.0, 1.0, 1.0, 1.0]


def test_a_rate_limit_begins_the_run_of_passing_calls_anew() -> None:
    pace, settings = Pace(), settings_of(recovery_calls=3)
    pace.limited(settings)
    pace.passed(settings)
    pace.passed(settings)
    pace.limited(settings)
    pace.passed(settings)
    assert pace.gap(settings) == 4.0


def test_after_any_number_of_rate_limits_recovery_begins_at_the_slowest() -> None:
    pace, settings = Pace(), settings_of(recovery_calls=1, slowest_seconds_per_call=4.0)
    for _ in range(50):
        pace.limited(settings)
    pace.passed(settings)
    assert pace.gap(settings) == 3.0


def test_a_slowest_pace_below_the_set_one_changes_nothing() -> None:
    pace, settings = Pace(), settings_of(seconds_per_call=3.0, slowest_seconds_per_call=1.0)
    pace.limited(settings)
    assert pace.gap(settings) == 3.0


def test_no_pace_stays_none() -> None:
    pace, settings = Pace(), settings_of(seconds_per_call=0.0)
    pace.limited(settings)
    assert pace.book(settings, 1.0) == pace.book(settings, 1.0) == 1.0


@given(
    st.lists(st.tuples(st.sampled_from(["book", "limited", "passed"]), st.floats(0, 3)), max_size=60),
    st.floats(0.01, 5),
)
def test_no_call_is_ever_sooner_than_the_set_seconds_after_the_one_before(
    events: list[tuple[str, float]], seconds: float
) -> None:
    pace, settings = Pace(), settings_of(seconds_per_call=seconds, recovery_calls=2)
    now, starts = 1_000.0, []
    for event, later in events:
        now += later
        if event == "book":
            starts.append(pace.book(settings, now))
            assert starts[-1] >= now
        else:
            getattr(pace, event)(settings)
        assert seconds <= pace.gap(settings) <= max(seconds, settings.slowest_seconds_per_call) + 1e-9
    assert all(second - first >= seconds - 1e-9 for first, second in pairwise(starts))


def test_trades_and_candles_of_a_pair_share_a_pace_and_all_other_calls_another() -> None:
    base = "http://127.0.0.1:1"
    btc = pace_of(base, "Trades", "XXBTZUSD")
    assert pace_of(base, "OHLC", "XXBTZUSD") is btc
    assert pace_of(base, "Trades", "XETHZUSD") is not btc
    shared = pace_of(base, "Time", "")
    assert shared is not btc
    assert pace_of(base, "AssetPairs", "XXBTZUSD") is shared
    assert pace_of("http://127.0.0.1:2", "Time", "") is not shared


def test_threads_that_book_at_once_get_turns_of_their_own() -> None:
    pace, settings = Pace(), settings_of()
    turns: list[float] = []
    threads = [threading.Thread(target=lambda: turns.append(pace.book(settings, 50.0))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turns) == [50.0 + number for number in range(20)]
