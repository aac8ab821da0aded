"""The local exchange as a command, and the demo over it: the whole way offline."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from dlt_pipeline.cli.build import build_and_tell
from dlt_pipeline.cli.console import Console, tell_next
from dlt_pipeline.cli.summary import print_summary
from dlt_pipeline.common.time import utc_datetime
from dlt_pipeline.exchange import Clock, Feed, LocalExchange, ReplayFeed, SyntheticFeed, run_exchange
from dlt_pipeline.warehouse.database import warehouse_path

# A fixed clock and seed make every run the same; 35 days hold whole weeks and a whole 15-day candle.
_NOW: Final = datetime(2026, 11, 8, 12, 34, 56, tzinfo=timezone.utc)
_DAYS: Final = 35
_START: Final = "2026-10-04"
_SEED: Final = 1
# The local exchange has no rate limit in the demo; Kraken's pace of 1 s would make it some minutes long.
_SECONDS_PER_CALL: Final = "0.001"
_QUERIES: Final = (
    "select * from kraken.candles where symbol = 'BTC/USD' and timeframe = '1h'",
    "select timeframe, status, count(*) from kraken.check_rest_candles group by all",
)


def run_demo(console: Console, stop: threading.Event) -> int:
    """Run it all in the warehouse of this folder, print and show what came out; return the exit code."""
    # They take seconds to import, which `exchange` need not.
    from dlt_pipeline.cli.files import run_report  # noqa: PLC0415
    from dlt_pipeline.cli.load import run_load  # noqa: PLC0415

    console.tells_next = False  # each part of it would tell what comes by itself
    clock = Clock(_NOW)
    feed = SyntheticFeed(_SEED, clock, days=_DAYS)
    with LocalExchange(feed, clock) as exchange, _pointed_at(exchange.base_url):
        console.print(f"Local exchange at {exchange.base_url}: {len(feed.markets)} pairs, {_DAYS} invented days.")
        code = run_load(console, stop, sorted(market.symbol for market in feed.markets), _START)
    if code:
        return code
    path = warehouse_path()
    if not build_and_tell(console, path).is_fine:
        return 1
    console.print()
    print_summary(console, path)
    for query in _QUERIES:  # to try in it
        console.print(f"  {query};", markup=False)
    code = run_report(console, path, None, (), None)
    console.tells_next = True
    tell_next(console, "show BTC/USD 1h", "list")
    return code


@contextmanager
def _pointed_at(base_url: str) -> Iterator[None]:
    """Let the loads of this process go to the local exchange, whatever the user's configuration says."""
    ours = {"SOURCES__KRAKEN__BASE_URL": base_url, "SOURCES__KRAKEN__SECONDS_PER_CALL": _SECONDS_PER_CALL}
    ours |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def run_exchange_command(
    console: Console,
    port: int,
    replay: Sequence[Path],
    seed: int,
    clock: str | None,
    days: int,
    scale: float,
    seconds_per_call: float,
    since_inclusive: bool,
) -> None:
    """Serve the local exchange until it is interrupted."""
    moment = None if clock is None else utc_datetime(clock)
    if replay:
        feed: Feed = ReplayFeed(*replay)
        time = Clock(moment) if moment else feed.default_clock()
    else:
        time = Clock(moment)
        feed = SyntheticFeed(seed, time, days=days, trades_per_day=scale)

    def tell(base_url: str) -> None:
        names = ", ".join(sorted(market.symbol for market in feed.markets))
        console.print(f"Local exchange at {base_url} with {names}; its clock says {time.now():%Y-%m-%d %H:%M:%S} UTC.")
        console.print(f"Load from it with SOURCES__KRAKEN__BASE_URL={base_url}; Ctrl-C ends it.", markup=False)

    run_exchange(
        feed,
        time,
        port=port,
        since_inclusive=since_inclusive,
        seconds_per_call=seconds_per_call,
        on_ready=tell,
    )
