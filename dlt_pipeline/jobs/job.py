"""A job: what it is to do, with which options, and where it stands."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from typing import Any, Final, Literal, get_args

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import NS_PER_DAY, show_ns, timeframe_name, utc_of_ns

POLICIES: Final = ("null", "carry_forward", "omit")
_VALUES: Final[dict[str, tuple[type, str]]] = {
    "bucket_size": (str, "a bucket size such as 1m"),
    "include_trades": (bool, "true or false"),
    "empty_bucket_policy": (str, f"one of {', '.join(POLICIES)}"),
    "export": (bool, "true or false"),
    "reason": (str, "a text"),
    "symbols": (str, "symbols by commas, such as BTC/USD,ETH/USD"),
    "symbol_map": (str, "the path of a CSV of altname,symbol"),
    "whole_days": (bool, "true or false"),
}
JobType = Literal["trade_rebuild", "trade_load", "archive_import", "rest_snapshot", "repair"]
Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
# What a running job is at; each may be begun again without harm, and those before it need not be.
Phase = Literal["waiting", "estimating", "loading", "building", "checking", "exporting", "removing", "done"]
JOB_TYPES: Final = get_args(JobType)
STATUSES: Final = get_args(Status)
PHASES: Final = get_args(Phase)
_NEXT: Final[dict[str, tuple[str, ...]]] = {
    "queued": ("queued", "running", "cancelled"),
    "running": ("queued", "running", "succeeded", "failed", "cancelled"),
    "failed": ("queued",),
    "cancelled": ("queued",),
    "succeeded": (),
}


@dataclass(frozen=True)
class JobKind:
    """What sets a type of jobs apart: the `options` it heeds, another one would promise what nobody does; its steps."""

    options: tuple[str, ...] = ()
    is_priced: bool = False
    is_loading: bool = False
    is_building: bool = False


KINDS: Final[dict[JobType, JobKind]] = {
    "trade_rebuild": JobKind(("bucket_size", "include_trades", "empty_bucket_policy", "export"), True, True, True),
    "trade_load": JobKind(is_priced=True, is_loading=True),
    "archive_import": JobKind(("export", "symbols", "symbol_map", "whole_days"), is_building=True),
    "rest_snapshot": JobKind(),
    "repair": JobKind(("export", "reason"), is_loading=True, is_building=True),
}


@dataclass(frozen=True)
class Options:
    """What a job makes of its trades.

    `bucket_size`: a timeframe that is built besides those of the project (1s to 15d). `include_trades` False removes
    the raw trades of its whole days once their candles are kept. `empty_bucket_policy` of the symbol in this timeframe;
    None leaves the project's. `export`: publish afterwards. `reason`: why a repair is one. Of an import: `symbols` are
    those wanted, by commas, `symbol_map` a CSV of altname,symbol; `whole_days` believes that files hold whole days.
    """

    bucket_size: str = "1m"
    include_trades: bool = True
    empty_bucket_policy: str | None = None
    export: bool = True
    reason: str | None = None
    symbols: str | None = None
    symbol_map: str | None = None
    whole_days: bool = False

    def as_json(self) -> str:
        """Return the JSON text that `parse_options` reads back; what is not said is left out."""
        standard = Options()
        return json.dumps(
            {
                name: value
                for name, value in asdict(self).items()
                if value is not None and (name != "whole_days" or value != standard.whole_days)
            }
        )


def parse_options(given: str | Mapping[str, Any] | None) -> Options:
    """Check options given as JSON text or a mapping; BadInputError names what is unknown or cannot be."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise BadInputError(f"The options of the job are not JSON ({error}).") from None
    if not isinstance(given, Mapping | None):
        raise BadInputError("The options of the job are not a JSON object.")
    found = {name: value for name, value in (given or {}).items() if value is not None}
    known = [field.name for field in fields(Options)]
    for name, value in found.items():
        if name not in known:
            raise BadInputError(f"The option {name!r} is unknown; a job has {', '.join(known)}.")
        kind, meant = _VALUES[name]
        if type(value) is not kind or (name == "empty_bucket_policy" and value not in POLICIES):
            raise BadInputError(f"The option {name} is {value!r}; it must be {meant}.")
    options = Options(**found)
    return Options(**{**asdict(options), "bucket_size": timeframe_name(options.bucket_size)})


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
    def kind(self) -> JobKind:
        """What its type makes of it."""
        return KINDS[self.job_type]

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

    @property
    def days_to_remove(self) -> tuple[date, date] | None:
        """The whole UTC days whose trades the job does not keep, the end exclusive; None where there are none."""
        if self.job_type != "trade_rebuild" or self.parsed.include_trades:
            return None
        if self.start_ns is None or self.cursor_ns is None:
            return None
        end_ns = self.cursor_ns if self.end_ns is None else min(self.end_ns, self.cursor_ns)
        first, last = utc_of_ns(self.start_ns + NS_PER_DAY - 1).date(), utc_of_ns(end_ns).date()
        return (first, last) if first < last else None

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
