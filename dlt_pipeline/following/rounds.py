"""A round: load up to now, build what changed, publish; and what came of it.

dbt is kept in this process with the project parsed once: for whole builds, and for the few models that a round needs.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.common.exceptions import (
    BadInputError,
    DiskFullError,
    KrakenCandlesError,
    LoadStoppedError,
    OutOfFilesError,
    UnknownSymbolError,
    WarehouseError,
    WarehouseLockedError,
)
from dlt_pipeline.following.loads import Loads, finest_ns
from dlt_pipeline.following.schedule import State
from dlt_pipeline.jobs.build import job_variables, mark_begun, told_as_running
from dlt_pipeline.publishing import Published
from dlt_pipeline.publishing.publisher import Publisher
from dlt_pipeline.publishing.unchanged import remember_checks
from dlt_pipeline.retention import BY_AGE, remove_trades, request_old_days
from dlt_pipeline.warehouse.database import require_trades
from dlt_pipeline.warehouse.dbt import NOT_BUILT, prepare, run_dbt, with_variables
from dlt_pipeline.warehouse.errors import explain

# The tables that published candles, coverage and gaps are made of. Readers saw each certificate, so each change of one
# is told (candle_revisions). No selector of dbt's own: a manifest with one cannot be copied.
_NEWEST: Final = ("+export_partitions", "+gaps", "+candle_revisions")
# What stands already: views, tables made once or by the variables alone, and what only Kraken's own candles change.
_STANDING: Final = (
    "config.materialized:view",
    *("build_marks", "timeframes", "load_versions", "rest_snapshots", "rest_versions"),
)
_SILENT: Final = ("--quiet", "--log-level", "none")
# What is not green is said by name; more names than this do not help.
_NAMED: Final = 3


@dataclass(frozen=True)
class Built:
    """How a build ended; `red` says each model or test that is not green."""

    red: tuple[str, ...]

    @property
    def is_green(self) -> bool:
        """Whether all is green; a warning is."""
        return not self.red

    def __str__(self) -> str:
        """Return it for people."""
        more = f" and {len(self.red) - _NAMED} more" if len(self.red) > _NAMED else ""
        return ", ".join(self.red[:_NAMED]) + more if self.red else "green"


class KeptProject:
    """The package's dbt project for one warehouse; dbt writes the path into what it parses, so it never changes."""

    def __init__(self, path: Path) -> None:
        """Parse nothing yet: that takes seconds."""
        self._path = path
        self._manifest: Any = None
        self._variables: list[str] = []
        self._built: list[str] | None = None  # the variables of the last whole build

    def parse(self) -> None:
        """Read the project, once more if jobs want other variables; BadInputError for a setting that cannot be."""
        variables = with_variables((), job_variables(self._path))
        if self._manifest is None or variables != self._variables:
            prepare(self._path)
            flags = [*_SILENT, "--no-write-json"]
            self._manifest = run_dbt(self._path, "parse", *variables, flags=flags).result
            self._variables = variables

    def build_all(self) -> Built:
        """Build all models and run all tests, as `kraken-candles build` does; dbt's log has the details.

        Raw trades beyond KRAKEN_CANDLES_KEEP_TRADES_DAYS go, if their candles are kept and all is green.

        Raises WarehouseLockedError, DiskFullError and whatever else keeps dbt from running.
        """
        require_trades(self._path)
        is_old_wanted = request_old_days(self._path)
        self.parse()
        with told_as_running(self._path):
            built = self._run("build", NOT_BUILT, _SILENT, lambda _, number, __: mark_begun(self._path, number))
            self._built = self._variables
            remember_checks(self._path, built.red)
        if built.is_green and is_old_wanted:
            remove_trades(self._path, BY_AGE)
        return built

    def build_newest(self) -> Built:
        """Build what published candles are made of, for the days that changed, without tests and without a log."""
        self.parse()
        if self._variables != self._built:  # a part cannot be built with other timeframes than the rest
            return self.build_all()
        chosen = ["--select", *_NEWEST, "--exclude", *_STANDING]
        return self._run("run", chosen, (*_SILENT, "--log-level-file", "none", "--no-write-json"))

    def _run(
        self,
        command: str,
        arguments: Sequence[str],
        flags: Sequence[str],
        on_node: Callable[[str, int, int], None] | None = None,
    ) -> Built:
        # A run leaves compiled SQL in the manifest, which the next one would take over.
        manifest = self._manifest.deepcopy()
        result = run_dbt(
            self._path, command, *arguments, *self._variables, flags=flags, manifest=manifest, on_node=on_node
        )
        done: list[Any] = list(result.result or ())  # type: ignore[arg-type] # of build and run
        red = [each for each in done if str(each.status) in ("error", "fail", "runtime error")]
        for each in red:
            known = explain(RuntimeError(str(each.message)), self._path)
            if known:  # a full disk or a lock is no fault of the model that met it
                raise known
        return Built(tuple(map(_said, red)) or (() if result.success else ("dbt",)))


