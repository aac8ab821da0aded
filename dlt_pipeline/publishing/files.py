"""The immutable files: one for each content of a partition, whole or not at all, kept a while after it was replaced.

published.duckdb names these, so that all its views are of one state and a reader of the old one keeps its files.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from dlt_pipeline.common.exceptions import BadInputError, DiskFullError
from dlt_pipeline.publishing.partitions import (
    Partition,
    Settled,
    Taken,
    is_ours,
    is_version,
    write_parquet,
    write_rows,
)
from dlt_pipeline.publishing.settings import PublishSettings
from dlt_pipeline.warehouse.errors import explain, is_out_of_files

_NAME: Final = "candles.parquet"


def sync(path: Path) -> None:
    """Wait until the disk holds the file or folder."""
    if path.is_dir() and os.name != "posix":
        return  # only POSIX systems let a folder be synced
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def make_folder(folder: Path) -> None:
    """Make the folder and those above it, for good."""
    if folder.is_dir():
        return
    missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:  # once all are there, as what is synced first mostly takes the others along
        sync(each.parent)


def put(partial: Path, target: Path) -> None:
    """Move a finished file to its place, which must be on the same file system; readers see the old or the new one."""
    sync(partial)
    _move(partial, target)


@contextmanager
def written(target: Path) -> Iterator[Path]:
    """Give a place beside a file that the user named for its content, which then moves there whole, or not at all.

    Raises DiskFullError, and BadInputError for a place that cannot be written to.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        put(partial, target)
    except (OSError, duckdb.IOException) as error:
        if "No space left" in str(error):
            raise DiskFullError(
                f"No space is left to write {target}; nothing of it was written. Free some space and run the same "
                "command again."
            ) from error
        if is_out_of_files(error):
            raise (explain(error, target) or error) from error
        why = getattr(error, "strerror", None) or str(error).rpartition(": ")[2]  # as DuckDB ends a sentence with it
        raise BadInputError(f"{target} cannot be written ({why}); name another place.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def put_link(original: Path, partial: Path, target: Path) -> None:
    """Give a file that `put` brought a second place, by way of `partial`; a copy where there are no hard links."""
    partial.unlink(missing_ok=True)
    try:
        partial.hardlink_to(original)
    except OSError:
        shutil.copyfile(original, partial)
        sync(partial)
    _move(partial, target)


def _move(partial: Path, target: Path) -> None:
    make_folder(target.parent)
    partial.replace(target)
    sync(target.parent)


def remove_empty_folders(top: Path) -> None:
    """Remove the empty folders below `top`; `top` stays."""
    for folder, _folders, _files in os.walk(top, topdown=False):
        if Path(folder) != top and not os.listdir(folder):  # noqa: PTH208 - os.walk read it before its own were removed
            Path(folder).rmdir()


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


def write_version(
    settings: PublishSettings,
    partition: Partition,
    rows: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    settled: Settled | None,
    taken: Taken | None = None,
) -> None:
    """Write the partition's immutable file beside and move it to its place."""
    path = version_path(settings, partition)
    partial = settings.partial / path.name
    write_parquet(partial, partition, rows, schema, settled, taken)
    _replaced(path).unlink(missing_ok=True)
    put(partial, path)


def write_fact(settings: PublishSettings, name: str, rows: pa.Table) -> Path:
    """Write a small table as an immutable file, unless it is there; its name is a hash of its rows."""
    batches = rows.combine_chunks()
    digest = hashlib.sha256(str(rows.schema).encode())
    for batch in batches.to_batches():
        digest.update(batch.serialize())
    path = settings.versions / "facts" / f"{name}-{digest.hexdigest()[:32]}.parquet"
    _replaced(path).unlink(missing_ok=True)
    if not path.exists():
        partial = settings.partial / path.name
        pq.write_table(batches, partial, compression="zstd")
        put(partial, path)
    return path


def write_replaced(settings: PublishSettings, name: str, said: str, rows: Callable[[], pa.RecordBatchReader]) -> Path:
    """Write rows that may be many as an immutable file, unless it is there; its name is a hash of what is said."""
    path = settings.versions / "facts" / f"{name}-{hashlib.sha256(said.encode()).hexdigest()[:32]}.parquet"
    _replaced(path).unlink(missing_ok=True)
    if not path.exists():
        partial = settings.partial / path.name
        found = rows()
        write_rows(partial, found, found.schema, {})
        put(partial, path)
    return path


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


def tree_path(settings: PublishSettings, partition: Partition) -> Path:
    """Return the path of the partition's file in the tree, there or not."""
    return settings.tree / partition.key.folder / _NAME


def put_in_tree(settings: PublishSettings, partition: Partition, *, is_new: bool) -> bool:
    """Let the tree's file be the partition's version; False if it already was and nothing was touched.

    It was not if the version `is_new`.
    """
    path = tree_path(settings, partition)
    if not is_new and is_version(path, partition):
        return False
    version = version_path(settings, partition)
    put_link(version, settings.partial / version.name, path)
    return True


def remove_vanished(settings: PublishSettings, current: Sequence[Partition]) -> tuple[list[Path], list[Path]]:
    """Remove our files of partitions that are no more; return their folders, and the files that are not ours.

    Those are left alone, for somebody put them there; but readers of the tree would read them too. Hidden files do
    not count: readers pass over them.
    """
    wanted = {tree_path(settings, partition) for partition in current}
    removed, strange = [], []
    for path in _files(settings.tree):
        if path in wanted:
            continue
        if path.name == _NAME and is_ours(path):
            path.unlink()
            removed.append(path.parent.relative_to(settings.tree))
        else:
            strange.append(path)
    remove_empty_folders(settings.tree)
    return sorted(removed), sorted(strange)


def _files(top: Path) -> Iterable[Path]:
    for folder, _folders, names in os.walk(top):
        yield from (Path(folder, name) for name in names if not name.startswith((".", "_")))
