"""What is said of a publish, and whether a build is one that is published."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from dlt_pipeline.cli.console import Console
from dlt_pipeline.common.exceptions import KrakenCandlesError, NothingBuiltError
from dlt_pipeline.publishing.publisher import Published, publish
from dlt_pipeline.publishing.settings import load_settings

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


def partial_argument(arguments: Sequence[str]) -> str | None:
    """Return the first of dbt's arguments that makes it build less than the whole warehouse, or None."""
    for argument in arguments:
        name = argument.split("=", 1)[0]
        if name in _PARTIAL or name.startswith(_PARTIAL_SHORT):
            return name
    return None


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
