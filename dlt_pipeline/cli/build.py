"""A build and what came of it in a few lines; and of a publish, whether it is of such a build."""

import atexit
import gc
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from dlt_pipeline.cli.console import Console, tell_next
from dlt_pipeline.cli.progress import BuildProgress
from dlt_pipeline.common.exceptions import KrakenCandlesError, NothingBuiltError, WarehouseError
from dlt_pipeline.jobs.build import build_result
from dlt_pipeline.jobs.removal import describe_removal
from dlt_pipeline.publishing.publisher import Published, publish
from dlt_pipeline.publishing.settings import load_settings
from dlt_pipeline.publishing.unchanged import remember, shape_left
from dlt_pipeline.retention import BY_AGE, KEEP_TRADES_DAYS, remove_trades, request_old_days
from dlt_pipeline.warehouse.database import ask_built, open_warehouse, require_trades, warehouse_path
from dlt_pipeline.warehouse.dbt import BuildResult, partial_argument
from dlt_pipeline.warehouse.targets import OTHER_TARGETS, build_on

# What a build made and what is there now: the first column tells of the first, the others of the second.
_BUILT: Final = """
    select count(distinct (symbol, bucket_on)), count(distinct symbol) from kraken.candle_days where built_at >= $1
"""
_EQUAL: Final = "select sum(identical_count)::bigint, sum(compared_count)::bigint from kraken.check_rest_summary"
_GAPS: Final = "select count(*), count_if(is_accepted) from kraken.gaps"


def run_build(
    console: Console, arguments: Sequence[str], is_verbose: bool = False, always: bool = False, target: str = ""
) -> int:
    """Build, publish if the whole is green, and say how it ended; 1 if a model, a test or publishing failed.

    On another `target` dbt builds, and that is all. Without `arguments` what stands since the last green build is left
    alone, but for `always`.
    """
    path = warehouse_path()
    # The process ends with the build: looking through all that dbt left in memory, now and at its end, gives nothing.
    gc.disable()
    atexit.register(gc.freeze)
    if target in OTHER_TARGETS:
        return _run_on(console, path, target, arguments, is_verbose)
    if target:
        arguments = ["--target", target, *arguments]
    require_trades(path)
    is_old_wanted = request_old_days(path)
    began_at, began = datetime.now(timezone.utc).replace(tzinfo=None), time.monotonic()
    stood = None if arguments or always else shape_left(path)
    if is_verbose:
        result = build_result(path, arguments, stood=stood)
    else:
        result = build_with_bar(console, path, arguments, stood)
    for line in tell_build(path, result, began_at):
        console.print(line, markup=False)
    if result.is_green and is_old_wanted and not partial_argument(arguments):
        console.print(
            f"Trades beyond {KEEP_TRADES_DAYS}: {describe_removal(remove_trades(path, BY_AGE))}", markup=False
        )
    lines, is_fine = publish_after_build(path, arguments, result.is_green)
    console.print("\n".join(lines), markup=False)
    console.print(f"Took {time.monotonic() - began:.0f} s; dbt's log: {result.log}", markup=False)
    if result.is_green and is_fine:
        tell_next(console, "summary", "report")
    if result.is_green and is_fine and not arguments:
        remember(path, result.state, len(result.warned), result.shape)
    return 0 if result.is_green and is_fine else 1


def _run_on(console: Console, path: Path, target: str, arguments: Sequence[str], is_verbose: bool) -> int:
    """Build where readers read the tables themselves: nothing is published, and the warehouse is not asked."""
    began = time.monotonic()
    if is_verbose:
        result = build_on(path, target, arguments)
    else:
        with BuildProgress(console) as progress:
            result = build_on(path, target, arguments, quiet=True, on_node=progress.node)
    if result.is_green:
        checks = f"{result.check_count - len(result.warned):,} of {result.check_count:,} checks green"
        console.print(f"Built on {target}: {len(result.built):,} tables and views; {checks}.", markup=False)
    for line in [*(() if result.is_green else _red(f"on {target}", result)), *_findings(result)]:
        console.print(line, markup=False)
    console.print(f"Took {time.monotonic() - began:.0f} s; dbt's log: {result.log}", markup=False)
    return 0 if result.is_green else 1


def build_with_bar(
    console: Console, path: Path, arguments: Sequence[str] = (), stood: str | None = None
) -> BuildResult:
    """Build as `build_result` does, with a bar on a terminal in place of dbt's own words."""
    with BuildProgress(console) as progress:
        return build_result(path, arguments, quiet=True, on_node=progress.node, stood=stood)


def tell_build(path: Path, result: BuildResult, began_at: datetime) -> Iterator[str]:
    """Say what a build that began then, in UTC, made and found; of a red one what is wrong, with a query for each."""
    if not result.is_green:
        yield from _red(f"of {path}", result)
        yield from _findings(result)
        return
    checks = f"{result.check_count - len(result.warned):,} of {result.check_count:,} checks green"
    yield f"Built and checked: {path}"
    for told in ([*_made(path, began_at), checks], list(_found(path))):
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


def _made(path: Path, began_at: datetime) -> Iterator[str]:
    for days, symbols in _ask(path, _BUILT, began_at):
        yield f"{_many(days, 'day')} of {_many(symbols, 'pair')} built" if days else "No day changed"


def _found(path: Path) -> Iterator[str]:
    for equal, compared in _ask(path, _EQUAL):
        yield f"{equal or 0:,} of {compared or 0:,} candles equal Kraken's"
    for gaps, accepted in _ask(path, _GAPS):
        yield _many(gaps, "gap") + (f", {accepted:,} of them accepted" if accepted else "") if gaps else "no gap"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _ask(path: Path, query: str, *values: object) -> list[tuple[int, int]]:
    """Return the row of two numbers of a query; none where a part was built without its tables, or nobody can look."""
    try:
        with open_warehouse(path, read_only=True) as connection:
            return ask_built(connection, query, values) or []
    except WarehouseError:  # a load may hold the file already, and the build is green
        return []


def publish_after_build(warehouse: Path, arguments: Sequence[str], is_green: bool) -> tuple[list[str], bool]:
    """Publish if the whole build is green; return what to say, and whether nothing went wrong with publishing.

    Only a whole, green build is published: readers see a state that was checked as one.
    """
    if not is_green:
        return [_not_published(warehouse, "the build is not green")], True
    argument = partial_argument(arguments)
    if argument:
        return [
            _not_published(warehouse, f"{argument} builds a part; `kraken-candles publish` does it all the same")
        ], True
    try:
        return list(tell(publish(warehouse))), True
    except NothingBuiltError as error:
        return [_not_published(warehouse, str(error).rstrip("."))], True
    except KrakenCandlesError as error:
        return [_not_published(warehouse, str(error).rstrip("."))], False


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


def _not_published(warehouse: Path, why: str) -> str:
    database = load_settings(warehouse).database
    if not database.exists():
        return f"Not published: {why}; nothing was published before."
    seen = datetime.fromtimestamp(database.stat().st_mtime, tz=timezone.utc)
    return f"Not published: {why}; readers still see the state of {seen:%Y-%m-%d %H:%M:%S} UTC."


def run_publish(console: Console) -> int:
    """Publish what was built, and say what came of it."""
    console.print("\n".join(tell(publish())), markup=False)
    return 0
