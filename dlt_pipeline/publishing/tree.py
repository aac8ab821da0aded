"""The tree that readers of Parquet open: one whole file a partition, always under the same name."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from dlt_pipeline.publishing.parquet import is_ours, is_version
from dlt_pipeline.publishing.partitions import Partition
from dlt_pipeline.publishing.settings import PublishSettings
from dlt_pipeline.publishing.versions import version_path
from dlt_pipeline.publishing.whole import put_link, remove_empty_folders

_NAME: Final = "candles.parquet"


def tree_path(settings: PublishSettings, partition: Partition) -> Path:
    """Return the path of the partition's file in the tree, there or not."""
    return settings.tree / partition.key.folder / _NAME


def put_in_tree(settings: PublishSettings, partition: Partition) -> bool:
    """Let the tree's file be the partition's version; False if it already was and nothing was touched."""
    path = tree_path(settings, partition)
    if is_version(path, partition):
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
