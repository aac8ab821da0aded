"""The local exchange in a process of its own, so that what it costs is not counted as ours."""

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed


def _serve(link: Connection, now: datetime, days: int, trades_per_day: Mapping[str, int], cores: set[int]) -> None:
    os.sched_setaffinity(0, cores)
    feed = SyntheticFeed(1, Clock(now), days=days, trades_per_day=dict(trades_per_day))
    with LocalExchange(feed, Clock(now)) as exchange:
        link.send(exchange.base_url)
        link.recv()


@contextmanager
def exchange_apart(now: datetime, days: int, trades_per_day: Mapping[str, int]) -> Iterator[str]:
    """Give the address of an exchange, and this process one core; the exchange has the others, if there are any."""
    mine = os.sched_getaffinity(0)
    core = max(mine)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, now, days, trades_per_day, mine - {core} or mine), daemon=True
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
