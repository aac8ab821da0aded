"""The exchange that shows a tape as Kraken does: pages of trades, and its own candles of them."""

import random
from dataclasses import dataclass, field
from decimal import Decimal

from dlt_pipeline.kraken.answers import RestCandle, RestSnapshot, TradePage, TradeRow, TradeRows
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES
from tests.dbt_project.tape import PRICE_DECIMALS, SECOND, VOLUME_DECIMALS, Tape, Trade, buckets, candle

# As few of an answer's up to 720 candles as still overlap from one answer to the next.
SNAPSHOT_CANDLES = 12


def _text(units: int, decimals: int) -> str:
    return str(Decimal(units).scaleb(-decimals))


@dataclass
class TapeClient:
    """Answers for one tape as the client does, at the exchange's `now_ns`; ids in `withheld` are not shown."""

    tape: Tape
    now_ns: int
    withheld: set[int] = field(default_factory=set)
    revision: random.Random | None = None  # Kraken's candles of this answer differ from those of others

    def trades(self, _market: Market, since: int | None, count: int) -> TradePage:
        """Return the first `count` trades from `since` (inclusive; None: the newest)."""
        shown = [trade for trade in self.tape.between(since or 0, self.now_ns + 1) if trade.number not in self.withheld]
        shown = shown[-count:] if since is None else shown[:count]
        rows = [
            TradeRow(
                trade.number if trade.has_id else 0,
                trade.time_ns,
                _text(trade.price, PRICE_DECIMALS),
                _text(trade.volume, VOLUME_DECIMALS),
                "buy" if trade.is_buy else "sell",
                "limit",
                "",
            )
            for trade in shown
        ]
        return TradePage(TradeRows.of(rows), rows[-1].time_ns if rows else since, self.now_ns)

    def rest_candles(self, _market: Market, timeframe: str) -> RestSnapshot:
        """Return the newest committed candles, empty ones with the close before; also of trades that are withheld."""
        size = REST_TIMEFRAMES[timeframe] * SECOND
        filled = buckets([trade for trade in self.tape.trades if trade.time_ns <= self.now_ns], size)
        found: list[RestCandle] = []
        if filled:
            newest = self.now_ns // size * size
            oldest = max(min(filled), newest - SNAPSHOT_CANDLES * size)
            before = [trade.price for trade in self.tape.trades if trade.time_ns < oldest]
            close = Decimal(before[-1] if before else 0).scaleb(-PRICE_DECIMALS)
            for start in range(oldest, newest, size):
                found.append(_rest_candle(start, filled.get(start, []), close))
                close = Decimal(found[-1].close)
        if found and self.revision:
            number = self.revision.randrange(len(found))
            found[number] = found[number]._replace(volume="0.00000123", trade_count=found[number].trade_count + 1)
        return RestSnapshot(timeframe, size // SECOND, tuple(found))


def _rest_candle(start_ns: int, trades: list[Trade], close_before: Decimal) -> RestCandle:
    if not trades:
        return RestCandle(start_ns // SECOND, *[str(close_before)] * 4, "0", "0", 0)
    open_, high, low, close, base, _, count, *_ = candle(trades)
    units = sum(trade.price * trade.volume for trade in trades) // sum(trade.volume for trade in trades)
    vwap = Decimal(units).scaleb(-PRICE_DECIMALS)  # cut, as Kraken does
    return RestCandle(start_ns // SECOND, str(open_), str(high), str(low), str(close), str(vwap), str(base), count)
