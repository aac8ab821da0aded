"""The demo on a terminal: bars while it loads, then what came out in less than a screen."""

import os
import pty
import re
import subprocess
from collections.abc import Callable
from datetime import datetime, timezone

import duckdb
import pytest

from dlt_pipeline import load
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from tests.conftest import Place
from tests.pages import PAGES


def run_on_a_terminal(place: Place, *arguments: str) -> tuple[int, str]:
    """Run a command with a pseudo-terminal as its output; returns its exit code and what it wrote."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        place.command(*arguments),
        cwd=place.folder,
        env=place.environment(COLUMNS="100", TERM="xterm"),
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    written = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # Linux ends a pseudo-terminal with an error
            break
        if not part:
            break
        written += part
    os.close(leader)
    return process.wait(), written.decode()


def rows_of_the_readme(place: Place) -> list[str]:
    columns = ("open", "high", "low", "close", "base_volume")
    shown = ", ".join(f"coalesce(rtrim(rtrim({name}::varchar, '0'), '.'), '')" for name in columns)
    rows = place.query(
        f"select strftime(bucket_start, '%Y-%m-%d %H:%M'), {shown}, trade_count, is_empty, is_closed "
        "from kraken.candles where symbol = 'MINA/GBP' and timeframe = '1h' and bucket_start >= '2026-11-08 07:00' "
        "order by bucket_start"
    )
    return [" | ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in row) for row in rows]


@pytest.mark.long
def test_the_demo_shows_bars_and_then_a_screen_of_results(place: Place) -> None:
    code, written = run_on_a_terminal(place, "demo")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    assert code == 0, text
    assert re.search(r"BTC/USD +━+ +100 %", text), "a bar for each symbol"
    assert re.search(r"building +━{24} +(\d+) of \1 ", text), "a bar for the build, to its last model or test"
    result = text[text.rindex("━") :]
    feed_symbols = ("BONK/USD", "BTC/USD", "ETH/USD", "MINA/GBP")
    for symbol in feed_symbols:
        assert re.search(rf"{symbol} .* (\d[\d,]*)/\1\s", result), f"all REST candles of {symbol} are equal"
    assert f"Built and checked: {place.warehouse}" in result
    assert re.findall(r"Next: (.*)\.\r?$", result, re.M) == ["`kraken-candles show BTC/USD 1h`, `kraken-candles list`"]
    assert f"Warehouse: {place.warehouse}" in result
    lines = [line for line in text.splitlines() if "━" not in line]  # a bar is drawn anew again and again
    assert len(lines) + len(feed_symbols) <= 44, "less than a screen"
    queries = re.findall(r"^  (select .*);", result, re.M)
    assert len(queries) == 2
    for query in queries:
        assert place.query(query)
    assert rows_of_the_readme(place) == re.findall(r"^\| (2026-.*) \|$", PAGES[0].read_text(), re.M)
    again = place.run("demo")
    assert again.returncode == 0
    assert "BTC/USD: nothing new" in again.stdout
    assert "BTC/USD: 100 %, 0 trades" in again.stdout, "plain lines where there is no terminal"


def test_the_demo_leaves_a_warehouse_of_live_trades_alone(serve: Callable[..., LocalExchange], place: Place) -> None:
    now = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
    serve(SyntheticFeed(3, Clock(now), days=1), Clock(now))
    load(["MINA/GBP"], "2026-11-08", timeframes=())
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("update kraken_raw.warehouse_versions set exchange = 'live'")
    before = place.warehouse.read_bytes()
    refused = place.run("demo")
    assert refused.returncode == 1
    assert "holds trades of a live exchange" in refused.stderr
    assert place.warehouse.read_bytes() == before
