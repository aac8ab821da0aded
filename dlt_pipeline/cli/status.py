"""What `status` says: how this installation is and, of all that needs a hand, the way out in a sentence."""

import json
import os
import platform
import shutil
import tempfile
import textwrap
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from dlt_pipeline.cli.console import Console, Rows, duration, print_json, size
from dlt_pipeline.cli.looking import find_proven, raw_trades
from dlt_pipeline.common import number
from dlt_pipeline.common.exceptions import WarehouseError, WarehouseLockedError
from dlt_pipeline.common.time import utc
from dlt_pipeline.jobs.job import STATUSES, Job
from dlt_pipeline.jobs.store import JobStore, is_alive
from dlt_pipeline.publishing.settings import load_settings
from dlt_pipeline.publishing.unchanged import BROKEN_OFF, builder, last_checks
from dlt_pipeline.warehouse.database import ask_built, open_warehouse, require_trades

_PACKAGES: Final = ("duckdb", "dlt", "dbt-core", "ccxt")
# dlt's pipelines of this program, and the command that goes on with each; their own files import dlt.
PIPELINES: Final = {"kraken": "load", "kraken_archives": "import"}
# A chunk of a load, dlt's copies of it and what a build sorts on disk fit into it.
_LEAST_FREE: Final = 10**9
_SHOWN: Final = 15  # symbols that leave room for the rest of a screen
_NAMED: Final = 3
_GAPS: Final = """
    select
        symbol,
        count_if(not is_accepted and not is_given_up), count_if(not is_accepted and is_given_up), count_if(is_accepted)
    from kraken.gaps group by symbol
"""


@dataclass(frozen=True)
class Newest:
    """Up to when (UTC) a symbol is proven, how long that is ago, and its gaps; repairs leave out those given up."""

    symbol: str
    proven_to: datetime
    age_seconds: float
    open_gaps: int
    given_up_gaps: int
    accepted_gaps: int


@dataclass(frozen=True)
class Package:
    """A dlt package that is `extracted`, `normalized` or `failed`, and not in the warehouse."""

    pipeline: str
    load_id: str
    state: str


@dataclass
class Status:
    """How an installation is; what nobody can know now is None. `problems` are sentences with the way out."""

    versions: dict[str, str]
    warehouse: str
    warehouse_bytes: int | None
    free_bytes: int
    in_use_by: str | None = None
    read_from: str | None = None
    building_process: int | None = None
    built_at: datetime | None = None
    red_checks: list[str] = field(default_factory=list)
    symbols: list[Newest] = field(default_factory=list)
    jobs: dict[str, int] | None = None
    loading_processes: list[int] = field(default_factory=list)
    dlt_packages: list[Package] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def run_status(console: Console, path: Path, as_json: bool) -> int:
    """Show how this installation is; return 1 if something needs a hand, else 0."""
    status = look(path)
    if as_json:
        print_json(asdict(status))
    else:
        width = max(console.width, 1)
        for part in _parts(status):
            console.print(_wrapped(part, width) if isinstance(part, str) else part, markup=False)
    return 1 if status.problems else 0


def look(path: Path) -> Status:
    """Return how the installation with the warehouse at `path` is; nothing is changed, and nobody waited for."""
    names = {name: version(name) for name in _PACKAGES}
    status = Status(
        {"kraken-candles": number(), **names, "Python": platform.python_version()},
        str(path),
        path.stat().st_size if path.exists() else None,
        shutil.disk_usage(path.parent).free,
    )
    try:
        require_trades(path, may_be_of_lake=True)
        _read(status, path)
        status.problems += _look_at_jobs(status, JobStore(path, wait_seconds=0).jobs())
    except WarehouseLockedError as error:
        status.in_use_by = error.holder
        published = load_settings(path).database
        if published.is_file() and not status.read_from:
            with suppress(WarehouseError):
                _read(status, published)
    except WarehouseError as error:
        status.problems.append(str(error))
    if status.free_bytes < _LEAST_FREE:
        status.problems.append(
            f"Only {size(status.free_bytes)} are free where the warehouse lies; free some, or set "
            "KRAKEN_CANDLES_WAREHOUSE to another place."
        )
    if path.exists():
        status.problems += _look_at_build(status, path)
    status.problems += _gaps_left(status.symbols)
    status.problems += _look_at_dlt(status, path)
    return status


