"""Runs a blocking call beside the main thread, which stays free to hear Ctrl-C."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


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
