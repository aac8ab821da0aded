"""Files and folders that are there whole or not at all, also after a kill or a power cut."""

import os
import shutil
from pathlib import Path


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
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def put(partial: Path, target: Path) -> None:
    """Move a finished file to its place, which must be on the same file system; readers see the old or the new one."""
    sync(partial)
    make_folder(target.parent)
    partial.replace(target)
    sync(target.parent)


def put_link(original: Path, partial: Path, target: Path) -> None:
    """Give a file a second place, by way of `partial`; a copy where the file system knows no hard links."""
    partial.unlink(missing_ok=True)
    try:
        partial.hardlink_to(original)
    except OSError:
        shutil.copyfile(original, partial)
    put(partial, target)


def remove_empty_folders(top: Path) -> None:
    """Remove the empty folders below `top`; `top` stays."""
    for folder, _folders, _files in os.walk(top, topdown=False):
        if Path(folder) != top and not os.listdir(folder):  # noqa: PTH208 - os.walk read it before its own were removed
            Path(folder).rmdir()
