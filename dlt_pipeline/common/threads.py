"""Blocking calls beside the thread that waits for them, which stays free to hear Ctrl-C; and what ends a wait."""

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from dlt_pipeline.common.exceptions import LoadStoppedError

# What is in hand may still end by itself after a stop; the commit of a chunk must fit into Docker's 10 s, too.
_GRACE_SECONDS: Final = 2.0
_SLICE_SECONDS: Final = 0.1

T = TypeVar("T")
# How long a stop may go unheard; a thread can wait for one event only.
_UNHEARD_SECONDS: Final = 0.25


class _Job(Generic[T]):
    def __init__(self, call: Callable[[], T]) -> None:
        self.call = call
        self.result: T | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.call()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread as it is
            self.error = error


def beside_main(call: Callable[[], T], stop: threading.Event, on_stop: Callable[[], object]) -> T:
    """Return what `call` returns, or raise what it raises. dlt takes over signals only in the main thread.

    `on_stop` is called once, here, after `stop` was set: a signal handler may not print.
    """
    job = _Job(call)
    thread = threading.Thread(target=job.run, name="load", daemon=True)
    thread.start()
    is_told = False
    while thread.is_alive():
        thread.join(0.1)
        if stop.is_set() and not is_told:
            is_told = True
            on_stop()
    if job.error is not None:
        raise job.error
    return job.result  # type: ignore[return-value] # set wherever no error is


def within(call: Callable[[], T], seconds: float, stop: "Stop") -> T:
    """Return what `call` returns, or raise what it raises, but wait no longer than so many seconds for it.

    Raises TimeoutError after them, and LoadStoppedError soon after a `stop`. Then `call` is left behind: it ends with
    its next line of Python, whatever the network does meanwhile.
    """
    job = _Job(call)
    thread = threading.Thread(target=job.run, name="ask", daemon=True)
    until, stopped_at = time.monotonic() + seconds, None
    thread.start()
    while thread.is_alive():
        now = time.monotonic()
        if stopped_at is None and stop.is_set():
            stopped_at = now
        is_stopped = stopped_at is not None and now - stopped_at >= _GRACE_SECONDS
        if is_stopped or now >= until:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
            raise LoadStoppedError("Stopped while waiting for the exchange.") if is_stopped else TimeoutError
        thread.join(_SLICE_SECONDS)
    if job.error is not None:
        raise job.error
    return job.result  # type: ignore[return-value] # set wherever no error is


class Stop(Protocol):
    """An event that only has to be heard; `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether it has happened."""

    def wait(self, timeout: float) -> bool:
        """Wait for it so many seconds at most; whether it has happened."""


class AnyOf:
    """Has happened once one of its events has."""

    def __init__(self, *events: threading.Event) -> None:
        """Keep the events."""
        self._events = events

    def is_set(self) -> bool:
        """Whether one of them has happened."""
        return any(event.is_set() for event in self._events)

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds at most; whether one has happened."""
        until = time.monotonic() + timeout
        while not self.is_set():
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._events[0].wait(min(left, _UNHEARD_SECONDS))
        return True