def _said(result: Any) -> str:
    first = (str(result.message or "").strip().splitlines() or [""])[0]
    return f"{result.node.name} ({first})" if first else str(result.node.name)


# Wrong from the beginning, so no waiting mends it; the kinds of WarehouseError that pass are waited for.
_ENDS: Final = (BadInputError, UnknownSymbolError, WarehouseError)
_PASSES: Final = (WarehouseLockedError, DiskFullError, OutOfFilesError)


@dataclass
class Round:
    """What came of a round; told to `on_round` when it is over.

    `ended_at` is the machine's time, UTC. `trades` are those added, by symbol; `reached` is how far each symbol is
    covered (ns, UTC). `failures` are symbols that failed alone; `trouble` is what concerned all, and what was not done
    for it is done in a later round. `delisted` are symbols that the exchange lists no more, in the round that meets it:
    that ends nothing, and is no failure. `is_check`: a whole build with all tests; what is `red` then is not published,
    nor are the rounds after it until a check is green. `published` is None where nothing was.
    """

    number: int
    is_check: bool
    symbols: tuple[str, ...]
    ended_at: datetime
    seconds: float = 0.0
    trades: Mapping[str, int] = field(default_factory=dict)
    reached: Mapping[str, int] = field(default_factory=dict)
    missing_ids: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, KrakenCandlesError] = field(default_factory=dict)
    delisted: tuple[str, ...] = ()
    trouble: KrakenCandlesError | None = None
    red: str = ""
    published: Published | None = None

    @property
    def is_fine(self) -> bool:
        """Whether all symbols were loaded and all is built, green and published."""
        return not self.failures and self.trouble is None and not self.red and self.published is not None


class Rounds:
    """Makes rounds; trouble is kept in the round, and what was not done is done in a later one."""

    def __init__(self, state: State, loads: Loads, project: KeptProject, stop: threading.Event) -> None:
        """Nothing is asked yet."""
        self._state, self._loads, self._project, self._stop = state, loads, project, stop
        self._publisher = Publisher(state.path, stop)
        self._number = 0
        self._told: frozenset[str] = frozenset()

    def newest(self, symbols: Sequence[str]) -> Round:
        """Load what came, build the days that it touched without tests, publish unless the last check was red."""
        return self._round(symbols, is_check=False)

    def check(self) -> Round:
        """Load all that was asked for, build and test all, publish if it is green."""
        return self._round(self._state.symbols, is_check=True)

    def _round(self, symbols: Sequence[str], is_check: bool) -> Round:
        began = time.monotonic()
        self._number += 1
        done = Round(self._number, is_check, tuple(symbols), datetime.now(timezone.utc))
        self._try(done, self._load)
        state = self._state
        if not state.is_built or (is_check and not done.trouble):
            self._try(done, self._build)
        if state.is_built and not state.is_published and not state.red:
            self._try(done, self._publish)
        done.red = state.red
        done.ended_at, done.seconds = datetime.now(timezone.utc), time.monotonic() - began
        return done

    def _try(self, done: Round, step: Callable[[Round], None]) -> None:
        if self._stop.is_set():
            return
        try:
            step(done)
        except LoadStoppedError:
            pass  # what was committed stays
        except Exception as error:  # noqa: BLE001 - what is not known is raised
            self._trouble(done, error)

    def _trouble(self, done: Round, error: Exception) -> None:
        known = explain(error, self._state.path)
        if known is None:
            raise error
        if not self._state.has_begun and isinstance(known, _ENDS) and not isinstance(known, _PASSES):
            raise known from error
        done.trouble = done.trouble or known
        self._state.schedule.failed(done.symbols, time.monotonic(), is_all=True)

    def _load(self, done: Round) -> None:
        if done.is_check:
            self._loads.spell()
            done.symbols = self._state.symbols
        report, reached = self._loads.all() if done.is_check else self._loads.newest(done.symbols)
        done.trades, done.missing_ids, done.failures = report.trades, report.missing_ids, report.failures
        done.reached = reached
        self._state.is_built = self._state.is_built and not reached
        self._state.loaded(reached)
        self._state.schedule.failed(report.failures, time.monotonic(), is_all=False)
        delisted = self._loads.delisted
        self._state.schedule.rest(delisted)
        done.delisted, self._told = tuple(sorted(delisted - self._told)), delisted

    def _build(self, done: Round) -> None:
        state = self._state
        if done.is_check:
            built: Built = self._project.build_all()
            state.checked("" if built.is_green else str(built), time.monotonic())
            state.follow_timeframe(finest_ns(state.path))
        else:
            built = self._project.build_newest()
            if not built.is_green and not state.red:
                state.red = str(built)
                state.want_check()  # all of it may do what a part could not, as after a change of settings elsewhere
        state.is_built, state.is_published = True, False

    def _publish(self, done: Round) -> None:
        done.published = self._publisher.publish() if done.is_check else self._publisher.publish_newest()
        self._state.is_published = True
