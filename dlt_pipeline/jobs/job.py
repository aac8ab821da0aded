"""A job and the rules of its life, apart from where it is written down."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, get_args

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.jobs.options import Options, parse_options

JobType = Literal["trade_rebuild", "trade_load", "archive_import", "rest_snapshot", "repair"]
Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
# What a running job is at; each may be begun again without harm, and those before it need not be.
Phase = Literal["waiting", "estimating", "loading", "building", "checking", "exporting", "removing", "done"]
JOB_TYPES: Final = get_args(JobType)
STATUSES: Final = get_args(Status)
PHASES: Final = get_args(Phase)
LOADING_TYPES: Final = ("trade_rebuild", "trade_load", "repair")
PRICED_TYPES: Final = ("trade_rebuild", "trade_load")  # a repair asks again for what the ledger calls loaded
BUILDING_TYPES: Final = ("trade_rebuild", "archive_import", "repair")

_NEXT: Final[dict[str, tuple[str, ...]]] = {
    "queued": ("queued", "running", "cancelled"),
    "running": ("queued", "running", "succeeded", "failed", "cancelled"),
    "failed": ("queued",),
    "cancelled": ("queued",),
    "succeeded": (),
}


@dataclass(frozen=True)
class Job:
    """A job as its newest event tells it; times in ns UTC, sizes in bytes, `seconds` of work over all attempts."""

    job_id: int
    job_type: JobType
    symbol: str
    start_ns: int | None
    end_ns: int | None
    options: str
    status: Status = "queued"
    phase: Phase = "waiting"
    attempt: int = 0
    is_cancel_requested: bool = False
    estimated_trades: int | None = None
    estimated_calls: int | None = None
    estimated_seconds: float | None = None
    estimated_bytes: int | None = None
    trades: int = 0
    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0
    cursor_ns: int | None = None
    summary: str | None = None
    error: str | None = None
    process_id: int | None = None
    process_started_at: datetime | None = None

    @property
    def parsed(self) -> Options:
        """The options, checked."""
        return parse_options(self.options)

    @property
    def name(self) -> str:
        """The job for people: `job 7 (trade_rebuild BTC/USD)`."""
        return f"job {self.job_id} ({self.job_type} {self.symbol})"

    @property
    def window(self) -> str:
        """The job's time for people."""
        if self.job_type == "archive_import" and self.start_ns is None:
            return "all" if self.end_ns is None else f"all to {show_ns(self.end_ns)}"
        if self.start_ns is None:
            return "now"
        return f"{show_ns(self.start_ns)} to {'now' if self.end_ns is None else show_ns(self.end_ns)}"

    def is_past(self, phase: Phase) -> bool:
        """Whether the job has left the phase behind it."""
        return PHASES.index(self.phase) > PHASES.index(phase)

    def changed(self, **changes: Any) -> "Job":
        """Return the job after an event; BadInputError for a change of status that cannot be."""
        status = changes.get("status", self.status)
        if status != self.status and status not in _NEXT[self.status]:
            ways = {"succeeded": "it is done", "failed": "`jobs retry` queues it again"}
            way = ways.get(self.status, f"it can only become {' or '.join(_NEXT[self.status])}")
            raise BadInputError(f"The {self.name} is {self.status} and cannot become {status}: {way}.")
        return replace(self, **changes)
