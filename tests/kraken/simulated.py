"""A list of trades that answers pages as Kraken does, in memory, for property tests of the paging rules."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from dlt_pipeline.kraken.page import TradePage, TradeRow
from dlt_pipeline.kraken.rest_candles import RestCandle, RestSnapshot
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
    """Trades as (true ns, id or 0), ascending; only those up to `now_ns` are visible."""

    true_trades: list[tuple[int, int]]
    inclusive: bool
    decimals: int = 7
    drop_last_every: int = 0
    now_ns: int = BASE_NS + DAY_NS
    asked: int = 0
    lies: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Answers, counted from 1, that are not true: a kind of `_LIES` and how many rows it leaves alone or takes."""
    rows: list[TradeRow] = field(init=False)

    def __post_init__(self) -> None:
        shown = 0
        self.rows = []
        for number, (time_ns, trade_id) in enumerate(self.true_trades):
            shown = max(shown, displayed(time_ns, self.decimals))
            # The price tells the trades apart for the test alone; the rules never look at it.
            self.rows.append(TradeRow(trade_id, shown, f"{number}.5" + "0" * 11, "1", "buy", "market", ""))

    def trades(self, _market: object, since: int | None, count: int) -> TradePage:
        """Return a page as the client does."""
        self.asked += 1
        found = [
            (time_ns, row)
            for (time_ns, _), row in zip(self.true_trades, self.rows, strict=True)
            if time_ns <= self.now_ns and (since is None or time_ns > since or (self.inclusive and time_ns == since))
        ]
        found = found[-count:] if since is None else found[:count]
        if self.asked in self.lies:
            kind, number = self.lies[self.asked]
            found = LIES[kind](found, number)
        last: int | None = found[-1][0] if found else since
        if self.drop_last_every and self.asked % self.drop_last_every == 0:
            last = None
        return TradePage(tuple(row for _, row in found), last, self.now_ns)

    def rest_candles(self, _market: object, timeframe: str) -> RestSnapshot:
        """Return true candles, of which only the counts matter."""
        seconds = REST_TIMEFRAMES[timeframe]
        counts = Counter(time_ns // 10**9 // seconds for time_ns, _ in self.true_trades if time_ns <= self.now_ns)
        candles = [
            RestCandle(place * seconds, *["1"] * 4, vwap="1", volume="1", trade_count=count)
            for place, count in sorted(counts.items())
        ]
        return RestSnapshot(timeframe, seconds, tuple(candles))
