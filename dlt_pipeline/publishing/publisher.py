"""Publish: bring the Parquet tree and published.duckdb to the state of the warehouse.

The order makes a kill between any two steps harmless: new immutable files first, which nobody reads yet; then the
tree, file by file; then published.duckdb, at once; and only then does anything old go.
"""

import collections
import errno
import hashlib
import json
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

import duckdb
import filelock
import pyarrow as pa

from dlt_pipeline.common.exceptions import DiskFullError, KrakenCandlesError, NothingBuiltError, PublishError
from dlt_pipeline.publishing.database import ViewPart, check_replaceable, write_database
from dlt_pipeline.publishing.files import (
    drop_replaced,
    has_version,
    keep_version,
    make_folder,
    put,
    put_in_tree,
    remove_vanished,
    tree_path,
    version_path,
    write_fact,
    write_replaced,
    write_version,
)
from dlt_pipeline.publishing.partitions import BrokenFileError, Key, Partition, Settled, Taken, write_rows
from dlt_pipeline.publishing.settings import EXPORTS, ROW_GROUP, ROWS_AT_ONCE, PublishSettings, load_settings
from dlt_pipeline.publishing.snapshot import (
    OF_WHOLE_BUILDS,
    Changes,
    Snapshot,
    WarehouseRows,
    changes_since,
    read_snapshot,
    sources,
)
from dlt_pipeline.warehouse.database import open_warehouse, warehouse_path
from dlt_pipeline.warehouse.errors import explain, when_unlocked

# Files that grow are copied side by side: one waits for the disk while the next is compressed.
_WRITERS: Final = 2


@contextmanager
def only_publish(settings: PublishSettings, warehouse: Path) -> Iterator[None]:
    """Wait for another publish into the folder to end, then hold the folder, with nothing half-written left in it.

    Raises PublishError if the other one takes too long, or if the folder belongs to another warehouse.
    """
    if settings.exports.exists() and not settings.exports.is_dir():
        raise PublishError(
            f"{settings.exports} is a file where the exports folder should be; set {EXPORTS} to a folder."
        )
    make_folder(settings.exports)
    lock = filelock.FileLock(settings.exports / ".lock", timeout=settings.wait_seconds)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise PublishError(
            f"Another publish is writing into {settings.exports}; wait for it and run `kraken-candles publish`."
        ) from None
    try:
        _empty(settings.partial)
        _claim(settings, warehouse)
        yield
    finally:
        shutil.rmtree(settings.partial, ignore_errors=True)
        lock.release()


def _claim(settings: PublishSettings, warehouse: Path) -> None:
    """Remember the warehouse, as a path from the folder, so that both can be moved together.

    Publishing another one would remove the first one's candles. One that is no longer there was renamed or deleted.
    """
    exports, name = settings.exports, ".warehouse"
    remembered, ours = exports / name, os.path.relpath(warehouse, settings.exports)
    known = remembered.read_text() if remembered.exists() else ""
    if known == ours:
        return
    if known:
        other = Path(os.path.normpath(exports / known))
        if other.exists() and not other.samefile(warehouse):
            raise PublishError(
                f"{exports} is published from the warehouse {other}, and a second one would remove its candles; set "
                f"{EXPORTS} to another folder for {warehouse}, or delete {remembered} to give it this one."
            )
    (settings.partial / name).write_text(ours)
    put(settings.partial / name, remembered)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)


@dataclass(frozen=True)
class Published:
    """What a publish did: partitions written and left untouched, folders removed, files found that are not ours."""

    written: tuple[Key, ...]
    unchanged: tuple[Key, ...]
    removed: tuple[Path, ...]
    strange: tuple[Path, ...]
    tree: Path
    database: Path


