"""The sleep between rounds: it ends for a stop and for lost time, and no clock that is set makes it longer."""

import threading
import time
from collections.abc import Callable

import pytest

from dlt_pipeline.following import follower
from dlt_pipeline.following.follower import SleepingWaiter, Wake


def apart(*values: float) -> Callable[[], float]:
    """The distances of the two clocks as they are asked for; the last one stays."""
    left = list(values)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_it_sleeps_as_long_as_it_is_told_and_says_what_is_left() -> None:
    lefts: list[float] = []
    began = time.monotonic()
    assert SleepingWaiter(lefts.append).wait(0.2, threading.Event()) == Wake("due")
    assert time.monotonic() - began >= 0.2
    assert lefts[0] == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize("jump", [3600.0, -3600.0], ids=["sleep", "set back"])
def test_a_jump_of_the_machines_clock_ends_it(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    monkeypatch.setattr(follower, "apart", apart(0.0, 0.0, jump))
    assert SleepingWaiter().wait(100.0, threading.Event()) == Wake("clock")


def test_a_correction_of_the_clock_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "apart", apart(0.0, 2.0))
    assert SleepingWaiter().wait(0.1, threading.Event()) == Wake("due")


def test_a_stop_ends_it() -> None:
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    assert SleepingWaiter().wait(100.0, stop) == Wake("stopped")
