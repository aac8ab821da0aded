"""Lock files of this user: who holds what alone, told by its process."""

import getpass
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from dlt_pipeline.common.exceptions import WarehouseError, WarehouseLockedError


def warehouse_key(path: Path) -> str:
    """Return a short name for this user and warehouse, for lock files."""
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
        pid = owner.read_text() if owner.is_file() else "?"
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
