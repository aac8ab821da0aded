"""One symbol's rate through `load`, and that of many side by side, where one call a second and pair is enforced.

The exchange runs in a process of its own with a ticking clock; its trades are made before anything is timed.
"""

import itertools
import multiprocessing
import os
import resource
import tempfile
import time
from datetime import datetime, timedelta, timezone
from multiprocessing.connection import Connection
from pathlib import Path

from ratios import Figure, print_figures

from dlt_pipeline import load
from dlt_pipeline.exchange import Call, Clock, LocalExchange, SyntheticFeed, displayed_ns
from dlt_pipeline.kraken.load import load_request
from dlt_pipeline.kraken.request import Window, make_windows_request

NOW = datetime(2026, 11, 8, tzinfo=timezone.utc)
DAYS = 3
FIRST_SECONDS = 10


def serve(pages: int, markets: int, seconds: float, line: Connection) -> None:
    clock = Clock(NOW, ticking=True)
    # Days differ by a tenth in size; each symbol is loaded up to the same number of trades.
    per_day = {f"COIN{number:02}/USD": 1.15 * pages * 1000 / DAYS for number in range(1, markets + 1)}
    feed = SyntheticFeed(1, clock, days=DAYS, trades_per_day=per_day, extra_markets=markets)
    ends = {symbol: displayed_ns(feed.trades(symbol, clock.now_ns())[999 * pages]) for symbol in per_day}
    with LocalExchange(feed, clock, seconds_per_call=seconds) as exchange:
        line.send((exchange.base_url, ends))
        while line.recv() == "calls":
            line.send(exchange.calls)


def load_all(ends: dict[str, int], folder: Path, line: Connection, before: int) -> tuple[float, list[Call]]:
    start_ns = int((NOW - timedelta(days=DAYS)).timestamp()) * 10**9
    windows = {symbol: [Window(start_ns, end_ns, start_ns, end_ns)] for symbol, end_ns in ends.items()}
    began, cpu = time.perf_counter(), time.process_time()
    report = load_request(make_windows_request(windows, ()), warehouse=folder / f"{len(ends)}-{before}.duckdb")
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert not report.failures, report.failures
    line.send("calls")
    calls = line.recv()[before:]
    trades = sum(report.trades.values())
    print(f"\n{len(ends)} symbols: {trades:,} trades in {seconds:.1f} s, {trades / seconds:,.0f} a second")
    by_pair: dict[str, list[float]] = {}
    for call in calls:
        if call.path == "Trades":
            by_pair.setdefault(call.query["pair"], []).append(call.at)
    paces = [(len(at) - 1) / (at[-1] - at[0]) for at in by_pair.values()]
    print(f"  calls a second for each pair: {min(paces):.3f} to {max(paces):.3f}")
    stalls = max(second - first for at in by_pair.values() for first, second in itertools.pairwise(at))
    print(f"  longest time between two calls of a pair: {stalls:.2f} s")
    limited = [call.at - calls[0].at for call in calls if call.is_limited]
    early = sum(at <= FIRST_SECONDS for at in limited)
    print(f"  rate-limit answers: {early} in the first {FIRST_SECONDS} s, {len(limited) - early} after")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  this process: {cpu / seconds:.0%} of a core, {peak:,.0f} MB at the most so far")
    return trades / seconds, calls


def run(folder: Path, symbols: int, pages: int, seconds: float) -> float:
    """Return how many times one symbol's rate so many reach together."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=serve, args=(pages, symbols + 1, seconds, theirs), daemon=True
    )
    child.start()
    folder.mkdir()
    base_url, ends = ours.recv()
    os.environ.update(
        SOURCES__KRAKEN__BASE_URL=base_url,
        SOURCES__KRAKEN__SECONDS_PER_CALL=str(seconds),
        RUNTIME__DLTHUB_TELEMETRY="false",
        RUNTIME__LOG_LEVEL="CRITICAL",
        DLT_DATA_DIR=str(folder / "dlt"),
    )
    load(["MINA/GBP"], NOW - timedelta(days=1), NOW, timeframes=(), warehouse=folder / "warm-up.duckdb")
    ours.send("calls")
    seen = len(ours.recv())
    first, *others = ends
    one, calls = load_all({first: ends[first]}, folder, ours, seen)
    many, _ = load_all({symbol: ends[symbol] for symbol in others}, folder, ours, seen + len(calls))
    ours.send("end")
    child.join()
    return many / one


def measure(folder: Path, is_quick: bool) -> list[Figure]:
    """Load 8 and 30 symbols side by side, each beside one alone, at one call a second and pair."""
    shapes = ((2, 1.9, 5, 0.1),) if is_quick else ((8, 7.6, 60, 1.0), (30, 27, 60, 1.0))
    return [
        Figure(
            f"{symbols} symbols side by side over one, a call every {seconds:g} s and pair: trades a second",
            run(folder / f"{symbols}", symbols, pages, seconds),
            f"at least {bound}",
            detail=f"{pages} pages each",
        )
        for symbols, bound, pages, seconds in shapes
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print_figures(measure(Path(place), is_quick=False))
