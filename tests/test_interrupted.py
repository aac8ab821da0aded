"""A load that is interrupted, by Ctrl-C or a full disk: a sentence, and nothing is lost."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from dlt_pipeline import build, load
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.publishing.unchanged import BROKEN_OFF, last_checks
from tests.conftest import Place, small_disk
from tests.truth import expected_trades, loaded_trades

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)


def test_ctrl_c_stops_after_the_chunk_in_hand_and_the_same_command_resumes(
    serve: Callable[..., LocalExchange], place: Place
) -> None:
    feed = SyntheticFeed(3, Clock(NOW), days=1, trades_per_day=10.0)
    exchange = serve(feed, Clock(NOW))
    arguments = ("load", "BTC/USD", "--start", "2026-11-07", "--timeframes", "1h", "--json")
    slow = place.environment(SOURCES__KRAKEN__SECONDS_PER_CALL="0.3", PYTHONUNBUFFERED="1")
    process = subprocess.Popen(
        place.command(*arguments), env=slow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    while sum(call.path == "Trades" for call in exchange.calls) < 4:  # of some thirty
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.stdout.read()
    assert process.wait() == 130
    assert "Stopping after the page in hand" in said
    assert "Run the same command again to resume" in said
    assert "Traceback" not in said
    kept = loaded_trades(place.warehouse, "BTC/USD")
    told = json.loads(said[said.index("{\n") :])
    assert (told["is_stopped"], told["symbols"][0]["trade_count"]) == (True, len(kept))
    truth = expected_trades(feed, "BTC/USD", exchange.clock.now_ns())
    assert 0 < len(kept) < len(truth)
    assert kept == truth[: len(kept)]
    load(["BTC/USD"], "2026-11-07", timeframes=["1h"])
    assert loaded_trades(place.warehouse, "BTC/USD") == truth


@small_disk
def test_a_full_disk_is_said_and_once_there_is_space_nothing_is_lost(
    serve: Callable[..., LocalExchange], place: Place, tmp_path: Path
) -> None:
    feed = SyntheticFeed(3, Clock(NOW), days=1, trades_per_day=5.0)
    exchange = serve(feed, Clock(NOW))
    disk = tmp_path / "disk"
    disk.mkdir()
    command = " ".join(place.command("load", "BTC/USD", "--start", "2026-11-07", "--timeframes", "1h"))
    script = f"""
        mount -t tmpfs -o size=1600k tmpfs {disk}
        {command}; echo "first: $?"
        mount -o remount,size=100m {disk}
        {command}; echo "second: $?"
        cp {disk}/warehouse.duckdb* {tmp_path}/
    """
    environment = place.environment(KRAKEN_CANDLES_WAREHOUSE=str(disk / "warehouse.duckdb"))
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )
    said = done.stdout + done.stderr
    assert "first: 1" in said, said
    assert "No space is left on the disk of the warehouse" in said
    assert "Traceback" not in said
    assert "second: 0" in said, said
    assert loaded_trades(tmp_path / "warehouse.duckdb", "BTC/USD") == expected_trades(
        feed, "BTC/USD", exchange.clock.now_ns()
    )


def test_ctrl_c_ends_a_build_with_a_sentence(serve: Callable[..., LocalExchange], place: Place) -> None:
    serve(SyntheticFeed(3, Clock(NOW), days=1), Clock(NOW))
    load(["MINA/GBP"], "2026-11-07", timeframes=())
    process = subprocess.Popen(
        place.command("build", "--verbose"),
        env=place.environment(PYTHONUNBUFFERED="1"),
        cwd=place.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert any("OK created" in line for line in process.stdout)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said = process.stdout.read()
    assert process.wait() == 130
    _, is_said, after = said.partition("Build stopped; tables that were built stay. Run the same command again.")
    assert is_said, said
    # a model in hand goes on until the process ends, which dbt may still tell
    assert all(re.match(r"\d\d:\d\d:\d\d  \S", line) for line in after.splitlines() if line.strip()), said
    assert "Traceback" not in said
    assert last_checks(place.warehouse)[1] == [BROKEN_OFF], "`status` tells it"  # type: ignore[index]
    part = ("--select", "+trades", "--indirect-selection", "cautious")
    assert build(place.warehouse, part, quiet=True), "the warehouse is free and whole"


def test_a_reader_that_goes_away_ends_nothing(serve: Callable[..., LocalExchange], place: Place) -> None:
    """`kraken-candles … | head -1`: the output is lost, the work is not."""
    feed = SyntheticFeed(3, Clock(NOW), days=1)
    exchange = serve(feed, Clock(NOW))
    loading, part = "load MINA/GBP --start 2026-11-07 --timeframes 1h", "build --select stg_trades"
    for command in (loading, part, "jobs list"):
        piped = " ".join(place.command()) + f" {command} | true; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", piped],
            env=place.environment(),
            cwd=place.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in done.stderr, command
        assert "Logging error" not in done.stderr, command
        assert done.returncode == 0, (command, done.stderr)
    assert loaded_trades(place.warehouse, "MINA/GBP") == expected_trades(feed, "MINA/GBP", exchange.clock.now_ns())
