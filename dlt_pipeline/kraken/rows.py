"""From checked answers to rows of the raw tables `pages`, `id_holes`, `rest_candles` and `markets`."""

from dataclasses import asdict
from itertools import accumulate
from typing import Any

from dlt_pipeline.common.time import utc, utc_of_ns
from dlt_pipeline.kraken.cursor import Cursor, Hole, Step
from dlt_pipeline.kraken.ledger import LedgerRow
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.page import TradePage
from dlt_pipeline.kraken.rest_candles import RestSnapshot
from dlt_pipeline.kraken.settings import NS_PER_SECOND

# What a later load reads back of a ledger row, in this order.
LEDGER_COLUMNS = (
    "covered_from_ns",
    "since",
    "asked_tail_count",
    "asked_known_trade_id",
    "next_since",
    "covered_to_ns",
    "tail_time_ns",
    "tail_count",
    "known_trade_id",
    "idless_since_id",
)


def page_row(
    market: Market, step: Step, page: TradePage, asked: Cursor, stamps: tuple[float, float], is_backfill: bool
) -> dict[str, Any]:
    """Return the ledger row of one answer; `stamps` are our clock before and after asking (Unix seconds)."""
    ids = [trade.row.trade_id for trade in step.trades if trade.row.trade_id]
    times = [trade.row.time_ns for trade in step.trades]
    highests = accumulate(times, max, initial=asked.tail_time_ns if asked.known_trade_id else 0)
    return {
        "symbol": market.symbol,
        "market_id": market.market_id,
        "since": asked.since,
        "asked_tail_count": asked.tail_count,
        "asked_known_trade_id": asked.known_trade_id,
        "last": page.last,
        "trade_count": len(page.rows),
        "new_trade_count": len(step.trades),
        "idless_count": len(step.trades) - len(ids),
        "stepped_back_count": sum(time_ns < highest for time_ns, highest in zip(times, highests, strict=False)),
        "first_trade_id": ids[0] if ids else None,
        "last_trade_id": ids[-1] if ids else None,
        "first_time_ns": min(times, default=None),
        "last_time_ns": max(times, default=None),
        "covered_from_ns": step.covered_from_ns,
        "covered_to_ns": step.cursor.covered_to_ns,
        "is_full": step.is_full,
        "is_backfill": is_backfill,
        "next_since": step.cursor.since,
        "known_trade_id": step.cursor.known_trade_id,
        "idless_since_id": step.cursor.idless_since_id,
        "tail_time_ns": step.cursor.tail_time_ns,
        "tail_count": step.cursor.tail_count,
        "missing_id_count": missing_ids(step),
        "asked_at": utc(stamps[0]),
        "answered_at": utc(stamps[1]),
        "exchange_at": utc_of_ns(page.exchange_ns),
    }


def missing_ids(step: Step) -> int:
    """Return how many ids a page lacks."""
    return sum(hole.last_id - hole.first_id + 1 for hole in step.holes)


def ledger_row(values: tuple[Any, ...]) -> LedgerRow:
    """Turn the values of LEDGER_COLUMNS back into what `page_row` was made of."""
    covered_from_ns, *asked, since, covered_to_ns, tail_time_ns, tail_count, known_trade_id, idless = values
    cursor = Cursor(since, covered_to_ns, tail_time_ns, tail_count, known_trade_id, idless)
    return LedgerRow(covered_from_ns, (asked[0], asked[1], asked[2]), cursor)


def hole_row(symbol: str, hole: Hole, times_asked: int, found: float) -> dict[str, Any]:
    """Return the row of a hole that stayed after asking `times_asked` times; `found` is Unix seconds."""
    return {
        "symbol": symbol,
        "first_missing_id": hole.first_id,
        "last_missing_id": hole.last_id,
        "from_time_ns": hole.from_ns,
        "to_time_ns": hole.to_ns,
        "times_asked": times_asked,
        "found_at": utc(found),
    }


def snapshot_rows(symbol: str, snapshot: RestSnapshot, fetched: float) -> list[dict[str, Any]]:
    """Return the rows of one OHLC answer's committed candles; `fetched` is Unix seconds."""
    fetched_at = utc(fetched)
    return [
        {
            "symbol": symbol,
            "timeframe": snapshot.timeframe,
            "timeframe_seconds": snapshot.timeframe_seconds,
            "bucket_start": utc_of_ns(candle.start * NS_PER_SECOND),
            "open": candle.open,
            "high": candle.high,
            "low": candle.low,
            "close": candle.close,
            "vwap": candle.vwap,
            "base_volume": candle.volume,
            "trade_count": candle.trade_count,
            "fetched_at": fetched_at,
        }
        for candle in snapshot.candles
    ]


def market_rows(markets: list[Market], fetched: float) -> list[dict[str, Any]]:
    """Return the rows of all pairs the exchange lists; `fetched` is Unix seconds."""
    fetched_at = utc(fetched)
    return [asdict(market) | {"fetched_at": fetched_at} for market in markets]
