"""A list of trades that answers pages as Kraken does, in memory, for property tests of the paging rules."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from dlt_pipeline.kraken.answers import RestCandle, RestSnapshot, TradePage, TradeRow, TradeRows
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES

BASE_NS = 1_762_795_433 * 10**9
DAY_NS = 86_400 * 10**9

Found = list[tuple[int, TradeRow]]


def _without_ids(found: Found, _number: int) -> Found:
    return [(time_ns, row._replace(trade_id=0)) for time_ns, row in found]


def _absurd_last_id(found: Found, _number: int) -> Found:
    return [*found[:-1], *((time_ns, row._replace(trade_id=10**15)) for time_ns, row in found[-1:])]


# What an answer may do to its rows and still pass for one of Kraken's.
LIES: dict[str, Callable[[Found, int], Found]] = {
    "cut short": lambda found, number: found[:number],
    "headless": lambda found, number: found[number + 1 :],
    "one missing": lambda found, number: found[:number] + found[number + 1 :],
    "without ids": _without_ids,
    "absurd id": _absurd_last_id,
    "old": lambda found, number: found[: -number - 1],
}


def displayed(time_ns: int, decimals: int) -> int:
    """What Kraken shows of a time: seconds through a float64, printed with so many decimals; here as ns."""
    whole, _, fraction = f"{time_ns / 10**9:.{decimals}f}".partition(".")
    return int(whole) * 10**9 + int(fraction.ljust(9, "0"))


@dataclass
class SimulatedExchange:
    """Trades as (true ns, id or 0), in order; only those up to `now_ns` are visible.

    Times ascend, or step back now and then where all have ids; `finds_by_place`: of such a pair `since` shows both,
    else only what is later.
    """

    true_trades: list[tuple[int, int]]
    inclusive: bool
    decimals: int = 7
    drop_last_every: int = 0
    finds_by_place: bool = False
    now_ns: int = BASE_NS + DAY_NS
    asked: int = 0
    seconds_per_call: int = 0
    lies: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Answers, counted from 1, that are not true: a kind of `_LIES` and how many rows it leaves alone or takes."""
    rows: list[TradeRow] = field(init=False)

    def __post_init__(self) -> None:
        shown = highest = 0
        self.rows = []
        for number, (time_ns, trade_id) in enumerate(self.true_trades):
            if time_ns < highest:
                shown = displayed(time_ns, self.decimals)
            else:
                shown = max(shown, displayed(time_ns, self.decimals))
            highest = max(highest, time_ns)
            # The price tells the trades apart for the test alone; the rules never look at it.
            self.rows.append(TradeRow(trade_id, shown, f"{number}.5" + "0" * 11, "1", "buy", "market", ""))

    @property
    def steps_back(self) -> bool:
        """Whether the shown times ever do."""
        return any(row.time_ns < before.time_ns for before, row in pairwise(self.rows))

    def trades(self, _market: object, since: int | None, count: int) -> TradePage:
        """Return a page as the client does."""
        self.asked += 1
        self.now_ns += self.seconds_per_call * 10**9
        seen = [
            (time_ns, row)
            for (time_ns, _), row in zip(self.true_trades, self.rows, strict=True)
            if time_ns <= self.now_ns
        ]
        is_after = [since is None or time_ns > since or (self.inclusive and time_ns == since) for time_ns, _ in seen]
        if self.finds_by_place and any(is_after):
            found = seen[is_after.index(True) :]
        else:
            found = [each for each, after in zip(seen, is_after, strict=True) if after]
        found = found[-count:] if since is None else found[:count]
        if self.asked in self.lies:
            kind, number = self.lies[self.asked]
            told = LIES[kind](found, number)
            rows = [row for _, row in told]
            if all(row.trade_id for row in rows) or not any(one.time_ns > two.time_ns for one, two in pairwise(rows)):
                found = told  # else the check of a page refuses it, and the client asks again
        last: int | None = found[-1][0] if found else since
        if self.drop_last_every and self.asked % self.drop_last_every == 0:
            last = None
        return TradePage(TradeRows.of(row for _, row in found), last, self.now_ns)

    def rest_candles(self, _market: object, timeframe: str) -> RestSnapshot:
        """Return true candles, of which only the counts matter."""
        seconds = REST_TIMEFRAMES[timeframe]
        counts = Counter(time_ns // 10**9 // seconds for time_ns, _ in self.true_trades if time_ns <= self.now_ns)
        candles = [
            RestCandle(place * seconds, *["1"] * 4, vwap="1", volume="1", trade_count=count)
            for place, count in sorted(counts.items())
        ]
        return RestSnapshot(timeframe, seconds, tuple(candles))
