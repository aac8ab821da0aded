"""What goes wrong below us (DuckDB, dlt, the system), turned into sentences; and waiting for a warehouse in use."""

import errno
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import tenacity

from dlt_pipeline.common.exceptions import (
    DiskFullError,
    KrakenCandlesError,
    LoadStoppedError,
    OutOfFilesError,
    WarehouseError,
    WarehouseLockedError,
    WarehouseTooNewError,
)

_T = TypeVar("_T")
ENVIRONMENT_NAME: Final = "KRAKEN_CANDLES_WAREHOUSE"
MEMORY_NAME: Final = "KRAKEN_CANDLES_MEMORY"
CORES_NAME: Final = "KRAKEN_CANDLES_CORES"
_REFUSALS: Final = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP)
_FILE: Final = re.compile(r'file "([^"]+)"')  # as DuckDB names it
_log = logging.getLogger("dlt_pipeline.kraken")
# A build of a large warehouse holds it for minutes at the most; a load of hours must not end for it.
_LONGEST_WAIT_SECONDS: Final = 600
# As DuckDB says it of a file that ends too soon.
_DAMAGE: Final = ("Could not read enough bytes from file", "Could not read from file")
_HOLDER: Final = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")


def explain(
    error: BaseException, path: Path, variable: str = ENVIRONMENT_NAME, way_out: str | None = None
) -> KrakenCandlesError | None:
    """Return the clear sentence for an error of using the warehouse at `path`, or None if it is not known.

    `variable` is that of the environment by which another place is chosen, `way_out` what helps where the file there is
    broken; by default another place, or a copy.
    """
    for link in links(error):
        known = link if isinstance(link, KrakenCandlesError) else _named(link, path, variable, way_out)
        if known:
            return known
    return None


def links(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it comes from."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _named(error: BaseException, path: Path, variable: str, way_out: str | None) -> KrakenCandlesError | None:
    text, elsewhere = str(error), f"set {variable} to another path"
    known: KrakenCandlesError | None = None
    if "Could not set lock on file" in text:
        holder = _HOLDER.search(text)
        who = f"{holder['program']} (process {holder['pid']})" if holder else WarehouseLockedError.holder
        known = WarehouseLockedError(
            f"The warehouse {path} is in use by {who}; close it there and run the same command again."
        )
        known.holder = who
    elif "No space left on device" in text or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        known = DiskFullError(
            f"No space is left on the disk of the warehouse {path} or of dlt's working folder; what was committed "
            "is safe. Free some space and run the same command again."
        )
    elif is_out_of_files(error):
        known = OutOfFilesError(
            "No file descriptor is left for this process; what was committed is safe. Allow it more (`ulimit -n`) and "
            "run the same command again."
        )
    elif memory := told_memory(text):
        known = WarehouseError(f"{memory} What was committed is safe.")
    elif reason := _refusal(error, text):
        known = WarehouseError(_told_refusal(error, text, reason, path, variable))
    elif "newer version of DuckDB" in text:
        known = WarehouseTooNewError(f"The warehouse {path} was written by a newer DuckDB; update duckdb.")
    elif "not a valid DuckDB database file" in text:
        known = WarehouseError(f"{path} is not a DuckDB file; {way_out or elsewhere}.")
    elif _is_damage(error, text, path):
        way_out = way_out or f"put a copy in its place, or {elsewhere}"
        known = WarehouseError(f"{path} is damaged or cut short ({text.splitlines()[0]}); {way_out}.")
    return known


def told_memory(text: str) -> str | None:
    """Return what to set where DuckDB says that its memory does not do, None where it says something else."""
    if "Out of Memory Error" not in text:
        return None
    given = os.environ.get(MEMORY_NAME)
    return (
        f"DuckDB's memory{f' of {given}' if given else ''} does not do; give it more by {MEMORY_NAME}, as 8GB, or "
        f"fewer threads by {CORES_NAME}."
    )


def told_overflow(text: str) -> str | None:
    """Return what does not fit and how to find it where DuckDB says that a product or sum of decimals overflows."""
    if "Out of Range Error: Overflow" not in text or "DECIMAL" not in text:
        return None
    return (
        "price times volume reaches 10^14 of the quote currency, which DECIMAL(38, 24) does not hold and which is not "
        "rounded; `select symbol, trade_id, traded_at, price, volume from kraken_raw.trades order by price::double * "
        "volume::double desc limit 5` shows the trades, and `kraken-candles repair SYMBOL --start DAY --end DAY` asks "
        "for their day anew."
    )


def _refusal(error: BaseException, text: str) -> str | None:
    """Return why a place cannot be written to, None if the error is another one."""
    if isinstance(error, OSError):
        return error.strerror if error.errno in _REFUSALS else None
    return next((reason for number in _REFUSALS if (reason := os.strerror(number)) in text), None)


def _told_refusal(error: BaseException, text: str, reason: str, path: Path, variable: str) -> str:
    from dlt.common.pipeline import get_dlt_pipelines_dir  # noqa: PLC0415 - dlt takes a second to import

    named = _FILE.search(text)
    place = Path(os.fsdecode(getattr(error, "filename", None) or (named[1] if named else path)))
    dlt_folder = Path(get_dlt_pipelines_dir())
    if dlt_folder in (place, *place.parents) or place in dlt_folder.parents:
        return f"dlt cannot write into its folder {dlt_folder} ({reason}); set DLT_DATA_DIR to a folder where it can."
    if path in (place, *place.parents) or path.parent in (place, *place.parents):
        folder = path.parent if place == path else place
        return f"{folder} cannot be written to ({reason}); set {variable} to a place that can."
    return f"{place} cannot be used ({reason}); choose a place that can, or ask for the right to it."


def is_out_of_files(error: BaseException) -> bool:
    """Whether the process or the system has no file descriptor left, whatever that was wrapped in."""
    return any(
        (isinstance(link, OSError) and link.errno in (errno.EMFILE, errno.ENFILE)) or "Too many open files" in str(link)
        for link in links(error)
    )


def _is_damage(error: BaseException, text: str, path: Path) -> bool:
    if not path.is_file():  # a folder that is written into: what DuckDB met lies elsewhere
        return False
    if type(error).__name__ in ("FatalException", "InternalException", "SerializationException"):
        return True
    return any(f'{words} "{path}"' in text for words in _DAMAGE) or "Corrupt database file" in text


def when_unlocked(
    call: Callable[[], _T], path: Path, stop: threading.Event, longest_seconds: float = _LONGEST_WAIT_SECONDS
) -> _T:
    """Return what `call` returns; while another process holds the warehouse, wait for it instead of giving up.

    A build or a reader keeps it for seconds. Raises WarehouseLockedError after `longest_seconds`, or LoadStoppedError.
    """

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise LoadStoppedError("Stopped while waiting for the warehouse; run the same command again to resume.")

    def tell(_state: tenacity.RetryCallState) -> None:
        _log.warning("The warehouse is in use by another process; waiting for it.")

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(explain(error, path), WarehouseLockedError)),
        wait=tenacity.wait_exponential_jitter(multiplier=0.5, max=10, jitter=0.5),
        stop=tenacity.stop_after_delay(longest_seconds),
        sleep=sleep,
        before_sleep=tell,
        reraise=True,
    )
    return retrying(call)
