"""A tape: everything that was ever traded in one made-up market."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from dlt_pipeline.kraken.markets import Market
from tests.dbt_project import raw

SECOND, MINUTE, HOUR, DAY = 10**9, 60 * 10**9, 3600 * 10**9, 86400 * 10**9
# Around a year's end, so long that one bucket of 15 days (19 December to 3 January) and two weeks lie wholly inside.
START, END = raw.ns("2023-12-18 12:00:00"), raw.ns("2024-01-06 00:00:00")
PRICE_DECIMALS, VOLUME_DECIMALS = 2, 8


class Trade(NamedTuple):
    """A trade: `number` counts from 1 and is its id where `has_id`; price and volume in units of their last decimal."""

    number: int
    time_ns: int
    price: int
    volume: int
    has_id: bool

    @property
    def is_buy(self) -> bool:
        """Whether its taker bought."""
        return self.volume % 2 == 1


def candle(trades: list[Trade]) -> tuple[Any, ...]:
    """Prices, base and quote volume, trade count, what takers bought of the three, both ids: a plain loop, exact."""
    prices = [Decimal(trade.price).scaleb(-PRICE_DECIMALS) for trade in trades]
    ids = [trade.number for trade in trades if trade.has_id]
    span = min(ids, default=None), max(ids, default=None)
    bought = _sums([trade for trade in trades if trade.is_buy])
    return (prices[0], max(prices), min(prices), prices[-1], *_sums(trades), *bought, *span)


def _sums(trades: list[Trade]) -> tuple[Decimal, Decimal, int]:
    base = sum(trade.volume for trade in trades)
    quote = sum(trade.price * trade.volume for trade in trades)
    return Decimal(base).scaleb(-VOLUME_DECIMALS), Decimal(quote).scaleb(-PRICE_DECIMALS - VOLUME_DECIMALS), len(trades)


def buckets(trades: list[Trade], size_ns: int, offset_ns: int = 0) -> dict[int, list[Trade]]:
    """Trades by the start (ns) of their bucket."""
    found: dict[int, list[Trade]] = {}
    for trade in trades:
        found.setdefault((trade.time_ns - offset_ns) // size_ns * size_ns + offset_ns, []).append(trade)
    return found


def _times(chance: random.Random, count: int, hurry: float) -> Iterator[int]:
    """Ascending times: bursts, ties, both sides of borders to the ns, and quiet days."""
    time_ns, burst = START + chance.randint(0, 6) * HOUR, 0
    for _ in range(count):
        kind = chance.choice(
            ["tie"] * 5 + ["1ns"] * 2 + ["1s"] * 4 + ["40s"] * 4 + ["30m", "border", "border"] * 2
            + ["hour", "midnight", "before midnight", "5h", "quiet"]
        )  # fmt: skip
        if kind in ("tie", "1ns") and burst >= 4:  # a page must be able to show a moment's trades
            kind = "1s"
        burst = burst + 1 if kind in ("tie", "1ns") else 0
        fixed = {"tie": 0, "1ns": 1, "1s": SECOND - 1, "40s": 40 * SECOND, "30m": 1800 * SECOND, "5h": 5 * HOUR}
        fixed |= {"border": MINUTE - time_ns % MINUTE, "hour": HOUR - time_ns % HOUR, "midnight": DAY - time_ns % DAY}
        fixed |= {"before midnight": max(1, DAY - time_ns % DAY - 1), "quiet": int(1.3 * DAY)}
        step = fixed[kind]
        if step > MINUTE and "midnight" not in kind and kind != "hour":
            step = int(step * hurry * chance.uniform(0.5, 1.5))
        time_ns += step
        yield time_ns


@dataclass
class Tape:
    """One market's trades, ascending in number and time, all before END."""

    symbol: str
    trades: list[Trade]

    @property
    def market(self) -> Market:
        """The market as the exchange lists it."""
        name = self.symbol.replace("/", "")
        return Market(self.symbol, name, name, None, name[:3], name[3:], PRICE_DECIMALS, VOLUME_DECIMALS, "online")

    def between(self, from_ns: int, to_ns: int) -> list[Trade]:
        """The trades of [from_ns, to_ns)."""
        return [trade for trade in self.trades if from_ns <= trade.time_ns < to_ns]


def random_tape(symbol: str, chance: random.Random, count: int, hurry: float, idless: bool) -> Tape:
    """Make a tape of at most `count` trades; `hurry` scales its quiet stretches, `idless` hides the ids of two runs."""
    hidden: set[int] = set()
    if idless:
        for _ in range(2):
            begin = chance.randint(1, count)
            hidden |= set(range(begin, begin + chance.randint(5, count // 4)))
        hidden |= {chance.randint(1, count) for _ in range(5)}
    trades = [
        Trade(number, time_ns, chance.randint(9000, 11000), chance.randint(1, 10**12), number not in hidden)
        for number, time_ns in enumerate(_times(chance, count, hurry), start=1)
        if time_ns < END
    ]
    return Tape(symbol, trades)
