"""A built warehouse with a gap of each kind, of 6 and 7 November."""

from datetime import datetime, timezone
from pathlib import Path

import duckdb

from dlt_pipeline.exchange import Fault, LocalExchange
from dlt_pipeline.jobs.build import build
from tests.built_parts import FOR_REPAIRS
from tests.loading.quick import NOW, quick_load

HIDDEN = {300, 301, 700}  # ids of BONK/USD, of which 300 and 301 lie within one burst


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def ns(text: str) -> int:
    return int(at(text).timestamp()) * 10**9


def make_gaps(exchange: LocalExchange, warehouse: Path) -> None:
    """One kind a symbol, then a build of what a repair reads; lost trades would turn the checks red."""
    # Kraken's own minutes twice, 42 hours apart, beside an hour of trades.
    exchange.clock.set(at("2026-11-06T02:00:30"))
    quick_load("MINA/GBP", start="2026-11-06", end="2026-11-06T00:30", exact=True, timeframes=("1m",))
    exchange.clock.set(at("2026-11-07T20:00:30"))
    quick_load("MINA/GBP", start="2026-11-06T00:30", end="2026-11-06T01:00", exact=True, timeframes=("1m",))
    exchange.clock.set(NOW)
    quick_load("BTC/USD", start="2026-11-06", end="2026-11-06T12:00", exact=True)
    quick_load("BTC/USD", start="2026-11-07T12:00", end="2026-11-08", exact=True)
    hidden = Fault("hide_ids", "Trades", pair="BONK/USD", ids=HIDDEN, times=None)
    exchange.faults.add(hidden)
    quick_load("BONK/USD", "ETH/USD", start="2026-11-06", end="2026-11-08")
    exchange.faults.clear()
    with duckdb.connect(str(warehouse)) as connection:
        lost = "(100, 101, 120, 799, 800, 801)"
        connection.execute(f"delete from kraken_raw.trades where symbol = 'ETH/USD' and trade_id in {lost}")
    assert build(warehouse, FOR_REPAIRS, quiet=True)
