"""An exports folder is one warehouse's, and one publish at a time works in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from dlt_pipeline.common.exceptions import PublishError
from dlt_pipeline.publishing.settings import EXPORTS, PublishSettings
from dlt_pipeline.publishing.whole import make_folder


@contextmanager
def only_publish(settings: PublishSettings, warehouse: Path) -> Iterator[None]:
    """Wait for another publish into the folder to end, then hold the folder, with nothing half-written left in it.

    Raises PublishError if the other one takes too long, or if the folder belongs to another warehouse.
    """
    if settings.exports.exists() and not settings.exports.is_dir():
        raise PublishError(
            f"{settings.exports} is a file where the exports folder should be; set {EXPORTS} to a folder."
        )
    make_folder(settings.exports)
    lock = filelock.FileLock(settings.exports / ".lock", timeout=settings.wait_seconds)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise PublishError(
            f"Another publish is writing into {settings.exports}; wait for it and run `kraken-candles publish`."
        ) from None
    try:
        _claim(settings.exports, warehouse)
        _empty(settings.partial)
        yield
    finally:
        shutil.rmtree(settings.partial, ignore_errors=True)
        lock.release()


def _claim(exports: Path, warehouse: Path) -> None:
    """Remember the warehouse, as a path from the folder, so that both can be moved together.

    Publishing another one would remove the first one's candles. One that is no longer there was renamed or deleted.
    """
    remembered = exports / ".warehouse"
    if remembered.exists():
        other = Path(os.path.normpath(exports / remembered.read_text()))
        if other.exists() and not other.samefile(warehouse):
            raise PublishError(
                f"{exports} is published from the warehouse {other}, and a second one would remove its candles; set "
                f"{EXPORTS} to another folder for {warehouse}, or delete {remembered} to give it this one."
            )
    remembered.write_text(os.path.relpath(warehouse, exports))


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
