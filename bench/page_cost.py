"""A page of 1000 trades from the local exchange to an Arrow table: the exact, checked way against plainer ones.

What counts is the CPU of this process: the exchange runs in another one, as Kraken does.
"""

import json
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import ccxt
import pyarrow as pa
import requests
from apart import exchange_apart, invented
from ratios import Figure, compare, cpu_ratio, median, print_figures

from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.cursor import start_at, take
from dlt_pipeline.kraken.markets import find_market
from dlt_pipeline.kraken.raw_tables import trades_table
from dlt_pipeline.kraken.settings import load_settings

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)


def measure(_: Path, rounds: int) -> list[Figure]:
    """Fetch the same page each way, in turn."""
    with exchange_apart(partial(invented, NOW, 2, {"BTC/USD": 5_000})) as base_url:
        client = KrakenClient(load_settings(base_url=base_url, seconds_per_call=0.0))
        market = find_market(client.markets(), "BTC/USD")
        since = int(datetime(2026, 11, 6, tzinfo=timezone.utc).timestamp()) * 10**9
        plain = requests.Session()
        unified = ccxt.kraken({"urls": {"api": {"public": base_url}}, "rateLimit": 0})
        unified.load_markets()

        def fetch() -> list[object]:
            answer = plain.get(f"{base_url}/0/public/Trades", params={"pair": "XXBTZUSD", "since": since})
            return json.loads(answer.text)["result"]["XXBTZUSD"]

        def exact() -> pa.Table:
            page = client.trades(market, since, 1000)
            return trades_table("BTC/USD", take(start_at(since), page, 1000, None, 0).trades)

        assert (exact().num_rows, len(fetch())) == (1000, 1000)
        runs = compare(
            {
                "fetch and decode through floats": fetch,
                "ours: exact, checked, Arrow": exact,
                "ccxt fetch_trades": lambda: unified.fetch_trades("BTC/USD", since // 10**6, 1000),
            },
            rounds,
        )
    _, ours, theirs = runs.values()
    detail = f"{median(ours).cpu * 1000:.1f} ms and {median(theirs).cpu * 1000:.1f} ms of CPU, without the exchange's"
    return [
        Figure(
            "a page of 1,000 trades, exact and checked, over ccxt's fetch_trades",
            cpu_ratio(ours, theirs),
            "at most 0.33",
            detail=detail,
        )
    ]


if __name__ == "__main__":
    print_figures(measure(Path(), rounds=30))
