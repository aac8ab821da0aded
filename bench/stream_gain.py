"""What a stream gains a follower of thin pairs: REST calls a minute and delays, with and without it in turn.

A local exchange whose clock is the machine's; both followers load for real, the plain one every so many seconds, the
other when it heard news (and whom it need not ask, it does not). Takes 2 x rounds x seconds.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.load import load
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.stream import StreamWaiter

TRADES_PER_DAY = {"BTC/USD": 4000.0, "ETH/USD": 1500.0, "BONK/USD": 500.0, "MINA/GBP": 50.0}
NEVER = threading.Event()
Span = tuple[float, float]


def plain(every: float) -> Callable[[], None]:
    def once() -> None:
        began = time.monotonic()
        load(list(TRADES_PER_DAY), START, timeframes=())
        time.sleep(max(0.0, every - (time.monotonic() - began)))

    return once


def streaming(waiter: StreamWaiter, every: float, warehouse: Path) -> Callable[[], None]:
    def once() -> None:
        ask = waiter.wait(every, NEVER) or set(TRADES_PER_DAY) - waiter.quiet()
        if ask:
            load(sorted(ask), START, timeframes=())
            waiter.after_load(warehouse, sorted(ask))

    return once


def rest_delays(warehouse: Path, spans: list[Span]) -> list[float]:
    """Seconds from each trade of these spans (Unix seconds) to the REST answer that brought it."""
    query = """
        select epoch(t.traded_at), epoch(p.answered_at) - epoch(t.traded_at)
        from kraken_raw.trades as t inner join kraken_raw.pages as p
            on t.symbol = p.symbol and t._dlt_load_id = p._dlt_load_id
            and t.trade_id between p.first_trade_id and p.last_trade_id
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute(query).fetchall()
    return [delay for at, delay in found if any(begin <= at < end for begin, end in spans)]


def show(name: str, delays: list[float]) -> str:
    if not delays:
        return f"{name}: nothing traded"
    return f"{name}: median {statistics.median(delays):.2f} s, longest {max(delays):.2f} s, {len(delays)} trades"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=90, help="how long each follower runs in a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--every", type=float, default=10, help="the plain follower's pace in seconds")
    parser.add_argument("--gather", type=float, default=5, help="sources.kraken.stream_gather_seconds")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="stream-gain-"))
    warehouse = folder / "bench.duckdb"
    os.environ |= {"DLT_DATA_DIR": str(folder / "dlt"), "KRAKEN_CANDLES_WAREHOUSE": str(warehouse)}
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "SOURCES__KRAKEN__SECONDS_PER_CALL": "0.001"}
    START = datetime.now(timezone.utc).date()
    heard: list[float] = []
    calls: dict[str, int] = {"plain": 0, "stream": 0}
    spans: dict[str, list[Span]] = {"plain": [], "stream": []}

    def take(_symbol: str, trades: list[tuple[int, int]], now: float) -> None:
        delays = [now - time_ns / 1e9 for _, time_ns in trades]
        heard.extend(delay for delay in delays if delay < 5)  # a snapshot's are older

    with LocalExchange(SyntheticFeed(1, Clock(), days=1, trades_per_day=TRADES_PER_DAY, burst=False)) as exchange:
        os.environ["SOURCES__KRAKEN__BASE_URL"] = exchange.base_url
        settings = load_settings(stream_gather_seconds=options.gather)
        load(list(TRADES_PER_DAY), START, timeframes=())

        def run(name: str, once: Callable[[], None]) -> None:
            begin, before = time.time(), sum(call.path == "Trades" for call in exchange.calls)
            while time.time() - begin < options.seconds:
                once()
            calls[name] += sum(call.path == "Trades" for call in exchange.calls) - before
            spans[name].append((begin, time.time()))

        for _ in range(options.rounds):
            run("plain", plain(options.every))
            load(list(TRADES_PER_DAY), START, timeframes=())
            with StreamWaiter(settings, list(TRADES_PER_DAY), on_trades=take) as waiter:
                while not waiter.stream.is_connected:
                    time.sleep(0.1)
                waiter.wait(1, NEVER)
                waiter.after_load(warehouse)
                run("stream", streaming(waiter, options.every, warehouse))
                waiter.finish(warehouse)
            load(list(TRADES_PER_DAY), START, timeframes=())

    for name, count in calls.items():
        minutes = sum(end - begin for begin, end in spans[name]) / 60
        print(f"{name}: {count / minutes:.1f} Trades calls a minute for {len(TRADES_PER_DAY)} symbols")
        print(show("  trade to the REST answer that brought it", rest_delays(warehouse, spans[name])))
    print(f"calls with the stream / without: {calls['stream'] / calls['plain']:.2f}")
    print(show("trade to being heard on the stream", heard))
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        print(
            connection.sql(
                "select sum(heard_count) heard, sum(missing_in_stream) missed, sum(not_in_rest) not_in_rest "
                "from kraken_ops.streamed_stretches"
            )
        )
