"""Progress on a terminal as bars, elsewhere as plain lines: of a load by trade id, of an import by bytes."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn

from dlt_pipeline.cli.console import Console
from dlt_pipeline.common.exceptions import KrakenCandlesError
from dlt_pipeline.common.time import show_ns

if TYPE_CHECKING:  # they take ccxt and dlt with them, seconds that a build need not
    from dlt_pipeline.archive.report import FileReport
    from dlt_pipeline.kraken import extract
    from dlt_pipeline.kraken.request import Request
    from dlt_pipeline.kraken.session import Session

_Self = TypeVar("_Self", bound="Bars")
# A line every few seconds is enough for a log.
_SECONDS_BETWEEN_LINES: Final = 10.0


class Bars:
    """Draws on a rich console as long as its `with` lasts; `bars` is None where the console is no terminal."""

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        """Prepare; nothing is drawn yet."""
        self.console = console
        self.bars = Progress(*columns, console=console) if console.is_terminal else None

    def __enter__(self: _Self) -> _Self:
        """Start drawing."""
        if self.bars:
            self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last state on the screen."""
        if self.bars:
            self.bars.stop()


class BuildProgress(Bars):
    """Tells of a build on a rich console; used as a context manager around it. Elsewhere it says that one begins."""

    def __init__(self, console: Console) -> None:
        """Show a bar if the console is a terminal, else a line."""
        super().__init__(console, TextColumn("building"), BarColumn(24), TextColumn("{task.fields[place]}"))
        self._task = self.bars.add_task("building", total=None, place="reading the project") if self.bars else None
        self._number = 0
        self._lock = threading.Lock()
        if not self.bars:
            console.print("dbt build: models and tests …")

    def node(self, name: str, number: int, total: int) -> None:
        """Move the bar to a model or test that begins; two that begin at once may be told in either order."""
        with self._lock:
            if self.bars and self._task is not None and number > self._number:
                self._number = number
                self.bars.update(self._task, completed=number, total=total, place=f"{number} of {total}  {name}")


@dataclass
class _Place:
    """Where a symbol stands: its first, reached and final position (trade ids, or ns where there are no ids)."""

    by_id: bool
    first: int | None
    final: int
    task: TaskID | None = None
    told_at: float = 0.0
    trades: int = 0


class ProgressListener(Bars):
    """Tells of a load on a rich console; used as a context manager around it."""

    def __init__(self, console: Console) -> None:
        """Show bars if the console is a terminal, else lines."""
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[place]}"),
            TimeRemainingColumn(),
        )
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}
        self._commit: TaskID | None = None

    def begin(self, session: "Session", request: "Request") -> None:
        """Learn where each symbol's load will end, by one small call for each."""

        def ask(symbol: str) -> None:
            first, last = request.windows[symbol][0], request.windows[symbol][-1]
            final = newest_id(session, symbol, last.end_ns)
            until = session.now_ns if last.end_ns is None else min(last.end_ns, session.now_ns)
            place = _Place(True, None, final) if final else _Place(False, first.start_ns, until)
            with self._lock:
                self._places[symbol] = place
                if self.bars:
                    place.task = self.bars.add_task(symbol, total=None, place="")

        asked = [symbol for symbol, windows in request.windows.items() if windows]
        threads = [threading.Thread(target=ask, args=(symbol,), daemon=True) for symbol in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def page(self, progress: "extract.Progress") -> None:
        """Move the symbol's bar, or say a line now and then."""
        with self._lock:
            place = self._places.get(progress.symbol)
            if place is None:
                return
            place.trades += progress.new_trades
            reached = progress.trade_id if place.by_id else progress.covered_to_ns
            if reached is None:
                return
            if place.first is None:
                place.first = reached - progress.new_trades
            share = (reached - place.first, max(1, place.final - place.first))
            text = f"{place.trades:,} trades, up to {show_ns(progress.covered_to_ns)}"
            if self.bars and place.task is not None:
                self.bars.update(place.task, completed=min(share), total=share[1], place=text)
            elif not self.bars and time.monotonic() - place.told_at >= _SECONDS_BETWEEN_LINES:
                place.told_at = time.monotonic()
                percent = 100 if reached >= place.final else 100 * share[0] // share[1]
                self.console.print(f"{progress.symbol}: {percent} %, {text}", highlight=False)

    def committing(self, trades: int) -> None:
        """Say why nothing moves for a while."""
        if self.bars:
            if self._commit is None:
                self._commit = self.bars.add_task("", total=None, place="")
            self.bars.update(self._commit, description=f"committing {trades:,} trades", visible=True)
        else:
            self.console.print(f"Committing {trades:,} trades", highlight=False)

    def committed(self, done: set[str]) -> None:
        """Fill the bars of the symbols that are complete."""
        with self._lock:
            if self.bars and self._commit is not None:
                self.bars.update(self._commit, visible=False)
            for symbol in done:
                place = self._places.get(symbol)
                if self.bars and place and place.task is not None:
                    self.bars.update(place.task, completed=1, total=1)


def newest_id(session: "Session", symbol: str, end_ns: int | None) -> int:
    """Return the id of the trade at which the symbol's load will end: by one call; 0 where there are no ids."""
    since = None if end_ns is None or end_ns > session.now_ns else end_ns - 1
    try:
        page = session.client(symbol).trades(session.market(symbol), since, 1)
    except KrakenCandlesError:
        return 0  # the load itself will meet the error and report it
    return page.rows[-1].trade_id if page.rows else 0


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

    def begin(self, files: Sequence["FileReport"]) -> None:
        """Learn which files will be read."""
        with self._lock:
            self._total = sum(one.size_bytes for one in files)
            if self.bars:
                self._all = self.bars.add_task(_counted(len(files)), total=max(1, self._total))
            elif files:
                self.console.print(f"{_counted(len(files))} with {self._total:,} bytes.", markup=False)

    def read(self, file: "FileReport", bytes_read: int) -> None:
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

    def _draw(self, bars: Progress, file: "FileReport", bytes_read: int) -> None:
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