def _look_at_build(status: Status, path: Path) -> Iterator[str]:
    process, checks = builder(path), last_checks(path)
    if process and is_alive(*process):
        status.building_process = process[0]
        status.built_at, status.red_checks = last_checks(path, is_ended=True) or (None, [])
    elif checks and not (status.in_use_by and checks[1] == [BROKEN_OFF]):  # it may be running, unseen from here
        status.built_at, status.red_checks = checks
    if status.red_checks == [BROKEN_OFF]:
        yield "The last build did not end, and is not published; run `kraken-candles build`, which builds the whole."
    elif status.red_checks and status.building_process:
        yield f"The build before the one that runs is red ({_some(status.red_checks)}); see how this one ends."
    elif status.red_checks:
        yield (
            f"The last build is red ({_some(status.red_checks)}); `kraken-candles build` builds again, with a query "
            "that shows the rows of each check."
        )


def _read(status: Status, place: Path) -> None:
    """Read what is proven, the oldest first, from the warehouse or from what was published."""
    now = utc(time.time())
    with open_warehouse(place, read_only=True) as connection:
        proven = find_proven(connection)
        raw = raw_trades(connection, {each.symbol for each in proven})
        counted = {symbol: counts for symbol, *counts in ask_built(connection, _GAPS) or ()}
    status.read_from = str(place)
    for each in sorted(proven, key=lambda one: one.proven_to):
        age = (now - each.proven_to).total_seconds()
        status.symbols.append(Newest(each.symbol, each.proven_to, age, *counted.get(each.symbol, (0, 0, 0))))
    unproven = [each.symbol for each in proven if not each.is_proven]
    if unproven:
        status.problems.append(f"Ids are missing in what {_some(unproven)} cover; run `kraken-candles repair`.")
    if raw:
        names = _some([each.symbol for each in raw])
        status.problems.append(f"Loaded, and not proven by a build: {names}; run `kraken-candles build`.")


def _gaps_left(symbols: Iterable[Newest]) -> Iterator[str]:
    for name, said, way in (
        ("open_gaps", "not filled", "run `kraken-candles repair`, or accept them in accepted_gaps.csv"),
        ("given_up_gaps", "given up", "accept them in accepted_gaps.csv, or run `kraken-candles repair --again`"),
    ):
        found = {one.symbol: getattr(one, name) for one in symbols if getattr(one, name)}
        if found:
            yield f"Gaps {said}, {sum(found.values()):,} of {_some(found)}: {way}."


def _look_at_jobs(status: Status, jobs: Sequence[Job]) -> Iterator[str]:
    status.jobs = {name: sum(job.status == name for job in jobs) for name in STATUSES}
    failed = [str(job.job_id) for job in jobs if job.status == "failed"]
    if failed:
        ids = " ".join(failed[:_SHOWN])
        yield (
            f"Jobs failed: {_some(failed)}; `kraken-candles jobs show {failed[0]}` says why, `kraken-candles jobs "
            f"retry {ids}` queues them again, `kraken-candles jobs cancel` then those that nobody wants."
        )
    running = [job for job in jobs if job.status == "running"]
    is_run = any(is_alive(job.process_id, job.process_started_at) for job in running)
    waiting = len(running) + status.jobs["queued"]
    if waiting and not is_run:
        yield f"Jobs that wait, and no process that runs them: {waiting:,}; run `kraken-candles jobs run`."


def _look_at_dlt(status: Status, path: Path) -> Iterator[str]:
    """Look for packages of this warehouse that are not in it; those of a load that runs are in good hands."""
    for name, command in PIPELINES.items():
        folder = pipelines_folder() / name
        process = _process_of(folder)
        if process is not None:
            status.loading_processes.append(process)
        elif _warehouse_of(folder) in (None, str(path)):
            found = list(_packages(folder))
            status.dlt_packages += found
            for said in ("cut off", "failed"):
                ids = [each.load_id for each in found if (each.state == "failed") == (said == "failed")]
                if ids:
                    yield (
                        f"dlt packages {said} in {folder}: {_some(ids)}; the next `kraken-candles {command}` brings "
                        f"what they lack, `dlt -y pipeline {name} abort-packages` drops them at once."
                    )


