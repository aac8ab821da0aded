"""Shows how an import goes: a bar a file that is being read, by bytes, and one for all; plain lines elsewhere."""

import threading
import time
from collections.abc import Sequence
from typing import Final

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from dlt_pipeline.archive.report import FileReport
from dlt_pipeline.bars import Bars
from dlt_pipeline.console import Console

# A line every few seconds is enough for a log.
_SECONDS_BETWEEN_LINES: Final = 10.0


class ImportProgress(Bars):
    """Tells of an import on a rich console; used as a context manager around it."""

    def __init__(self, console: Console) -> None:
        """Show bars if the console is a terminal, else lines."""
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            DownloadColumn(),
            TimeRemainingColumn(),
        )
        self._lock = threading.Lock()
        self._read: dict[int, int] = {}
        self._total = 0
        self._tasks: dict[int, TaskID] = {}
        self._all: TaskID | None = None
        self._told_at = time.monotonic()

    def begin(self, files: Sequence[FileReport]) -> None:
        """Learn which files will be read."""
        with self._lock:
            self._total = sum(one.size_bytes for one in files)
            if self.bars:
                self._all = self.bars.add_task(_counted(len(files)), total=max(1, self._total))
            elif files:
                self.console.print(f"{_counted(len(files))} with {self._total:,} bytes.", markup=False)

    def read(self, file: FileReport, bytes_read: int) -> None:
        """Hear how many bytes of a file are read so far; all of them once it is done with."""
        with self._lock:
            self._read[id(file)] = bytes_read
            done = sum(self._read.values())
            if self.bars and self._all is not None:
                self._draw(self.bars, file, bytes_read)
                self.bars.update(self._all, completed=done)
            elif not self.bars and time.monotonic() - self._told_at >= _SECONDS_BETWEEN_LINES:
                self._told_at = time.monotonic()
                percent = 100 * done // max(1, self._total)
                self.console.print(
                    f"{percent} %: {file.place}, {bytes_read:,} of {file.size_bytes:,} bytes", markup=False
                )

    def _draw(self, bars: Progress, file: FileReport, bytes_read: int) -> None:
        is_done = bytes_read >= file.size_bytes
        task = self._tasks.get(id(file))
        if task is None and not is_done:
            task = self._tasks[id(file)] = bars.add_task(file.name.rpartition("/")[2], total=max(1, file.size_bytes))
        if task is not None:
            bars.update(task, completed=bytes_read)
            if is_done:
                bars.remove_task(self._tasks.pop(id(file)))


def _counted(files: int) -> str:
    return f"{files:,} file" if files == 1 else f"{files:,} files"
