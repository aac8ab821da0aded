"""A build and what came of it in a few lines; and of a publish, whether it is of such a build."""

import gc
import os
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.cli.console import Console, print_json, tell_next
from dlt_pipeline.cli.progress import BuildProgress
from dlt_pipeline.common.exceptions import KrakenCandlesError, NothingBuiltError, WarehouseError
from dlt_pipeline.jobs.build import build_result, describe_removal
from dlt_pipeline.publishing.publisher import Published, publish
from dlt_pipeline.publishing.settings import load_settings
from dlt_pipeline.publishing.unchanged import remember, shape_left
from dlt_pipeline.retention import BY_AGE, KEEP_TRADES_DAYS, RemovalReport, remove_trades, request_old_days
from dlt_pipeline.warehouse.database import ask_built, open_warehouse, require_trades, warehouse_path
from dlt_pipeline.warehouse.dbt import BuildResult, partial_argument
from dlt_pipeline.warehouse.errors import ENVIRONMENT_NAME
from dlt_pipeline.warehouse.targets import OTHER_TARGETS, build_on

# What a build made and what is there now: the first column tells of the first, the others of the second.
_BUILT: Final = """
    select count(distinct (symbol, bucket_on)), count(distinct symbol) from kraken.candle_days where built_at >= $1
"""
_EQUAL: Final = """
    select coalesce(sum(identical_count), 0)::bigint, coalesce(sum(compared_count), 0)::bigint
    from kraken.check_rest_summary
"""
_GAPS: Final = "select count(*), count(*) filter (where is_accepted) from kraken.gaps"


@dataclass(frozen=True)
class Found:
    """What a green build made, and what is there now; None where a part was built without, or nobody could look."""

    built_day_count: int | None = None
    built_symbol_count: int | None = None
    identical_count: int | None = None
    compared_count: int | None = None
    gap_count: int | None = None
    accepted_gap_count: int | None = None


@dataclass(frozen=True)
class Publishing:
    """What a publish after a build did, or why there was none; `is_fine` unless it should have been and failed."""

    published: Published | None = None
    why_not: str | None = None
    is_fine: bool = True


@dataclass(frozen=True)
class BuildEnd:
    """How a build ended, for people line by line and for machines; on another `target` nothing is published."""

    path: Path
    result: BuildResult
    seconds: float
    found: Found = Found()
    removed: RemovalReport | None = None
    publishing: Publishing | None = None
    target: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether all is green, and published where it should be."""
        return self.result.is_green and (self.publishing is None or self.publishing.is_fine)

    def next_commands(self) -> tuple[str, ...]:
        """Return what can be done now; on Spark that is a query of one's own."""
        if self.target:
            return ("summary",) if self.is_fine and self.target == "duckdb_lake" else ()
        if self.is_fine:
            return ("summary", "report")
        return ("repair --dry-run", "report") if self.result.red else ("status",)

    def as_object(self) -> dict[str, Any]:
        """Return all of it under the names of `--json`."""
        result = self.result
        about: dict[str, Any] = {
            "is_green": result.is_green,
            "is_nothing_new": False,
            "check_count": result.check_count,
            "errors": result.errors,
            "red": list(map(asdict, result.red)),
            "warned": list(map(asdict, result.warned)),
            "seconds": round(self.seconds, 1),
            "log": str(result.log),
        }
        if self.publishing is None:
            return {"target": self.target, **about}
        about |= {**asdict(self.found), "removed_trade_count": 0 if self.removed is None else self.removed.trades}
        return {"warehouse": str(self.path), **about, **publishing_object(self.publishing)}


def run_build(
    console: Console,
    arguments: Sequence[str],
    is_verbose: bool = False,
    always: bool = False,
    target: str = "",
    as_json: bool = False,
) -> int:
    """Build, publish if the whole is green, and say how it ended; 1 if a model, a test or publishing failed.

    On another `target` dbt builds, and that is all. Without `arguments` what stands since the last green build is left
    alone, but for `always`. `as_json` also prints an object to stdout, which is then not for the `console`.
    """
    path = warehouse_path()
    # The process ends with the build: looking through all that dbt left in memory gives nothing back.
    gc.disable()
    if target in OTHER_TARGETS:
        ended = _build_on(console, path, target, arguments, is_verbose)
    else:
        if target:
            arguments = ["--target", target, *arguments]
        ended = build_and_tell(console, path, arguments, is_verbose, always)
    if as_json:
        print_json(ended.as_object())
    return 0 if ended.is_fine else 1


