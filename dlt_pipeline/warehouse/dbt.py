"""dbt from Python: builds the project that the package carries in the warehouse."""

import atexit
import difflib
import gc
import hashlib
import json
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import duckdb
import yaml

from dlt_pipeline.common.exceptions import BadInputError, WarehouseError
from dlt_pipeline.warehouse.database import (
    DATASET,
    file_state,
    open_warehouse,
    require_trades,
    whole_number,
)
from dlt_pipeline.warehouse.errors import ENVIRONMENT_NAME, explain, told_memory, told_overflow
from dlt_pipeline.warehouse.lean_dbt import lean_dbt
from dlt_pipeline.warehouse.ops import JOB_EVENTS, REMOVED_DAYS, ensure_table, is_there
from dlt_pipeline.warehouse.ops import SCHEMA as OPS

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

# The macros that check a variable name it so and say all in one line; dbt adds where it was called.
_REFUSED_VARIABLE: Final = re.compile(r"The variable kraken_candles_.+")

# Of what dbt writes by default a build needs neither the manifest, which is written twice, nor a log of each statement.
_UNREAD: Final = {"write-json": "--no-write-json", "log-level-file": "--log-level-file=info"}

# Unit tests say nothing of a warehouse, and of an exposure nothing is made.
NOT_BUILT: Final = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure")

# With these, dbt builds a part, or no rows, or somewhere else than where we publish from.
_PARTIAL: Final = (
    "--select",
    "--models",
    "--model",
    "--exclude",
    "--selector",
    "--resource-type",
    "--resource-types",
    "--exclude-resource-type",
    "--exclude-resource-types",
    "--empty",
    "--sample",
    "--target",
    "--profile",
    "--profiles-dir",
    "--project-dir",
)
_PARTIAL_SHORT: Final = ("-s", "-m", "-t")
# Set for some other project, they would do the same to each build of ours, and a publish or a removal would follow it.
_PARTIAL_SETTINGS: Final = ("EMPTY", "SAMPLE", "RESOURCE_TYPES", "TARGET", "PROFILE")
_FALSE: Final = frozenset({"0", "false", "f", "no", "n", "off"})  # click's words, which dbt takes for EMPTY

# Models with such a tag are empty as long as the table is not there.
_FED_BY: Final = {"archives": f"{DATASET}.archive_files", "removals": REMOVED_DAYS}
_BARS: Final = "kraken.bars"
_OF_A_TABLE: Final = re.compile(r"/\* of \w+ \*/ (.+?)(?: union all)?(?= /\* of |$)")  # as the test `sound` says it
_SHAPE: Final = f"""
    select schema_name, view_name, sql from duckdb_views() where not internal
    union all
    select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()
    where schema_name in ('{DATASET}', '{OPS}')
    union all
    select schema_name, table_name, null from duckdb_tables() where schema_name != '{DATASET}_staging'
    order by all
"""  # noqa: S608
_SESSIONS: Final = "kraken_staging.stg_trading_sessions"

SEEDS_NAME: Final = "KRAKEN_CANDLES_SEEDS"  # the folder of the user's own accepted_*.csv


def project_folder() -> Path:
    """Return the folder with profiles.yml and dbt_project/: inside the wheel, or the checkout."""
    packed = Path(str(files("dlt_pipeline"))) / "_project"
    return packed if packed.is_dir() else packed.parents[1]


@dataclass(frozen=True)
class Finding:
    """A data test that found rows: its name, how many, and the SQL that shows them, on one line."""

    check: str
    row_count: int
    query: str

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.check}: {self.row_count:,} row{'' if self.row_count == 1 else 's'}"


@dataclass(frozen=True)
class BuildResult:
    """How a build ended: models that could not be built, each with dbt's own words, and what the data tests found.

    `red` are the tests that fail, `warned` those that warn, `check_count` is how many ran; `state` is that of the
    warehouse's file as dbt left it, see `unchanged`, and `shape` what its views and empty models came of; `built` are
    the names of the models that were built; `log` is dbt's log.
    """

    is_green: bool
    errors: tuple[str, ...]
    red: tuple[Finding, ...]
    log: Path
    warned: tuple[Finding, ...] = ()
    check_count: int = 0
    state: str | None = None
    shape: str | None = None
    built: frozenset[str] = frozenset()


