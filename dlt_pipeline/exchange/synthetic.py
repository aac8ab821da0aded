"""The invented feed: four markets whose trades follow from a seed, made day by day as they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date, timedelta

from dlt_pipeline.exchange.clock import Clock, to_datetime
from dlt_pipeline.exchange.feed import Feed
from dlt_pipeline.exchange.market import Market
from dlt_pipeline.exchange.series import TradeSeries
from dlt_pipeline.exchange.synthetic_day import day_trades
from dlt_pipeline.exchange.synthetic_markets import PROFILES, extra_profile
from dlt_pipeline.exchange.trade import ExchangeTrade


class SyntheticFeed(Feed):
    """BTC/USD and ETH/USD (liquid), MINA/GBP (thin, ids from 3), BONK/USD (micro price, huge volumes).

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
        super().__init__([profile.market for profile in profiles])
        self._clock = clock or Clock()
        self._seed = seed
        self._burst = burst
        self.listed_on = listed_on or self._clock.now().date() - timedelta(days=days)
        self._profiles = {profile.market.key: profile for profile in profiles}
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
