"""The four invented markets, further ones on demand, and what trading on each is like."""

from __future__ import annotations

from dataclasses import dataclass

from dlt_pipeline.exchange.market import Market, build_listing, market_from_listing


@dataclass(frozen=True)
class Profile:
    """A market and its habits; prices in ticks (the last decimal), volumes in 1e-8 of the base."""

    market: Market
    first_id: int
    """Most pairs of Kraken begin with 1, some with 3."""
    trades_per_day: float
    start_ticks: int
    step_ticks: float
    """How far one trade moves the price, about."""
    typical_volume: int
    volume_spread: float
    """Sigma of the logarithm of volumes."""
    busy_half_hours: int
    """How many of the day's 48 half hours see any trade at all."""
    burst_trades: int = 0
    """Trades within one millisecond on the first listed day."""


def _market(key: str, wsname: str, assets: tuple[str, str], decimals: int, order_min: str) -> Market:
    return market_from_listing(key, build_listing(wsname, *assets, decimals, order_min))


PROFILES = (
    Profile(
        market=_market("XXBTZUSD", "XBT/USD", ("XXBT", "ZUSD"), 1, "0.00005"),
        first_id=1,
        trades_per_day=2000,
        start_ticks=1_054_336,
        step_ticks=60,
        typical_volume=400_000,
        volume_spread=1.8,
        busy_half_hours=48,
        # More than a page of 1000, as on 2024-01-20: a cursor in milliseconds cannot get past it.
        burst_trades=1500,
    ),
    Profile(
        market=_market("XETHZUSD", "ETH/USD", ("XETH", "ZUSD"), 2, "0.001"),
        first_id=1,
        trades_per_day=800,
        start_ticks=351_250,
        step_ticks=45,
        typical_volume=9_000_000,
        volume_spread=1.6,
        busy_half_hours=48,
    ),
    Profile(
        market=_market("MINAGBP", "MINA/GBP", ("MINA", "ZGBP"), 4, "5"),
        first_id=3,
        trades_per_day=40,
        start_ticks=4_215,
        step_ticks=6,
        typical_volume=6_000_000_000,
        volume_spread=1.4,
        busy_half_hours=9,
    ),
    Profile(
        market=_market("BONKUSD", "BONK/USD", ("BONK", "ZUSD"), 10, "50000"),
        first_id=1,
        trades_per_day=500,
        start_ticks=123_456,
        step_ticks=30,
        # 2e8 units in the middle and some past 1e10: too wide for a DECIMAL(18,8).
        typical_volume=2 * 10**16,
        volume_spread=2.0,
        busy_half_hours=40,
    ),
)


def extra_profile(number: int) -> Profile:
    """The further market `number`, from 1: `COIN01/USD`, `COIN02/USD`, …; liquid, and without anything special."""
    coin = f"COIN{number:02}"
    return Profile(
        market=_market(f"{coin}USD", f"{coin}/USD", (coin, "ZUSD"), 2, "0.01"),
        first_id=1,
        trades_per_day=2000,
        start_ticks=10_000 + 100 * number,
        step_ticks=10,
        typical_volume=100_000_000,
        volume_spread=1.5,
        busy_half_hours=48,
    )