def publish(
    warehouse: str | Path | None = None,
    exports: str | Path | None = None,
    schema: str = "kraken",
) -> Published:
    """Publish the candles of `schema` in the warehouse as Parquet under `exports`, and views in published.duckdb.

    Both default to the environment, then to the working folder and `exports/` beside the warehouse. Only changed
    partitions are written. Raises NothingBuiltError before the first build, WarehouseLockedError if the warehouse
    stays in use, DiskFullError and PublishError where files cannot be written; what was published before stays.
    """
    path = warehouse_path(warehouse)
    settings = load_settings(path, exports)
    with publishing(path, settings):
        return publish_whole(path, settings, schema)[0]


@contextmanager
def publishing(path: Path, settings: PublishSettings) -> Iterator[None]:
    """Be the only publish, and turn what goes wrong in it into sentences."""
    if not path.exists():
        raise NothingBuiltError(f"The warehouse {path} is not there yet; run `kraken-candles load` and `build` first.")
    try:
        check_replaceable(settings.database, path)
        with only_publish(settings, path):
            yield
    except (OSError, duckdb.Error, pa.ArrowException) as error:
        raise _sentence(error, settings) from error


@contextmanager
def read_wanted(
    path: Path, settings: PublishSettings, schema: str, stop: threading.Event | None = None
) -> Iterator[WarehouseRows]:
    """Open the warehouse, waiting a while where it is in use, and read what is to be published."""
    with ExitStack() as opened:
        connection = when_unlocked(
            lambda: opened.enter_context(open_warehouse(path, read_only=True)),
            path,
            stop or threading.Event(),
            settings.wait_seconds,
        )
        yield WarehouseRows(connection, path, schema, settings.partial / "spill")


def publish_whole(
    path: Path, settings: PublishSettings, schema: str, stop: threading.Event | None = None, *, again: bool = False
) -> tuple[Published, Snapshot | None]:
    """Publish all, inside `publishing`; return what was done, and if `again`, the state on which to lay newer rows."""
    with read_wanted(path, settings, schema, stop) as wanted:
        written = _write_versions(settings, wanted)
        facts, as_of = write_facts(settings, wanted), wanted.as_of
        base = read_snapshot(wanted, facts) if again else None
    current = wanted.partitions
    written |= {each.key for each in current if put_in_tree(settings, each, is_new=each.key in written)}
    removed, strange = remove_vanished(settings, current)
    files = {name: [ViewPart(_files(settings, current, name))] for name in sources(current)}
    write_database(settings.database, schema, wanted.columns, files, facts, as_of)
    drop_replaced(settings, current, facts.values())
    keys = [partition.key for partition in current]
    published = Published(
        written=tuple(key for key in keys if key in written),
        unchanged=tuple(key for key in keys if key not in written),
        removed=tuple(removed),
        strange=tuple(strange),
        tree=settings.tree,
        database=settings.database,
    )
    return published, base


def write_facts(settings: PublishSettings, wanted: WarehouseRows, left_out: Collection[str] = ()) -> dict[str, Path]:
    """Write what is proven of the rows into a file each; return the files by the names of their tables.

    What stood before has a file a day, so that only today's is written again and again: table-2026-11-29.
    """
    facts = {name: write_fact(settings, name, rows) for name, rows in wanted.facts(left_out).items()}
    for each in wanted.replaced():
        name = f"{each.table}-{each.day}"
        facts[name] = write_replaced(settings, name, each.said, partial(wanted.replaced_rows, each))
    return facts


def _write_versions(settings: PublishSettings, wanted: WarehouseRows) -> set[Key]:
    """Write the files that are not there, taking from those of the tree what is settled; return their keys."""
    missing = {each.key: each for each in wanted.partitions if not has_version(settings, each)}
    standing = {key: Settled.read(tree_path(settings, each)) for key, each in missing.items()}
    proven = wanted.settled({key: each.before for key, each in standing.items() if each})
    grown = {key: each for key, each in proven.items() if standing[key] == each}
    broken = set(_write(settings, wanted, [missing[key] for key in grown], grown))
    whole = [each for key, each in missing.items() if key in broken or key not in grown]
    collections.deque(_write(settings, wanted, whole, {}), maxlen=0)
    return set(missing)