def build_and_tell(
    console: Console, path: Path, arguments: Sequence[str] = (), is_verbose: bool = False, always: bool = False
) -> BuildEnd:
    """Do and say what `run_build` does in the warehouse, each part as it is done; return how all of it ended."""
    require_trades(path)
    is_old_wanted = request_old_days(path)
    began_at, began = datetime.now(timezone.utc).replace(tzinfo=None), time.monotonic()
    stood = None if arguments or always else shape_left(path)
    with nullcontext() if is_verbose else BuildProgress(console) as progress:
        on_node = None if progress is None else progress.node
        result = build_result(path, arguments, quiet=not is_verbose, on_node=on_node, stood=stood)
    found = look(path, began_at) if result.is_green else Found()
    console.print("\n".join(tell_build(path, result, found)), markup=False)
    removed = None
    if result.is_green and is_old_wanted and not partial_argument(arguments):
        removed = remove_trades(path, BY_AGE)
        console.print(f"Trades beyond {KEEP_TRADES_DAYS}: {describe_removal(removed)}", markup=False)
    publishing = publish_after_build(path, arguments, result.is_green)
    console.print("\n".join(tell_publishing(path, publishing)), markup=False)
    ended = BuildEnd(path, result, time.monotonic() - began, found, removed, publishing)
    tell_end(console, ended)
    if ended.is_fine and not arguments:
        remember(path, result.state, len(result.warned), result.shape)
    return ended


def _build_on(console: Console, path: Path, target: str, arguments: Sequence[str], is_verbose: bool) -> BuildEnd:
    """Build where readers read the tables themselves: nothing is published, and the warehouse is not asked."""
    began = time.monotonic()
    with nullcontext() if is_verbose else BuildProgress(console) as progress:
        on_node = None if progress is None else progress.node
        result = build_on(path, target, arguments, quiet=not is_verbose, on_node=on_node)
    if result.is_green:
        console.print(f"Built on {target}: {len(result.built):,} tables and views; {_checks(result)}.", markup=False)
    for line in [*(() if result.is_green else _red(f"on {target}", result)), *_findings(result)]:
        console.print(line, markup=False)
    ended = BuildEnd(path, result, time.monotonic() - began, target=target)
    tell_end(console, ended)
    return ended


def tell_end(console: Console, ended: BuildEnd) -> None:
    """Say how long a build took, where more of it is told, and what can be done now."""
    console.print(f"Took {ended.seconds:.0f} s; dbt's log: {ended.result.log}", markup=False)
    lake = os.environ.get("KRAKEN_CANDLES_LAKE_WAREHOUSE") or "lake.duckdb"  # as profiles.yml has it
    tell_next(
        console, *ended.next_commands(), setting=f"{ENVIRONMENT_NAME}={shlex.quote(lake)}" if ended.target else ""
    )


def _checks(result: BuildResult) -> str:
    return f"{result.check_count - len(result.warned):,} of {result.check_count:,} checks green"


def tell_build(path: Path, result: BuildResult, found: Found) -> Iterator[str]:
    """Say what a build made and found; of a red one what is wrong, with a query for each."""
    if not result.is_green:
        yield from _red(f"of {path}", result)
        yield from _findings(result)
        return
    yield f"Built and checked: {path}"
    for told in ([*_made(found), _checks(result)], list(_there(found))):
        if told:
            yield f"{'; '.join(told)}."
    yield from _findings(result)


def _red(which: str, result: BuildResult) -> Iterator[str]:
    yield f"The build {which} is NOT green."
    for error in result.errors:
        yield f"Not built: {error}"


