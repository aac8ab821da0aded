"""Beginning and ending: in a thread, and in the foreground."""

import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

from dlt_pipeline.exchange import (
    Clock,
    ExchangeStartError,
    LocalExchange,
    LocalExchangeError,
    SyntheticFeed,
    run_exchange,
)


def test_the_thread_and_the_port_are_gone_after_the_with():
    feed = SyntheticFeed(trades_per_day=0)
    with LocalExchange(feed, Clock()) as exchange:
        url = f"{exchange.base_url}/0/public/Time"
        assert urllib.request.urlopen(url).status == 200
    assert "local-exchange" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)
    with pytest.raises(LocalExchangeError, match="not running"):
        _ = exchange.base_url


def test_a_port_in_use_is_one_clear_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ExchangeStartError, match=f"port {port} on 127.0.0.1 cannot be used .*; choose another port"
        ):
            LocalExchange(SyntheticFeed(), port=port).start()
        with pytest.raises(ExchangeStartError, match=f"port {port}"):
            run_exchange(SyntheticFeed(), port=port)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "example.org", ""])
def test_only_this_machine_is_served(host):
    with pytest.raises(ExchangeStartError, match="listens on this machine only"):
        run_exchange(SyntheticFeed(), host=host, port=0)


def test_the_foreground_exchange_ends_cleanly_when_told():
    script = (
        "from functools import partial\n"
        "from dlt_pipeline.exchange import SyntheticFeed, run_exchange\n"
        "run_exchange(SyntheticFeed(), port=0, on_ready=partial(print, flush=True))\n"
        "print('ended')\n"
    )
    command = [sys.executable, "-c", script]
    runs = {
        number: subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    for number, run in runs.items():
        base_url = run.stdout.readline().strip()
        with urllib.request.urlopen(f"{base_url}/0/public/SystemStatus") as response:
            assert b"online" in response.read()
        run.send_signal(number)
    for run in runs.values():
        out, errors = run.communicate(timeout=10)
        assert (run.returncode, out, errors) == (0, "ended\n", "")