def _write(
    settings: PublishSettings, wanted: WarehouseRows, partitions: Sequence[Partition], taken: Mapping[Key, Settled]
) -> Iterator[Key]:
    """Write the files of partitions, those `taken` with the settled rows of the tree's; yield those that are broken."""
    settled = wanted.settled({partition.key: None for partition in partitions})
    with ThreadPoolExecutor(_WRITERS) as writers:
        begun: collections.deque[tuple[Key, Future[None]]] = collections.deque()
        for some in _at_once(partitions, taken):
            left = {partition.key: partition for partition in some}
            schema, newer = wanted.by_partition({key: taken[key].before if key in taken else date.min for key in left})
            for key, batches in chain(groupby(newer, key=itemgetter(0)), [(key, ()) for key in left]):
                partition = left.pop(key, None)
                if partition is None:
                    continue
                standing = Taken(tree_path(settings, partition), taken[key]) if key in taken else None
                write = partial(
                    write_version, settings, partition, schema=schema, settled=settled.get(key), taken=standing
                )
                rows = (batch for _key, batch in batches)
                # many as they come, by one writer, so that no more than some row groups are held
                is_long = partition.row_count - (standing.settled.row_count if standing else 0) > ROW_GROUP
                begun.append((key, writers.submit(write, rows=rows if is_long else list(rows))))
                yield from _broken(begun, left=0 if is_long else _WRITERS)
        yield from _broken(begun)


def _broken(begun: collections.deque[tuple[Key, "Future[None]"]], left: int = 0) -> Iterator[Key]:
    """Wait for files until no more than so many are `left` in work; yield those whose settled rows are broken."""
    while len(begun) > left:
        key, done = begun.popleft()
        try:
            done.result()
        except BrokenFileError:
            yield key


def _at_once(partitions: Sequence[Partition], taken: Mapping[Key, Settled]) -> Iterator[list[Partition]]:
    """Share out partitions to queries: one for many is much quicker than one each, but sorts all of their rows.

    It also reads all days from the first that one of them needs, so those that go far back, as weeks, are apart.
    """
    newest = max((settled.before for settled in taken.values()), default=date.min)

    def far_back(partition: Partition) -> int:
        return (newest - taken[partition.key].before).days.bit_length() if taken else 0

    for _far, alike in groupby(sorted(partitions, key=far_back), key=far_back):
        some: list[Partition] = []
        row_count = 0
        for partition in alike:
            rows = partition.row_count - (taken[partition.key].row_count if taken else 0)
            if some and row_count + rows > ROWS_AT_ONCE:
                yield some
                some, row_count = [], 0
            some.append(partition)
            row_count += rows
        yield some


def _files(settings: PublishSettings, partitions: list[Partition], source: str) -> list[Path]:
    return [version_path(settings, partition) for partition in partitions if partition.key.source == source]


def _sentence(error: Exception, settings: PublishSettings) -> KrakenCandlesError:
    """Turn what the system or a library says into a sentence about the exports."""
    still = "What was published before stays readable."
    if "No space left" in str(error) or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return DiskFullError(
            f"No space is left to publish into {settings.exports}. {still} Free some space and run "
            "`kraken-candles publish`; it goes on where it stopped."
        )
    first = (str(error).splitlines() or [type(error).__name__])[0]
    known = explain(error, settings.exports, EXPORTS)
    return known or PublishError(f"Publishing into {settings.exports} failed: {first}. {still}")


# Some weeks of minutes of a few symbols, written in a second; beyond, the years' files may as well be written anew.
_MOST_NEWEST_ROWS: Final = 500_000


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
            if changes is None or changes.row_count > _MOST_NEWEST_ROWS:
                return None
            newest = [_write_newest(settings, wanted, changes)] if changes.first_days else []
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


def _write_newest(settings: PublishSettings, wanted: WarehouseRows, changes: Changes) -> Path:
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
