"""The invented feed: four markets whose trades follow from a seed, made day by day as they are asked for."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from dlt_pipeline.exchange.clock import EPOCH, Clock, to_datetime
from dlt_pipeline.exchange.market import TOKENIZED, Feed, Market, build_listing, market_from_listing
from dlt_pipeline.exchange.trade import ExchangeTrade, TradeSeries, shown_time

NS = 10**9
DAY_NS = 86_400 * NS
HALF_HOUR_NS = 1_800 * NS
MS = 10**6
SATURDAY = 5
# A share of trades comes in groups, as a large order meets many small ones.
GROUP_SHARE = 0.25
MAX_GROUP = 17
# A day has one border more than one in so many trades, and the first and last instant on a busy market.
TRADES_PER_BORDER = 150
# Straight on the border, 1 ns before (shown on it, as float64 steps by 238 ns) and 300 ns before (shown before it).
BORDER_OFFSETS = (-300, -1, 0, 0)
# Kraken's Trades answers show at least five decimals of a price, whatever the pair's own.
TRADE_PRICE_DECIMALS = 5
# Of trades in the same nanosecond, how many repeat the row before in everything but the id.
EQUAL_SHARE = 0.4
# Sigma of the logarithm of a day's opening price. A day is drawn to where the next one opens: days join up, yet each
# is made alone.
OPENING_SIGMA = 0.03


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
    closes_at_weekends: bool = False
    """Whether it trades as New York's stocks do: not from Friday 20:00 there to Sunday 20:00."""


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


def _share(base: str, start_ticks: int, closes_at_weekends: bool) -> Profile:
    listing = build_listing(f"{base}/USD", base, "ZUSD", 2, "0.00000001") | {"aclass_base": TOKENIZED}
    return Profile(
        market=market_from_listing(f"{base}USD", listing),
        first_id=1,
        trades_per_day=200,
        start_ticks=start_ticks,
        step_ticks=5,
        typical_volume=50_000_000,
        volume_spread=1.5,
        busy_half_hours=13,
        closes_at_weekends=closes_at_weekends,
    )


# Of Kraken's tokenised stocks ten trade all week, the others five days.
SHARE_PROFILES = (_share("AAPLx", 26_800, False), _share("GMEx", 2_310, True))


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
    if profile.closes_at_weekends:
        # From Friday's end to Monday's second hour in UTC is closed all year round, whatever New York's clocks show.
        weekday = to_datetime(day_ns).weekday()
        times = [time for time in times if weekday < SATURDAY and (weekday or time >= day_ns + 2 * HALF_HOUR_NS)]
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


class SyntheticFeed(Feed):
    """BTC/USD and ETH/USD (liquid), MINA/GBP (thin, ids from 3), BONK/USD (micro price, huge volumes).

    Beside them the tokenised shares AAPLx/USD and GMEx/USD, listed and asked for as such; GMEx closes at weekends.

    The same seed, market and date give the same trades; ids run on from the listing day.
    """

    def __init__(
        self,
        seed: int = 1,
        clock: Clock | None = None,
        *,
        days: int = 3,
        trades_per_day: float | Mapping[str, float] = 1.0,
        listed_on: date | None = None,
        burst: bool = True,
        extra_markets: int = 0,
    ) -> None:
        """Trades begin on `listed_on`, by default `days` before the clock's day (the machine's clock where None).

        `trades_per_day` is a factor for all markets, or trades a day by symbol (markets not named keep their own).
        `burst` puts 1,500 trades into one millisecond of BTC/USD's first day. `extra_markets` adds so many further
        liquid markets, COIN01/USD and on; the trades of the others stay the same. Raises UnknownMarketError.
        """
        profiles = [*PROFILES, *(extra_profile(number) for number in range(1, extra_markets + 1))]
        super().__init__([profile.market for profile in profiles], [profile.market for profile in SHARE_PROFILES])
        self._clock = clock or Clock()
        self._seed = seed
        self._burst = burst
        self.listed_on = listed_on or self._clock.now().date() - timedelta(days=days)
        self._profiles = {profile.market.key: profile for profile in [*profiles, *SHARE_PROFILES]}
        self._wanted = {key: profile.trades_per_day for key, profile in self._profiles.items()}
        if isinstance(trades_per_day, Mapping):
            self._wanted |= {self.market(name).key: float(trades) for name, trades in trades_per_day.items()}
        else:
            self._wanted = {key: trades * trades_per_day for key, trades in self._wanted.items()}
        self._series = {key: TradeSeries(key) for key in self._profiles}
        self._next_day = dict.fromkeys(self._profiles, self.listed_on)
        # Tests read the trades while the server's thread makes them.
        self._lock = threading.Lock()

    def series(self, market: Market, up_to_ns: int) -> TradeSeries:
        """The market's trades of every whole day up to the one that holds `up_to_ns` (ns)."""
        key, last_day = market.key, to_datetime(up_to_ns).date()
        series = self._series[key]
        with self._lock:
            while self._next_day[key] <= last_day:
                series.extend(self._day(key, self._next_day[key], len(series.trades)))
                self._next_day[key] += timedelta(days=1)
        return series

    def default_clock(self) -> Clock:
        """The clock the feed was made with."""
        return self._clock

    def _day(self, key: str, day: date, known: int) -> list[ExchangeTrade]:
        profile = self._profiles[key]
        return day_trades(
            self._seed,
            profile,
            day,
            profile.first_id + known,
            self._wanted[key],
            is_first_day=self._burst and day == self.listed_on,
        )
