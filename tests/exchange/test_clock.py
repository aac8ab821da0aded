import time
from datetime import datetime, timezone

import pytest

from dlt_pipeline.exchange import Clock
from dlt_pipeline.exchange.clock import to_ns

NOON = datetime(2025, 11, 10, 12, 0, 0, 1, tzinfo=timezone.utc)
NOON_NS = 1_762_776_000_000_001_000


def test_a_set_clock_stands_still_until_it_is_moved():
    clock = Clock(NOON)
    assert (clock.now_ns(), clock.now()) == (NOON_NS, NOON)
    time.sleep(0.002)
    assert clock.now_ns() == NOON_NS
    clock.advance(1.5)
    assert clock.now_ns() == NOON_NS + 1_500_000_000
    clock.set(NOON)
    assert clock.now_ns() == NOON_NS


def test_a_ticking_clock_runs_on_from_its_start():
    clock = Clock(NOON, ticking=True)
    time.sleep(0.002)
    assert NOON_NS + 2_000_000 <= clock.now_ns() < NOON_NS + 60 * 10**9
    clock.set(datetime(2020, 1, 1, tzinfo=timezone.utc))
    assert 0 <= clock.now_ns() - 1_577_836_800 * 10**9 < 60 * 10**9


def test_without_a_start_it_is_the_machine_clock():
    assert abs(Clock().now_ns() - time.time_ns()) < 60 * 10**9


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        to_ns(datetime(2025, 11, 10))  # noqa: DTZ001
