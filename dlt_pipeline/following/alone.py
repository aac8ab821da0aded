"""One follow a warehouse."""

import getpass
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from dlt_pipeline.exceptions import WarehouseLockedError


@contextmanager
def only_follow(path: Path) -> Iterator[None]:
    """Be the only one that follows into the warehouse at `path`; WarehouseLockedError if another process does.

    Loads and builds of other commands find their place between the rounds.
    """
    name = hashlib.sha256(f"{getpass.getuser()} {path}".encode()).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"kraken-candles-follow-{name}"
    owner = place.with_suffix(".owner")
    lock = filelock.FileLock(place.with_suffix(".lock"), blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        pid = owner.read_text() if owner.exists() else "?"
        raise WarehouseLockedError(
            f"Another follow (process {pid}) keeps {path} up to date; stop it and name all symbols in one command."
        ) from None
    try:
        owner.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()
