"""What the command `follow` shows: a line a round, and on a terminal a bar that counts down to the next one."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn

from dlt_pipeline.cli.build import published_object
from dlt_pipeline.cli.console import STOPPED, Console, print_json, tell_next
from dlt_pipeline.cli.estimate import timeframes_of
from dlt_pipeline.cli.progress import ProgressListener
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.common.time import show_ns, utc_of_ns
from dlt_pipeline.following.follower import HearingWaiter, SleepingWaiter, Waiter, Wake, follow
from dlt_pipeline.following.rounds import Round
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.warehouse.database import warehouse_path

if TYPE_CHECKING:
    from dlt_pipeline.stream import StreamWaiter


def tell_round(done: Round) -> str:
    """Say when it ended, what came, up to when the symbols are covered, and whether it is published or why not."""
    gone = [f"{symbol} is not listed any more: what is loaded of it stays" for symbol in done.delisted]
    parts = [_loaded(done), *gone, *_failures(done), _published(done)]
    return f"{done.ended_at:%Y-%m-%d %H:%M:%S}  {'; '.join(part for part in parts if part)} ({done.seconds:.1f} s)"


def _loaded(done: Round) -> str:
    if not done.reached:
        return ""
    count = len(done.reached)
    text = f"{sum(done.trades.values()):,} trades; {count} symbol{'s' * (count > 1)} covered to "
    text += show_ns(min(done.reached.values()))
    missing = sum(done.missing_ids.values())
    return f"{text}; {missing:,} ids are missing at Kraken's side" if missing else text


def _failures(done: Round) -> list[str]:
    return [f"{symbol} FAILED: {str(error).rstrip('.')}" for symbol, error in done.failures.items()]


def _published(done: Round) -> str:
    how = "checked and published" if done.is_check else "published"
    if done.trouble:
        published = f"{how}, but then: " if done.published else "not published: "
        return f"{published}{str(done.trouble).rstrip('.')}; trying again"
    if done.published:
        return how
    if done.red:
        return f"not published: the {'check' if done.is_check else 'last check'} is RED: {done.red}"
    return "not published: nothing new" if not done.reached else "not published: stopped before"


def round_object(done: Round) -> dict[str, Any]:
    """Return a round for machines; a symbol without `covered_to` was not reached in it."""
    return {
        "round": done.number,
        "is_check": done.is_check,
        "is_fine": done.is_fine,
        "ended_at": done.ended_at.replace(tzinfo=None),
        "seconds": round(done.seconds, 1),
        "symbols": [_symbol_object(done, symbol) for symbol in done.symbols],
        "delisted": done.delisted,
        "trouble": None if done.trouble is None else str(done.trouble),
        "red": done.red or None,
        "published": None if done.published is None else published_object(done.published),
    }


def _symbol_object(done: Round, symbol: str) -> dict[str, Any]:
    reached, failure = done.reached.get(symbol), done.failures.get(symbol)
    return {
        "symbol": symbol,
        "trade_count": done.trades.get(symbol, 0),
        "covered_to": None if reached is None else utc_of_ns(reached),
        "missing_id_count": done.missing_ids.get(symbol, 0),
        "error": None if failure is None else str(failure),
    }


def run_follow(
    console: Console,
    stop: threading.Event,
    symbols: Sequence[str],
    start: str | None = None,
    once: bool = False,
    every: float | None = None,
    timeframes: str | None = None,
    stream: bool = False,
    as_json: bool = False,
) -> int:
    """Follow and say what comes of each round; return 130 once stopped, and with `once` 0, or 1 if not all is fine.

    `as_json` also prints an object a round to stdout, which is then not for the `console`.
    """
    if once and stream:
        raise BadInputError("--once makes one round and --stream hears between rounds: leave one of them out.")
    with _hearing(symbols) if stream else nullcontext() as heard:
        return _run(console, stop, symbols, start, once, every, timeframes, heard, as_json)


@contextmanager
def _hearing(symbols: Sequence[str]) -> Iterator["StreamWaiter"]:
    from dlt_pipeline.stream import StreamWaiter  # noqa: PLC0415 - brings all of ccxt.pro

    with StreamWaiter(load_settings(), tuple(dict.fromkeys(symbols))) as heard:
        try:
            yield heard
        finally:
            heard.finish(warehouse_path())


def _run(
    console: Console,
    stop: threading.Event,
    symbols: Sequence[str],
    start: str | None,
    once: bool,
    every: float | None,
    timeframes: str | None,
    heard: "StreamWaiter | None",
    as_json: bool,
) -> int:
    def tell(done: Round) -> None:
        console.print(tell_round(done), markup=False)
        if as_json:
            print_json(round_object(done), in_a_line=not once)
        if heard:
            heard.after_load(warehouse_path(), done.symbols)

    def waiter(tick: Callable[[float], object] = lambda _left: None) -> Waiter:
        return HearingWaiter(heard, tick) if heard else SleepingWaiter(tick)

    last = beside_main(
        lambda: follow(
            symbols,
            start,
            timeframes=timeframes_of(timeframes),
            once=once,
            every_seconds=every,
            stop=stop,
            on_round=tell,
            waiter=CountingDown(console, waiter) if console.is_terminal else waiter(),
            progress=lambda: ProgressListener(console),
        ),
        stop,
        lambda: console.print("Stopping after what is in hand; what is loaded will be committed."),
    )
    if stop.is_set():
        console.print("Stopped. The same command goes on where it stopped.")
        return STOPPED
    is_fine = last is not None and last.is_fine
    if console.is_terminal or not is_fine:  # cron's log is spared what is always the same
        tell_next(console, "list" if is_fine else "status")
    return 0 if is_fine else 1


class CountingDown:
    """Shows how long it is until the next round, while another waiter waits."""

    def __init__(
        self, console: Console, make_waiter: Callable[[Callable[[float], object]], Waiter] = SleepingWaiter
    ) -> None:
        """`make_waiter` makes the waiter that is told to whom to tell the seconds left."""
        self._console, self._make_waiter = console, make_waiter

    def wait(self, seconds: float, stop: threading.Event) -> Wake:
        """Wait as the other one does, under a bar that is gone afterwards."""
        text = TextColumn("next round in {task.fields[left]:.0f} s; Ctrl-C ends")
        with Progress(BarColumn(), text, console=self._console, transient=True) as bar:
            task = bar.add_task("", total=max(seconds, 0.001), left=seconds)

            def show(left: float) -> None:
                bar.update(task, completed=seconds - left, left=left)

            return self._make_waiter(show).wait(seconds, stop)
