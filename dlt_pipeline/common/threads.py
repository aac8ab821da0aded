"""What waits for whom: blocking calls beside a thread that stays free to hear Ctrl-C, and lock files of this user."""

import ctypes
import getpass
import hashlib
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import filelock

from dlt_pipeline.common.exceptions import LoadStoppedError, WarehouseError, WarehouseLockedError

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


def warehouse_key(path: Path) -> str:
    """Return a short name for this user and warehouse (or another place), for lock files."""
    return hashlib.sha256(f"{getpass.getuser()} {path}".encode()).hexdigest()[:16]


@contextmanager
def exclusive_lock(place: Path, what: str, way_out: str) -> Iterator[None]:
    """Hold the lock file at `place`, which ends with this process; WarehouseLockedError names who has it instead."""
    owner = place.with_name(place.name + ".owner")
    path = place.with_name(place.name + ".lock")
    lock = filelock.FileLock(path, blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        pid = "?"
        with suppress(OSError):  # it ends just now
            pid = owner.read_text()
        raise WarehouseLockedError(f"Another {what} is running (process {pid}); {way_out}.") from None
    try:
        owner.unlink(missing_ok=True)  # of a killed process, or somebody's link
        with owner.open("x") as file:
            file.write(str(os.getpid()))
        yield
    finally:
        owner.unlink(missing_ok=True)
        if os.name == "posix":
            path.unlink(missing_ok=True)  # while it is held: who opened it meanwhile finds it gone, and takes a new one
        lock.release()


def lock_folder() -> Path:
    """Return a folder of this user's own for locks; WarehouseError where somebody else has put something there.

    It does not depend on the session: a load of cron and one of a login must meet.
    """
    if os.name != "posix":
        return Path(tempfile.gettempdir())
    folder = Path(tempfile.gettempdir()) / f"kraken-candles-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise WarehouseError(
            f"{folder}, where the locks lie, is not a folder of this user alone; remove it, or set TMPDIR to another."
        )
    return folder
