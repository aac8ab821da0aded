"""A repair in its steps: find what is not proven, load just that, build, check, write down; alone or as jobs."""

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from dlt_pipeline.common.exceptions import KrakenCandlesError, NothingBuiltError, NothingLoadedError, WarehouseError
from dlt_pipeline.common.time import utc
from dlt_pipeline.jobs.build import build_result
from dlt_pipeline.jobs.job import Job, Options
from dlt_pipeline.jobs.store import ActiveJobs, JobStore
from dlt_pipeline.kraken.ledger_store import place_of
from dlt_pipeline.kraken.load import Listener, LoadReport, load_request
from dlt_pipeline.kraken.request import Request, Window, make_windows_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.repairs.attempts import Attempt, Outcome, check_repairs, load_repair_settings, write_attempts
from dlt_pipeline.repairs.gaps import Repair, asked_spans, read_coverage_state, repairs_of_list
from dlt_pipeline.repairs.plan import RepairPlan, plan_repairs
from dlt_pipeline.warehouse.errors import when_unlocked

# What shows the attempts beside the gaps.
_MARKED = ("--select", "gaps")


@dataclass
class RepairReport:
    """How a repair went. `load` is None where nothing was to be loaded; `outcomes` tell of what was asked for whole."""

    plan: RepairPlan
    load: LoadReport | None = None
    is_green: bool = True
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped before all was asked for; the same repair goes on from there."""
        return self.load is not None and bool(self.load.unfinished)

    @property
    def is_whole(self) -> bool:
        """Whether nothing stays that it was asked to repair; `is_green` tells of the build, other symbols included."""
        is_filled = all(each.outcome == "filled" for each in self.outcomes)
        return is_filled and not (self.is_stopped or self.plan.left_out or self.plan.broken)


def repair(
    symbols: Sequence[str] | None = None,
    from_file: str | Path | None = None,
    *,
    again: bool = False,
    timeframe: str | None = None,
    reasons: Collection[str] | None = None,
    warehouse: str | Path | None = None,
    stop: threading.Event | None = None,
    listener: Listener | None = None,
) -> RepairReport:
    """Ask Kraken for what the last build found not proven, build, and tell what came of it.

    Repaired are the gaps that are not accepted, and breaks in the stored candles of Kraken's own (`timeframe`; None:
    the finest stored) that are longer than its 720; or the windows of a CSV `from_file` (symbol, start, end) alone.
    `symbols` and `reasons` (never_loaded, archive_ends, rows_refused, ids_missing, trades_lost, rest_hole) keep it to
    some. What was tried too often or too lately is left out, unless `again`. `warehouse`, `stop` and `listener` are
    those of `load`.

    Raises BadInputError, UnknownSymbolError, NothingLoadedError, NothingBuiltError, and what a load and a build raise.
    """
    plan = plan_repairs(
        symbols, from_file, again=again, timeframe=timeframe, reasons=reasons, warehouse=warehouse, stop=stop
    )
    return carry_out(plan, stop=stop, listener=listener)


def carry_out(
    plan: RepairPlan,
    *,
    stop: threading.Event | None = None,
    listener: Listener | None = None,
    job_ids: Mapping[Repair, int] | None = None,
) -> RepairReport:
    """Do what was planned; a load that was stopped is not built. `job_ids` are written beside the attempts."""
    if not plan.repairs:
        return RepairReport(plan)
    began_at = utc(time.time())
    load = load_repairs(plan.repairs, warehouse=plan.warehouse, stop=stop, listener=listener)
    return finish(plan, load, began_at, job_ids)


def finish(
    plan: RepairPlan, load: LoadReport, began_at: datetime, job_ids: Mapping[Repair, int] | None = None
) -> RepairReport:
    """Build, check and write down after the load of a plan's repairs, which began at `began_at` (naive UTC)."""
    report = RepairReport(plan, load)
    if report.is_stopped:
        return report
    report.is_green = build_repaired(plan.warehouse)
    report.outcomes = check_repairs(plan.warehouse, plan.repairs, began_at, load.failures)
    record_attempts(plan.warehouse, report.outcomes, job_ids)
    return report


def load_repairs(
    repairs: Sequence[Repair],
    *,
    warehouse: str | Path | None = None,
    stop: threading.Event | None = None,
    listener: Listener | None = None,
) -> LoadReport:
    """Load the windows of the repairs and nothing else; none of Kraken's own candles.

    A symbol that the exchange does not list any more is among the report's failures.
    """
    spans = asked_spans(repairs)
    if stop and stop.is_set():
        return LoadReport(place_of(warehouse), Request({}, ()), unfinished=list(spans))
    report = LoadReport(place_of(warehouse), Request({}, ()))
    with closing(Session(load_settings(), stop)) as session:
        session.open(Request({}, ()))
        unlisted = {symbol: error for symbol in spans if (error := session.unlisted(symbol))}
        windows = {
            symbol: [Window(*span, *span, is_distrusted) for span, is_distrusted in each]
            for symbol, each in spans.items()
            if symbol not in unlisted
        }
        if windows:
            request = make_windows_request(windows, ())
            report = load_request(request, warehouse=warehouse, listener=listener, session=session)
    report.failures.update(unlisted)
    return report


