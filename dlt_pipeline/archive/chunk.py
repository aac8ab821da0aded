"""One bounded run of an import: about so many rows, of as many files as they come from."""

import threading
from collections.abc import Iterator, Mapping

import dlt
import pyarrow as pa

from dlt_pipeline.archive.gathered import Batch, Gathered
from dlt_pipeline.archive.stored import asking, read_stored
from dlt_pipeline.archive.work import Work


class ArchiveChunk:
    """Shared by the threads that read files; `work` goes on from chunk to chunk."""

    def __init__(self, work: Work) -> None:
        """Begin it."""
        self.work = work
        self.is_first = not work.has_begun
        work.begin_chunk()
        self.reader_count = work.settings.reader_count
        self._rows = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Learn what the warehouse has and which files are to be read: once, by whoever is first."""
        with self._lock:
            if not self.work.is_prepared:
                self.work.prepare(read_stored(asking(dlt.current.pipeline())))
            self.work.has_begun = True

    def batches(self) -> Iterator[Batch]:
        """Yield batches of one file after another until the chunk has its rows, nothing waits or the user stops."""
        self.begin()
        gathered = Gathered()
        while self._has_room and (task := self.work.take()) is not None:
            for taken in self.work.read(task):
                gathered.add(taken.tables)
                self._count(taken.tables)
                if gathered.row_count >= self.work.settings.batch_rows:
                    yield gathered.flush()
                if not self._has_room:
                    break
            self.work.put_down(task)
        if gathered.row_count:
            yield gathered.flush()

    @property
    def _has_room(self) -> bool:
        return self._rows < self.work.settings.chunk_rows and not self.work.stop.is_set()

    def _count(self, tables: Mapping[str, pa.Table]) -> None:
        with self._lock:
            self._rows += sum(table.num_rows for table in tables.values())
