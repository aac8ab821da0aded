"""A repair as a job: a symbol's window, of which is asked for what the last build found not proven in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from dlt_pipeline.common.exceptions import KrakenCandlesError, NothingBuiltError, NothingLoadedError
from dlt_pipeline.jobs.in_hand import InHand
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.jobs.options import Options
from dlt_pipeline.jobs.repair import record_attempts
from dlt_pipeline.jobs.store import JobStore
from dlt_pipeline.kraken.request import Window
from dlt_pipeline.repair.gaps import read_unproven
from dlt_pipeline.repair.outcome import Outcome, check_repairs
from dlt_pipeline.repair.windows import Repair, asked_spans, repairs_of_list


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
        found = repairs_of_list(read_unproven(path, None, 1), [(job.symbol, whole.span)])
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


class Noted:
    """The repairs of a command as jobs, so that `data_jobs` has them and a later runner ends what was cut off."""

    def __init__(self, path: Path, repairs: Sequence[Repair]) -> None:
        """Write the jobs down as running in this process."""
        self._hand = InHand(JobStore(path), lambda _: None)
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