def pipelines_folder() -> Path:
    """Return where dlt keeps its pipelines: its own rule, without the second that it takes to import."""
    home, other = Path.home(), os.environ.get("XDG_DATA_HOME")
    folder = Path(other) / "dlt" if other and not (home / ".dlt").is_dir() else home / ".dlt"
    if not os.access(home, os.W_OK):
        folder = Path(tempfile.gettempdir()) / "dlt"
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        folder = Path("/var/dlt")
    return Path(os.environ.get("DLT_DATA_DIR") or folder) / "pipelines"


def _process_of(folder: Path) -> int | None:
    """Return the process that loads by this pipeline now."""
    with suppress(OSError, ValueError):
        process = int(folder.with_name(folder.name + ".owner").read_text())
        return process if psutil.pid_exists(process) else None
    return None


def _warehouse_of(folder: Path) -> str | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((folder / "state.json").read_text())["_local"]["warehouse"])
    return None


def _packages(folder: Path) -> Iterator[Package]:
    """Yield what dlt has not loaded; what it gave up is not told, for the next load asks by the ledger."""
    for state, place in (("extracted", "normalize/extracted"), ("normalized", "load/normalized")):
        for each in sorted((folder / place).glob("*")):
            is_failed = any((*each.glob(".exceptions/*"), *each.glob("failed_jobs/*")))
            yield Package(folder.name, each.name, "failed" if is_failed else state)


def _parts(status: Status) -> Iterator[str | Rows]:
    """Yield what is shown, line by line."""
    yield ", ".join(f"{name} {found}" for name, found in status.versions.items())
    held = "not there yet" if status.warehouse_bytes is None else size(status.warehouse_bytes)
    yield f"Warehouse: {status.warehouse}, {held}; {size(status.free_bytes)} free"
    if status.in_use_by:
        shown = "what follows was published last" if status.read_from else "nothing is published that could tell more"
        yield f"In use by {status.in_use_by}: {shown}; jobs are not known."
    built = f"{status.built_at:%Y-%m-%d %H:%M} UTC" if status.built_at else ""
    found = "green" if not status.red_checks else f"{len(status.red_checks):,} red"
    if status.building_process:
        before = f"; before: {built}, {found}" if built else ""
        yield f"Last build: it runs, process {status.building_process}{before}"
    elif status.red_checks == [BROKEN_OFF]:
        yield f"Last build: begun {built}, {BROKEN_OFF}"
    else:
        yield f"Last build: {built}, {found}" if built else "Last build: none is known"
    told = [f"{count:,} {name}" for name, count in (status.jobs or {}).items() if count]
    yield f"Jobs: {', '.join(told) or ('not known' if status.jobs is None else 'none')}"
    packages = f"packages not loaded: {len(status.dlt_packages):,}" if status.dlt_packages else "nothing waits"
    runs = f"; loading now: process {', '.join(map(str, status.loading_processes))}" if status.loading_processes else ""
    yield f"dlt: {packages}{runs}"
    if status.symbols:
        yield ""
        yield _symbols_table(status.symbols[:_SHOWN])
        more = len(status.symbols) - _SHOWN
        if more > 0:
            yield f"and {more:,} symbols that are newer; --json has all."
    yield ""
    yield "What needs a hand:" if status.problems else "All is well."
    yield from (f"- {problem}" for problem in status.problems)


def _symbols_table(symbols: Iterable[Newest]) -> Rows:
    numbers = ("age", "gaps", "given up", "accepted")
    table = Rows("symbol", "proven up to (UTC)", *numbers, numbers=numbers)
    for one in symbols:
        gaps = (f"{count:,}" for count in (one.open_gaps, one.given_up_gaps, one.accepted_gaps))
        table.add(one.symbol, f"{one.proven_to:%Y-%m-%d %H:%M:%S}", duration(max(one.age_seconds, 0)), *gaps)
    return table


def _some(names: Collection[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(list(names)[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