def run_build(
    path: Path,
    arguments: Sequence[str],
    variables: Callable[[], Mapping[str, Any]],
    quiet: bool = False,
    on_node: Callable[[str, int, int], None] | None = None,
    stood: str | None = None,
) -> BuildResult:
    """Run `dbt build` on the warehouse at `path`; `variables` gives what is to stand beside those in `arguments`.

    It is asked once the warehouse is known to have trades. `quiet` leaves dbt's own words to its log; `on_node` is told
    of each model and test that begins: its name, its number from 1, and how many there are. `stood` is the `shape` that
    a whole, green build by the same code and settings left: where it is that still, what stands is not built again.
    Raises what `dlt_pipeline.build` does.
    """
    check_variables(arguments)
    require_trades(path)
    prepare(path)
    added = variables()
    with open_warehouse(path, read_only=True) as connection:
        standing = standing_nodes(connection) if stood and shape_of(connection, added) == stood else []
    left: dict[str, str | None] = {}

    def look() -> None:
        """Look at the file while dbt still holds it, so that nobody else can have written in between."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415

        with suppress(duckdb.Error):
            cursor = DuckDBConnectionManager.env().handle().cursor()  # type: ignore[no-untyped-call]
            cursor.execute("checkpoint")
            left.update(state=file_state(path), shape=shape_of(cursor, added))

    result = run_dbt(
        path,
        "build",
        *([] if any("resource-type" in given for given in arguments) else NOT_BUILT),
        *standing,
        *with_variables(arguments, added),
        flags=["--log-level=none"] if quiet else [],
        before_close=look,
        on_node=on_node,
    )
    if arguments and not getattr(result.result, "results", True):
        raise BadInputError(f"dbt found nothing to build with {' '.join(arguments)}.")
    told = build_told(result, dbt_folder(path) / "logs" / "dbt.log", left)
    return replace(told, red=_short(path, told.red), warned=_short(path, told.warned))


def _short(path: Path, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Leave out of the queries of checks of several tables those that find nothing: together they fill a screen."""
    found = []
    for finding in findings:
        parts = _OF_A_TABLE.findall(finding.query)
        if parts[1:]:
            with suppress(WarehouseError, duckdb.Error), open_warehouse(path, read_only=True) as connection:
                parts = [part for part in parts if connection.execute(part).fetchone()] or parts
        found.append(replace(finding, query=" union all ".join(parts) or finding.query))
    return tuple(found)


def shape_of(connection: Any, variables: Mapping[str, Any]) -> str:
    """Return a hash of what there is: views by their text, tables by name, those that are read by their columns too.

    Of equal code and settings it says that each view would be made as it stands, and which raw tables are missing.
    """
    there = connection.execute(_SHAPE).fetchall()
    if is_there(connection, _SESSIONS):  # the text of the views depends on whether any market closes
        there += connection.execute(f"select symbol from {_SESSIONS} order by 1").fetchall()  # noqa: S608
    return hashlib.sha256(json.dumps([there, variables], sort_keys=True).encode()).hexdigest()


def standing_nodes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return dbt's arguments that leave out views and models of what this warehouse has none of, but no test."""
    unneeded = [f"tag:{tag}" for tag, table in _FED_BY.items() if not is_there(connection, table)]
    if not project_variables()["kraken_candles_bars"] and not (
        is_there(connection, _BARS) and connection.execute(f"select 1 from {_BARS} limit 1").fetchall()  # noqa: S608
    ):
        unneeded.append("tag:bars")
    return ["--indirect-selection=empty", "--exclude", "config.materialized:view", *unneeded]