def _findings(result: BuildResult) -> Iterator[str]:
    for kind, findings in (("Red", result.red), ("Warning", result.warned)):
        for finding in findings:
            yield f"{kind}: {finding}\n  {finding.query};"


def _made(found: Found) -> Iterator[str]:
    days, symbols = found.built_day_count, found.built_symbol_count
    if days is not None:
        yield f"{_many(days, 'day')} of {_many(symbols or 0, 'pair')} built" if days else "No day changed"


def _there(found: Found) -> Iterator[str]:
    if found.compared_count is not None:
        equal = f"{found.identical_count:,} of {found.compared_count:,} candles equal Kraken's"
        yield equal if found.compared_count else "none of Kraken's own candles to compare with"
    gaps, accepted = found.gap_count, found.accepted_gap_count
    if gaps is not None:
        yield _many(gaps, "gap") + (f", {accepted:,} of them accepted" if accepted else "") if gaps else "no gap"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def look(path: Path, began_at: datetime) -> Found:
    """Return what a build that began then, in UTC, made and left in the warehouse."""
    return Found(*_ask(path, _BUILT, began_at), *_ask(path, _EQUAL), *_ask(path, _GAPS))


def _ask(path: Path, query: str, *values: object) -> tuple[int | None, int | None]:
    """Return the two numbers of a query; None where a part was built without its tables, or nobody can look."""
    try:
        with open_warehouse(path, read_only=True) as connection:
            first, second = (ask_built(connection, query, values) or [(None, None)])[0]
            return first, second
    except WarehouseError:  # a load may hold the file already, and the build is green
        return None, None


def publish_after_build(warehouse: Path, arguments: Sequence[str], is_green: bool) -> Publishing:
    """Publish if the whole build is green.

    Only a whole, green build is published: readers see a state that was checked as one.
    """
    if not is_green:
        return Publishing(why_not="the build is not green")
    argument = partial_argument(arguments)
    if argument:
        return Publishing(why_not=f"{argument} builds a part; `kraken-candles publish` does it all the same")
    try:
        return Publishing(publish(warehouse))
    except KrakenCandlesError as error:
        return Publishing(why_not=str(error).rstrip("."), is_fine=isinstance(error, NothingBuiltError))


def tell_publishing(warehouse: Path, publishing: Publishing) -> Iterator[str]:
    """Say what a publish after a build did, or why there was none and what readers see."""
    if publishing.published:
        yield from tell(publishing.published)
        return
    database = load_settings(warehouse).database
    stays = "nothing was published before"
    if database.exists():
        seen = datetime.fromtimestamp(database.stat().st_mtime, tz=timezone.utc)
        stays = f"readers still see the state of {seen:%Y-%m-%d %H:%M:%S} UTC"
    yield f"Not published: {publishing.why_not}; {stays}."


def publishing_object(publishing: Publishing) -> dict[str, Any]:
    """Return it for machines: what was published, or why not."""
    done = publishing.published
    return {"published": None if done is None else published_object(done), "not_published": publishing.why_not}


def published_object(done: Published) -> dict[str, Any]:
    """Return for machines what a publish did."""
    return {
        "database": str(done.database),
        "tree": str(done.tree),
        "written_count": len(done.written),
        "unchanged_count": len(done.unchanged),
        "removed_count": len(done.removed),
        "strange": list(map(str, done.strange)),
    }


def tell(published: Published) -> Iterator[str]:
    """Say in a line or two what a publish did."""
    counts = f"{len(published.written):,} partitions written, {len(published.unchanged):,} unchanged"
    if published.removed:
        counts += f", {len(published.removed):,} removed"
    yield f"Published: {counts}; {published.database} and {published.tree}"
    if published.strange:
        yield (
            f"{len(published.strange):,} files there are not ours, and readers of the tree would read them too: move "
            f"{published.strange[0]}{' and the others' if published.strange[1:] else ''} away."
        )


def run_publish(console: Console, as_json: bool) -> int:
    """Publish what was built, and say what came of it."""
    done = publish()
    console.print("\n".join(tell(done)), markup=False)
    if as_json:
        print_json(published_object(done))
    return 0
