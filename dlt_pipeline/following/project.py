"""dbt kept in this process with the project parsed once: a whole build, and the few models that a round needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.jobs.build import job_variables, mark_begun, told_as_running
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