def build_repaired(path: Path) -> bool:
    """Build; True if all is green. Raises WarehouseError if it ended before the gaps were looked for anew."""
    result = build_result(path, quiet=True)
    if not result.is_green and "gaps" not in result.built:
        raise WarehouseError(
            f"The build of {path} failed before it looked for gaps, so what the repair brought is not known; what was "
            f"loaded stays. {(*result.errors, *map(str, result.red), f'{result.log} says what')[0]}."
        )
    return result.is_green


def record_attempts(path: Path, outcomes: Iterable[Outcome], job_ids: Mapping[Repair, int] | None = None) -> None:
    """Append what was tried to `kraken_ops.repair_attempts`; what Kraken did not fill is then marked in `kraken.gaps`.

    A repair that was filled or failed is one row, one that was not filled a row for each stretch that stays.
    """
    now = utc(time.time())
    attempts = []
    for each in outcomes:
        repair, job_id = each.repair, (job_ids or {}).get(each.repair)
        if each.outcome == "unfilled":
            attempts += [
                Attempt(
                    *(repair.symbol, stays.span, stays.reason, stays.first_missing_id, stays.last_missing_id),
                    *(stays.times_asked, "unfilled", None, now, job_id),
                )
                for stays in each.stays
            ]
        else:
            times = 1 if each.outcome == "filled" else 0
            how = (times, each.outcome, each.error, now, job_id)
            attempts.append(Attempt(repair.symbol, repair.span, repair.reason, None, None, *how))
    settings = load_repair_settings()
    when_unlocked(lambda: write_attempts(path, attempts, settings), path, threading.Event())
    if any(each.outcome == "unfilled" for each in attempts):
        build_result(path, _MARKED, quiet=True)


def job_of(repair: Repair) -> Job:
    """Return the job of a repair, not yet written down."""
    options = Options(reason=repair.reason).as_json()
    return Job(0, "repair", repair.symbol, repair.start_ns, repair.end_ns, options)


def windows_of(path: Path, job: Job, settled_ns: int) -> tuple[Window, ...]:
    """Return what to ask for: what is not proven in the job's window up to `settled_ns` (the newest that can be).

    All of it where nothing is built yet.
    """
    whole = _whole(job, settled_ns)
    try:
        found = repairs_of_list(read_coverage_state(path, None, 1), [(job.symbol, whole.span)])
    except (NothingBuiltError, NothingLoadedError):
        found = [whole]
    spans = asked_spans(found).get(job.symbol, [])
    return tuple(Window(*span, *span, is_distrusted) for span, is_distrusted in spans)


def judge(path: Path, job: Job, began_at: datetime) -> str | None:
    """Write down what the last build made of the job's window; None if it is proven, else what is wrong with it."""
    whole = _whole(job, job.cursor_ns)
    (outcome,) = check_repairs(path, [whole], began_at)
    record_attempts(path, [outcome], {whole: job.job_id})
    return trouble_of(outcome)


def trouble_of(outcome: Outcome) -> str | None:
    """Say why a repair is not filled; None if it is."""
    if outcome.outcome == "filled":
        return None
    reasons = ", ".join(sorted({stays.reason for stays in outcome.stays}))
    said = f"{outcome.repair.symbol}: {len(outcome.stays):,} stretches of the window are still not proven ({reasons})"
    return f"{said}: {outcome.error}" if outcome.error else f"{said}; kraken.gaps counts the attempts."


class RepairJobs:
    """The repairs of a command as jobs, so that `data_jobs` has them and a later runner ends what was cut off."""

    def __init__(self, path: Path, repairs: Sequence[Repair]) -> None:
        """Write the jobs down as running in this process."""
        self._hand = ActiveJobs(JobStore(path), lambda _: None)
        added = JobStore(path).add([job_of(repair) for repair in repairs])
        begun = self._hand.to_phase(self._hand.begin(added), "loading")
        self._jobs = dict(zip(repairs, begun, strict=True))

    @property
    def ids(self) -> dict[Repair, int]:
        """The ids of the jobs, by repair."""
        return {repair: job.job_id for repair, job in self._jobs.items()}

    @contextmanager
    def put_back_if_cut_off(self) -> Iterator[None]:
        """Queue again whatever is not ended when the `with` is over."""
        error: KrakenCandlesError | None = None
        try:
            yield
        except KrakenCandlesError as raised:
            error = raised
            raise
        finally:
            self._hand.put_back(error)

    def loaded(self) -> None:
        """Write down that the build begins."""
        self._hand.to_phase(list(self._jobs.values()), "building")

    def end(self, outcomes: Sequence[Outcome], trades: dict[str, int]) -> None:
        """Write down how each ended."""
        for outcome in outcomes:
            job, said = self._jobs[outcome.repair], trouble_of(outcome)
            if said:
                self._hand.fail(job, KrakenCandlesError(said))
            else:
                loaded = trades.get(job.symbol, 0)
                self._hand.end(job, f"filled; {loaded:,} trades loaded for the repairs of {job.symbol}")


def _whole(job: Job, until_ns: int | None) -> Repair:
    assert job.start_ns is not None  # noqa: S101 - a repair has a window
    assert job.end_ns is not None  # noqa: S101
    span = (job.start_ns, job.end_ns if until_ns is None else max(job.start_ns, min(job.end_ns, until_ns)))
    return Repair(job.symbol, *span, job.parsed.reason or "listed", (span,), is_distrusted=True)
