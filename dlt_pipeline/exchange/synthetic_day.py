"""One invented day of one market: the same trades for the same seed, pair and date."""

from __future__ import annotations

import math
from datetime import date
from random import Random

from dlt_pipeline.exchange.clock import EPOCH
from dlt_pipeline.exchange.synthetic_markets import Profile
from dlt_pipeline.exchange.synthetic_times import DAY_NS, burst_times, day_times
from dlt_pipeline.exchange.trade import ExchangeTrade, shown_time

# Kraken's Trades answers show at least five decimals of a price, whatever the pair's own.
TRADE_PRICE_DECIMALS = 5
# Of trades in the same nanosecond, how many repeat the row before in everything but the id.
EQUAL_SHARE = 0.4
# Sigma of the logarithm of a day's opening price. A day is drawn to where the next one opens: days join up, yet each
# is made alone.
OPENING_SIGMA = 0.03


def day_trades(
    seed: int, profile: Profile, day: date, first_id: int, trades_per_day: float, *, is_first_day: bool
) -> list[ExchangeTrade]:
    """The day's trades, ascending, with ids from `first_id` on; the first listed day carries the burst."""
    rng = Random(f"{seed}:{profile.market.key}:{day}")  # noqa: S311  (made-up trades, no secret)
    day_ns = (day - EPOCH.date()).days * DAY_NS
    wanted = round(trades_per_day * rng.uniform(0.9, 1.1))
    times = day_times(rng, profile, day_ns, wanted)
    if is_first_day:
        times = sorted(times + burst_times(rng, profile, day_ns))
    price, goal = _opening(seed, profile, day), _opening(seed, profile, date.fromordinal(day.toordinal() + 1))
    trades: list[ExchangeTrade] = []
    for place, time_ns in enumerate(times):
        if trades and time_ns == trades[-1].time_ns and rng.random() < EQUAL_SHARE:
            trades.append(trades[-1]._replace(trade_id=first_id + place))
            continue
        price += (goal - price) / (len(times) - place) + rng.gauss(0, profile.step_ticks)
        price = max(price, 1.0)
        trades.append(
            ExchangeTrade(
                trade_id=first_id + place,
                time_ns=time_ns,
                time_text=shown_time(time_ns),
                price=price_text(round(price), profile.market.pair_decimals),
                volume=_volume(rng, profile),
                side="b" if rng.random() < 0.5 else "s",
                order_type="m" if rng.random() < 0.4 else "l",
                misc="",
            )
        )
    return trades


def price_text(ticks: int, pair_decimals: int) -> str:
    """A price in ticks as a Trades row shows it: 1054336 with one decimal is `105433.60000`."""
    whole, part = divmod(ticks, 10**pair_decimals)
    return f"{whole}.{str(part).rjust(pair_decimals, '0').ljust(TRADE_PRICE_DECIMALS, '0')}"


def _volume(rng: Random, profile: Profile) -> str:
    units = max(1, int(profile.typical_volume * math.exp(rng.gauss(0, profile.volume_spread))))
    return f"{units // 10**8}.{units % 10**8:08d}"


def _opening(seed: int, profile: Profile, day: date) -> float:
    rng = Random(f"{seed}:{profile.market.key}:{day}:open")  # noqa: S311
    return profile.start_ticks * math.exp(rng.gauss(0, OPENING_SIGMA))
