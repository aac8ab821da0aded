import json
import urllib.parse
import urllib.request

import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, ReplayFeed


@pytest.fixture
def fetch():
    """Ask an exchange as any HTTP client would; numbers with a fraction stay text."""

    def ask(exchange, method, **query):
        url = f"{exchange.base_url}/0/public/{method}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=5) as response:
            return json.loads(response.read(), parse_float=str)

    return ask


@pytest.fixture
def write_tape(tmp_path):
    """Write a hand-made recording: rows of (seconds text, price, volume), ids from 11 on; gives its folder."""

    def write(rows, pair="XBTUSDT", last=None):
        # The time goes into the file as the number text it is.
        lines = [
            f'["{price}","{volume}",{seconds},"b","l","",{number}]'
            for number, (seconds, price, volume) in enumerate(rows, start=11)
        ]
        ending = f',"last":"{last}"' if last else ""
        text = f'{{"error":[],"result":{{"{pair}":[{",".join(lines)}]{ending}}}}}'
        (tmp_path / "trades.json").write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def serve_tape(write_tape):
    """Serve a hand-made recording with a clock in seconds since the epoch, until the test ends."""
    running = []

    def serve(rows, now, *, last=None, **options):
        exchange = LocalExchange(ReplayFeed(write_tape(rows, last=last)), Clock.at_ns(int(now * 10**9)), **options)
        exchange.start()
        running.append(exchange)
        return exchange

    yield serve
    for exchange in running:
        exchange.stop()
