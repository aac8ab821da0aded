"""The local exchange in a process of its own, so that what it costs is not counted as ours."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection

from dlt_pipeline.exchange import Clock, Feed, LocalExchange, SyntheticFeed


def invented(now: datetime, days: int, trades_per_day: Mapping[str, int]) -> Feed:
    """Return the invented feed at a clock that stands still."""
    return SyntheticFeed(1, Clock(now), days=days, trades_per_day=trades_per_day)


def _serve(link: Connection, feed: Callable[[], Feed], cores: set[int]) -> None:
    os.sched_setaffinity(0, cores)
    with LocalExchange(feed()) as exchange:
        link.send(exchange.base_url)
        link.recv()


@contextmanager
def exchange_apart(feed: Callable[[], Feed]) -> Iterator[str]:
    """Give the address of an exchange over the feed that is made in its process, and this process one core.

    The exchange has the others, if there are any.
    """
    mine = os.sched_getaffinity(0)
    core = max(mine)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, feed, mine - {core} or mine), daemon=True
    )
    process.start()
    theirs.close()
    os.sched_setaffinity(0, {core})
    try:
        yield str(ours.recv())
    finally:
        os.sched_setaffinity(0, mine)
        ours.send(None)
        process.join()
