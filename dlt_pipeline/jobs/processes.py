"""Which process runs a job, told by its id and its start, since ids are used again."""

import os
from datetime import datetime, timezone
from typing import Final

import psutil

# Both times come from the same clock of the system; they are told apart by more than its steps.
_TOLERANCE_SECONDS: Final = 2.0


def this_process() -> tuple[int, datetime]:
    """Return this process's id and when it began (naive UTC)."""
    process = psutil.Process(os.getpid())
    return process.pid, _began(process)


def is_alive(process_id: int | None, started_at: datetime | None) -> bool:
    """Tell whether that very process still lives."""
    if process_id is None or started_at is None:
        return False
    try:
        process = psutil.Process(process_id)
        is_same = abs((_began(process) - started_at).total_seconds()) < _TOLERANCE_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _began(process: psutil.Process) -> datetime:
    return datetime.fromtimestamp(process.create_time(), tz=timezone.utc).replace(tzinfo=None)
