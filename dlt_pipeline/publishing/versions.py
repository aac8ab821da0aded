"""The immutable files: one for each content that a partition had, kept a while after it was replaced.

published.duckdb names these, so that all its views are of one state and a reader of the old one keeps its files.
"""

import time
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from dlt_pipeline.publishing.parquet import is_version, write_parquet
from dlt_pipeline.publishing.partitions import Partition
from dlt_pipeline.publishing.settings import PublishSettings
from dlt_pipeline.publishing.whole import put, remove_empty_folders


def version_path(settings: PublishSettings, partition: Partition) -> Path:
    """Return the path of the partition's immutable file, there or not."""
    return settings.versions / partition.key.folder / f"{partition.version}.parquet"


def has_version(settings: PublishSettings, partition: Partition) -> bool:
    """Tell whether the file is there; if it had been replaced before, it counts as wanted again."""
    path = version_path(settings, partition)
    is_there = is_version(path, partition)
    if is_there:
        _replaced(path).unlink(missing_ok=True)
    return is_there


def write_version(settings: PublishSettings, partition: Partition, rows: pa.RecordBatchReader) -> None:
    """Write the partition's immutable file beside and move it to its place."""
    path = version_path(settings, partition)
    partial = settings.partial / path.name
    write_parquet(partial, partition, rows)
    _replaced(path).unlink(missing_ok=True)
    put(partial, path)


def keep_version(settings: PublishSettings, partition: Partition) -> bool:
    """Tell whether the file is there, without a look into it; if it had been replaced, it counts as wanted again."""
    path = version_path(settings, partition)
    _replaced(path).unlink(missing_ok=True)
    return path.exists()


def drop_replaced(settings: PublishSettings, current: Iterable[Partition], newest: Iterable[Path] = ()) -> None:
    """Mark the files that nothing published names any more, and remove those marked longer ago than the grace time.

    The mark is a file beside whose time is that of the replacement. To be called once the new state is published.
    """
    wanted = {version_path(settings, partition) for partition in current} | set(newest)
    for path in settings.versions.rglob("*.parquet"):
        mark = _replaced(path)
        if path in wanted:
            continue
        if not mark.exists():
            mark.touch()
        if time.time() - mark.stat().st_mtime >= settings.keep_replaced_seconds:
            path.unlink()
    for mark in settings.versions.rglob("*.replaced"):
        if not mark.with_suffix(".parquet").exists():
            mark.unlink()
    remove_empty_folders(settings.versions)


def _replaced(path: Path) -> Path:
    return path.with_suffix(".replaced")
