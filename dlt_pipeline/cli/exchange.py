"""What the command `exchange` does."""

from collections.abc import Sequence
from pathlib import Path

from dlt_pipeline.cli.console import Console
from dlt_pipeline.common.time import utc_datetime
from dlt_pipeline.exchange import Clock, Feed, ReplayFeed, SyntheticFeed, run_exchange


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
