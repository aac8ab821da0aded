"""dbt's variables as the jobs of a warehouse want them: the timeframes and policies that rebuilds asked for stay."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.building import project_variables
from dlt_pipeline.common.timeframe import timeframe_seconds
from dlt_pipeline.jobs.job import BUILDING_TYPES, Job
from dlt_pipeline.jobs.store import JobStore

_TIMEFRAMES: Final = "kraken_candles_timeframes"
_OVERRIDES: Final = "kraken_candles_empty_bucket_overrides"


def job_variables(warehouse: Path) -> dict[str, Any]:
    """Return the variables that the warehouse's jobs add to the project's; none if they want nothing besides.

    A job counts from its first build on, and ever after: what was built is not to vanish with the next build.
    """
    store = JobStore(warehouse)
    built = store.built_ids()
    return variables_of(job for job in store.jobs() if job.job_id in built)


def variables_of(jobs: Iterable[Job]) -> dict[str, Any]:
    """Return dbt's variables for these jobs; of two policies for the same candles the newer job's counts."""
    own = project_variables()
    known = {timeframe["seconds"] for timeframe in own[_TIMEFRAMES] if not timeframe.get("offset_seconds")}
    timeframes: dict[str, int] = {}
    overrides: dict[tuple[str, str], str] = {}
    for job in jobs:
        if job.job_type not in BUILDING_TYPES:
            continue
        options = job.parsed
        seconds = timeframe_seconds(options.bucket_size)
        if seconds not in known:
            timeframes[options.bucket_size] = seconds
        if options.empty_bucket_policy:
            overrides[job.symbol, options.bucket_size] = options.empty_bucket_policy
    found: dict[str, Any] = {}
    if timeframes:
        found[_TIMEFRAMES] = own[_TIMEFRAMES] + [{"name": name, "seconds": size} for name, size in timeframes.items()]
    if overrides:
        more = [{"symbol": s, "timeframe": t, "policy": policy} for (s, t), policy in overrides.items()]
        found[_OVERRIDES] = (own[_OVERRIDES] or []) + more
    return found
