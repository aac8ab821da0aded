"""A repair asks for what is not proven and nothing else, and afterwards the warehouse holds what the exchange has."""

from datetime import datetime, timezone
from pathlib import Path

import duckdb

from dlt_pipeline.building import build
from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.repair import carry_out
from dlt_pipeline.jobs.repair_plan import plan_repairs
from tests.loading.quick import NOW, quick_load

MINUTE_NS = 60 * 10**9


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def make_gaps(exchange: LocalExchange, warehouse: Path) -> None:
    """One kind a symbol, all of 6 and 7 November."""
    # Kraken's own minutes twice, 42 hours apart, beside an hour of trades.
    exchange.clock.set(at("2026-11-06T02:00:30"))
    options = {"exact": True, "timeframes": ("1m",)}
    quick_load("MINA/GBP", start="2026-11-06", end="2026-11-06T00:30", **options)
    exchange.clock.set(at("2026-11-07T20:00:30"))
    quick_load("MINA/GBP", start="2026-11-06T00:30", end="2026-11-06T01:00", **options)
    exchange.clock.set(NOW)
    quick_load("BTC/USD", start="2026-11-06", end="2026-11-06T12:00", exact=True)
    quick_load("BTC/USD", start="2026-11-07T12:00", end="2026-11-08", exact=True)
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BONK/USD", ids={300, 301, 700}, times=None))
    quick_load("BONK/USD", "ETH/USD", start="2026-11-06", end="2026-11-08")
    exchange.faults.clear()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "delete from kraken_raw.trades where symbol = 'ETH/USD' and trade_id in (100, 101, 120, 799, 800, 801)"
        )


def test_every_kind_of_gap_is_filled_by_the_calls_of_its_windows_alone(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    make_gaps(exchange, warehouse)
    assert not build(quiet=True), "lost trades turn a build red"
    plan = plan_repairs()
    print(*plan.repairs, sep="\n")
    calls = len(exchange.calls)
    report = carry_out(plan)
    made = [call for call in exchange.calls[calls:] if call.path == "Trades"]
    print(*made, sep="\n")
    print(report)
    assert report.is_whole