def prepare(path: Path) -> None:
    """Point dbt to the warehouse at `path`; BadInputError for a setting in the environment that cannot be."""
    with open_warehouse(path) as connection:
        ensure_table(
            connection, JOB_EVENTS
        )  # else kraken.data_jobs would be a view of nothing until the build after the first job
    os.environ[ENVIRONMENT_NAME] = str(path)
    whole_number("KRAKEN_CANDLES_THREADS", os.environ.get("KRAKEN_CANDLES_THREADS") or "2")
    _check_seeds()


def run_dbt(
    path: Path,
    command: str,
    *arguments: str,
    flags: Sequence[str] = (),
    manifest: Any = None,
    before_close: Callable[[], None] | None = None,
    on_node: Callable[[str, int, int], None] | None = None,
) -> "dbtRunnerResult":
    """Run one of dbt's commands in this process, with the project and with dbt's own files in `dbt_folder`.

    A `manifest` of an earlier `parse` saves reading the project again; a run leaves compiled SQL in it. After a green
    run of any node `before_close` is called while dbt still holds the warehouse. Raises what `build` does where dbt
    could not run; that something is not green is in the result.
    """
    _check_settings()
    # Python would look through all that dbt knows of the project again and again: a seventh of a build's CPU.
    was_collecting = gc.isenabled()
    gc.disable()
    # dbt takes seconds to import; only a build pays for it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    folder, here = project_folder(), dbt_folder(path)
    places = {"project-dir": folder / "dbt_project", "profiles-dir": folder, "target-path": here / "target"}
    logging.raiseExceptions = False  # a reader that went away (`| head`) is no error of ours
    try:
        with lean_dbt():
            result = dbtRunner(manifest=manifest, callbacks=[_node_listener(on_node)] if on_node else []).invoke(
                [
                    *flags,
                    *_unread((*flags, *arguments)),
                    *([] if sys.stdout.isatty() else ["--no-use-colors"]),
                    f"--log-path={here / 'logs'}",
                    command,
                    *(f"--{name}={place}" for name, place in places.items()),
                    *arguments,
                ]
            )
        if result.success and before_close and getattr(result.result, "results", None):
            before_close()
    finally:
        if was_collecting:
            gc.enable()
        # dbt would hold the file as long as this process lives
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if result.exception:
        refused = _REFUSED_VARIABLE.search(str(result.exception))
        if refused:
            raise BadInputError(refused[0]) from result.exception
        known = explain(result.exception, path)
        raise known or WarehouseError(f"dbt could not run: {result.exception}") from result.exception
    return result


def _node_listener(on_node: Callable[[str, int, int], None]) -> Callable[[Any], None]:
    """Return a listener to dbt's events that passes on which node begins."""

    def hear(event: Any) -> None:
        if event.info.name == "LogStartLine":
            on_node(event.data.node_info.node_name, event.data.index, event.data.total)

    return hear


def _unread(given: Sequence[str]) -> list[str]:
    """Return dbt's flags for what no build reads, but for what is `given` or in the environment."""
    return [
        flag
        for name, flag in _UNREAD.items()
        if f"DBT_{name.upper().replace('-', '_')}" not in os.environ and not any(name in each for each in given)
    ]


def dbt_folder(path: Path) -> Path:
    """Return where `target/` and `logs/` go: here, else beside the warehouse at `path`, else a temporary folder."""
    for given in (Path(), path.parent):
        with suppress(OSError):  # of a working folder that was deleted too
            folder = given.absolute()
            for place in (folder / "target", folder / "logs"):
                tempfile.TemporaryFile(dir=place if place.exists() else folder).close()
            return folder
    return _temporary_folder()


@cache
def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="kraken-candles-dbt-"))
    atexit.register(_remove_temporary_folder, folder)
    return folder


def _remove_temporary_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def keep_temporary_folder() -> None:
    """Let the temporary folder outlive this process, if there is one: somebody is told to read a log in it."""
    atexit.unregister(_remove_temporary_folder)


