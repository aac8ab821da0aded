"""A list of trades that answers pages as Kraken does, in memory, for property tests of the paging rules."""

from dataclasses import dataclass, field

from dlt_pipeline.kraken.page import TradePage, TradeRow

BASE_NS = 1_762_795_433 * 10**9
DAY_NS = 86_400 * 10**9


def displayed(time_ns: int, decimals: int) -> int:
    """What Kraken shows of a time: seconds through a float64, printed with so many decimals; here as ns."""
    whole, _, fraction = f"{time_ns / 10**9:.{decimals}f}".partition(".")
    return int(whole) * 10**9 + int(fraction.ljust(9, "0"))


@dataclass
class SimulatedExchange:
    """Trades as (true ns, id or 0), ascending; only those up to `now_ns` are visible."""

    trades: list[tuple[int, int]]
    inclusive: bool
    decimals: int = 7
    drop_last_every: int = 0
    now_ns: int = BASE_NS + DAY_NS
    asked: int = 0
    lies: dict[int, int] = field(default_factory=dict)
    """Answers, counted from 1, that are cut short, and how many of their rows stay."""
    rows: list[TradeRow] = field(init=False)

    def __post_init__(self) -> None:
        shown = 0
        self.rows = []
        for number, (time_ns, trade_id) in enumerate(self.trades):
            shown = max(shown, displayed(time_ns, self.decimals))
            # The price tells the trades apart for the test alone; the rules never look at it.
            self.rows.append(TradeRow(trade_id, shown, f"{number}.5", "1", "buy", "market", ""))

    def trades_since(self, since: int | None, count: int) -> TradePage:
        self.asked += 1
        found = [
            (time_ns, row)
            for (time_ns, _), row in zip(self.trades, self.rows, strict=True)
            if time_ns <= self.now_ns and (since is None or time_ns > since or (self.inclusive and time_ns == since))
        ]
        found = found[-count:] if since is None else found[:count]
        if self.asked in self.lies:
            found = found[: self.lies[self.asked]]
        last: int | None = found[-1][0] if found else since
        if self.drop_last_every and self.asked % self.drop_last_every == 0:
            last = None
        return TradePage(tuple(row for _, row in found), last, self.now_ns)
