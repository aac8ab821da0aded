"""When an invented day's trades happen: groups, bucket borders, and silence in between."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from dlt_pipeline.exchange.synthetic_markets import Profile

NS = 10**9
DAY_NS = 86_400 * NS
HALF_HOUR_NS = 1_800 * NS
MS = 10**6
# A share of trades comes in groups, as a large order meets many small ones.
GROUP_SHARE = 0.25
MAX_GROUP = 17
# A day has one border more than one in so many trades, and the first and last instant on a busy market.
TRADES_PER_BORDER = 150
# Straight on the border, 1 ns before (shown on it, as float64 steps by 238 ns) and 300 ns before (shown before it).
BORDER_OFFSETS = (-300, -1, 0, 0)


def day_times(rng: Random, profile: Profile, day_ns: int, wanted: int) -> list[int]:
    """About `wanted` ascending true times (ns) within the UTC day that begins at `day_ns`."""
    half_hours = rng.sample(range(48), profile.busy_half_hours)
    times: list[int] = []
    while len(times) < wanted:
        at = day_ns + rng.choice(half_hours) * HALF_HOUR_NS + rng.randrange(HALF_HOUR_NS)
        times += _group(rng, at) if rng.random() < GROUP_SHARE else [at]
    for _ in range(1 + wanted // TRADES_PER_BORDER if wanted else 0):
        times += _border(day_ns + rng.choice(half_hours) * HALF_HOUR_NS + 60 * NS * rng.randrange(1, 30))
    if profile.busy_half_hours == 48 and wanted:
        times += [day_ns, day_ns + DAY_NS - 1]
    return sorted(time for time in times if day_ns <= time < day_ns + DAY_NS)


def burst_times(rng: Random, profile: Profile, day_ns: int) -> list[int]:
    """Ascending, distinct true times (ns) of the burst at noon: all within one millisecond."""
    noon = day_ns + DAY_NS // 2 + 250 * MS
    return sorted(noon + offset for offset in rng.sample(range(MS), profile.burst_trades))


def _group(rng: Random, at: int) -> list[int]:
    size = rng.choice((2, 2, 2, 3, 3, 4, 6, MAX_GROUP))
    kind = rng.random()
    if kind < 0.5:
        return [at] * size
    if kind < 0.75:
        # Begin where a float64 stands: a few ns further all of them show the same time.
        shown = int(Decimal(at / NS) * NS)
        return [shown + offset for offset in sorted(rng.sample(range(100), size))]
    return [at + offset for offset in sorted(rng.sample(range(MS), size))]


def _border(border_ns: int) -> list[int]:
    return [border_ns + offset for offset in BORDER_OFFSETS]