def with_variables(arguments: Sequence[str], variables: Mapping[str, Any]) -> list[str]:
    """Return dbt's arguments with these variables in their `--vars`; what the arguments themselves say wins."""
    rest, given = _parted(arguments)
    if given is None or not variables:
        return list(arguments)
    return [*rest, "--vars", json.dumps({**variables, **given})]


def partial_argument(arguments: Sequence[str]) -> str | None:
    """Return the first of dbt's arguments that makes it build less than the whole warehouse, or None."""
    for argument in arguments:
        name = argument.split("=", 1)[0]
        if name in _PARTIAL or name.startswith(_PARTIAL_SHORT):
            return name
    return None


def check_variables(arguments: Sequence[str]) -> None:
    """Refuse a variable in `--vars` that looks like one of the project's and is none: dbt would leave it unread."""
    known = project_variables()
    for name in _parted(arguments)[1] or ():
        if name in known:
            continue
        is_ours = name.startswith("kraken_candles_")
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0 if is_ours else 0.9)
        if near:
            raise BadInputError(f"The variable {name} is unknown; the nearest known one is {near[0]}.")


@cache
def project_variables() -> Mapping[str, Any]:
    """Return the project's variables with what they are by default; read once a process."""
    project = yaml.safe_load((project_folder() / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))
    return MappingProxyType(project["vars"]["kraken_candles"])


def _parted(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any] | None]:
    """Return dbt's arguments without `--vars`, and what these say; None where dbt has to say what is wrong with it."""
    rest: list[str] = []
    given: dict[str, Any] = {}
    waiting = iter(arguments)
    for argument in waiting:
        name, is_joined, text = argument.partition("=")
        if name != "--vars":
            rest.append(argument)
            continue
        try:
            given |= yaml.safe_load(text if is_joined else next(waiting, "")) or {}
        except (yaml.YAMLError, TypeError, ValueError):
            return rest, None
    return rest, given


def build_told(result: Any, log: Path, left: Mapping[str, str | None]) -> BuildResult:
    """Return how a build ended of what dbt returned; `left` is what the warehouse's file is now, by field."""
    errors: list[str] = []
    built: list[str] = []
    red: list[Finding] = []
    warned: list[Finding] = []
    check_count = 0
    for each in getattr(result.result, "results", None) or ():
        status, node = str(each.status), each.node
        is_check = str(node.resource_type) == "test"
        check_count += is_check
        if is_check and status in ("fail", "warn"):
            query = " ".join((node.compiled_code or "").split())
            (red if status == "fail" else warned).append(Finding(node.name, each.failures or 0, query))
        elif status in ("error", "fail"):
            text = str(each.message)
            errors.append(f"{node.name}: {told_memory(text) or told_overflow(text) or ' '.join(text.split())}")
        elif status == "success":
            built.append(node.name)
    return BuildResult(
        is_green=bool(result.success),
        errors=tuple(errors),
        red=tuple(red),
        log=log,
        warned=tuple(warned),
        check_count=check_count,
        **left,
        built=frozenset(built),
    )


def _check_settings() -> None:
    for name in _PARTIAL_SETTINGS:
        for given in (f"DBT_{name}", f"DBT_ENGINE_{name}"):
            value = os.environ.get(given)
            if value and not (name == "EMPTY" and value.strip().lower() in _FALSE):
                option = name.lower().replace("_", "-").removesuffix("s")
                raise BadInputError(
                    f"{given} is set, with which dbt builds something else than the whole; unset it, or ask for it "
                    f"with `kraken-candles build --{option}`."
                )


def _check_seeds() -> None:
    """dbt takes a relative path from its own project's folder, a user means the one the command is run in."""
    given = os.environ.get(SEEDS_NAME)
    if not given:
        return
    folder = Path(given).expanduser().resolve()
    for name in ("accepted_differences.csv", "accepted_gaps.csv"):
        if not (folder / name).is_file():
            example = project_folder() / "dbt_project" / "seeds"
            raise BadInputError(
                f"{SEEDS_NAME} is {given!r}, where there is no {name}; copy the empty one from {example}."
            )
    os.environ[SEEDS_NAME] = str(folder)
