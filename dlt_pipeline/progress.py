"""Shows how a load goes: a bar a symbol by trade id on a terminal, plain lines elsewhere."""

import threading
import time
from dataclasses import dataclass
from typing import Final

from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn

from dlt_pipeline.bars import Bars
from dlt_pipeline.common.exceptions import KrakenCandlesError
from dlt_pipeline.common.time import show_ns
from dlt_pipeline.console import Console
from dlt_pipeline.kraken import extract
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session

# A line every few seconds is enough for a log.
_SECONDS_BETWEEN_LINES: Final = 10.0


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

    def begin(self, session: Session, request: Request) -> None:
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

    def page(self, progress: extract.Progress) -> None:
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

    def committed(self, done: set[str]) -> None:
        """Fill the bars of the symbols that are complete."""
        with self._lock:
            for symbol in done:
                place = self._places.get(symbol)
                if self.bars and place and place.task is not None:
                    self.bars.update(place.task, completed=1, total=1)


def newest_id(session: Session, symbol: str, end_ns: int | None) -> int:
    """Return the id of the trade at which the symbol's load will end: by one call; 0 where there are no ids."""
    since = None if end_ns is None or end_ns > session.now_ns else end_ns - 1
    try:
        page = session.client(symbol).trades(session.market(symbol), since, 1)
    except KrakenCandlesError:
        return 0  # the load itself will meet the error and report it
    return page.rows[-1].trade_id if page.rows else 0
