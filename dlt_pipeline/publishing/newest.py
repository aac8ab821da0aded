"""Publishing again and again: between two whole publishes, the days that changed go into one file beside the others.

The files of a year are large; writing them anew for each minute would take longer than the minute is worth. So
published.duckdb takes the changed days from the new file and what lies before them from the year's file. The Parquet
tree stays as the last whole publish left it.
"""

import hashlib
import json
import threading
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Final

from dlt_pipeline.publishing.database import ViewPart, write_database
from dlt_pipeline.publishing.files import drop_replaced, keep_version, put, version_path
from dlt_pipeline.publishing.partitions import Partition, write_rows
from dlt_pipeline.publishing.publisher import Published, publish_whole, publishing, read_wanted, write_facts
from dlt_pipeline.publishing.settings import PublishSettings, load_settings
from dlt_pipeline.publishing.snapshot import OF_WHOLE_BUILDS, Changes, Snapshot, WarehouseRows, changes_since, sources

# Some weeks of minutes of a few symbols, written in a second; beyond, the years' files may as well be written anew.
_MOST_ROWS: Final = 500_000


class Publisher:
    """Publishes a warehouse more than once and remembers what the last whole publish left."""

    def __init__(self, warehouse: Path, stop: threading.Event | None = None, schema: str = "kraken") -> None:
        """Publish nothing yet. Setting `stop` ends a wait for the warehouse with LoadStoppedError."""
        self._path, self._stop, self._schema = warehouse, stop, schema
        self._base: Snapshot | None = None
        self._left: tuple[int, int] | None = None  # published.duckdb as this publisher left it

    def publish(self) -> Published:
        """Publish all, as the function `publish` does; raises what it raises."""
        settings = load_settings(self._path)
        with publishing(self._path, settings):
            return self._whole(settings)

    def publish_newest(self) -> Published:
        """Let published.duckdb show the warehouse's state, by a file of the days that changed; the tree stays.

        All is published where that cannot be: nothing was before, or so much changed that it does not pay.
        """
        settings = load_settings(self._path)
        with publishing(self._path, settings):
            return self._newest(settings) or self._whole(settings)

    def _whole(self, settings: PublishSettings) -> Published:
        published, self._base = publish_whole(self._path, settings, self._schema, self._stop, again=True)
        self._left = _state(settings.database)
        return published

    def _newest(self, settings: PublishSettings) -> Published | None:
        base = self._base
        # Another process may have published meanwhile: facts that rounds leave as they stand, or less than we did.
        if base is None or _state(settings.database) != self._left:
            return None
        if not all(keep_version(settings, each) for each in base.partitions.values()):
            return None
        standing = {name: file for name, file in base.facts.items() if name in OF_WHOLE_BUILDS}
        with read_wanted(self._path, settings, self._schema, self._stop) as wanted:
            changes = changes_since(base, wanted)
            if changes is None or changes.row_count > _MOST_ROWS:
                return None
            newest = [_write(settings, wanted, changes)] if changes.first_days else []
            facts = standing | write_facts(settings, wanted, left_out=OF_WHOLE_BUILDS)
            as_of = wanted.as_of
        parts = {
            name: [*_parts(settings, base, changes, name), ViewPart(newest, is_newest=True)] for name in _names(wanted)
        }
        write_database(settings.database, self._schema, wanted.columns, parts, facts, as_of)
        self._left = _state(settings.database)
        drop_replaced(settings, base.partitions.values(), [*newest, *facts.values()])
        keys = [partition.key for partition in wanted.partitions]
        return Published(
            written=tuple(key for key in keys if key in changes.first_days),
            unchanged=tuple(key for key in keys if key not in changes.first_days),
            removed=(),
            strange=(),
            tree=settings.tree,
            database=settings.database,
        )


def _state(database: Path) -> tuple[int, int] | None:
    """Return what tells this published.duckdb from one that another process puts in its place."""
    try:
        about = database.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


def _names(wanted: WarehouseRows) -> list[str]:
    return sources(wanted.partitions)


def _write(settings: PublishSettings, wanted: WarehouseRows, changes: Changes) -> Path:
    """Write the file of the changed days; its name is a hash of all that decides its rows."""
    versions = {partition.key: partition.version for partition in wanted.partitions}
    said = sorted([*key, str(day), versions[key]] for key, day in changes.first_days.items() if key in versions)
    name = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
    path, partial = settings.versions / "newest" / f"{name}.parquet", settings.partial / f"{name}.parquet"
    rows = wanted.rows_from(changes.first_days)
    write_rows(partial, rows, rows.schema, {})
    put(partial, path)
    return path


def _parts(settings: PublishSettings, base: Snapshot, changes: Changes, source: str) -> list[ViewPart]:
    """Return the base's files of a source, those with changed days only up to the first of them."""
    by_day: dict[date | None, list[Partition]] = defaultdict(list)
    for key, partition in base.partitions.items():
        if key.source == source:
            by_day[changes.first_days.get(key)].append(partition)
    return [ViewPart([version_path(settings, each) for each in found], day) for day, found in by_day.items()]
