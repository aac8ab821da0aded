"""What `candles` must say of closed buckets, by plain loops over the tape and no SQL."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dlt_pipeline.kraken.settings import STEP_BACK_LIMIT_NS
from tests.dbt_project import raw
from tests.dbt_project.random_archives import current_spans
from tests.dbt_project.random_loads import World
from tests.dbt_project.raw_warehouse import Package
from tests.dbt_project.tape import SECOND, VOLUME_DECIMALS, Trade, buckets, candle

Span = tuple[int, int]  # half-open, ns
# Whether the models know, of a jump of ids between two pages, every trade without id that used one of them up. Not yet:
# they count between the pages' last and first times and miss those beside, so that a proven bucket may be absent.
SEAMS_COUNT_TRADES_WITHOUT_ID = False
PRICES = ("open", "high", "low", "close")
TAKEN = ("taker_buy_base_volume", "taker_buy_quote_volume", "taker_buy_count")
FIELDS = (*PRICES, "base_volume", "quote_volume", "trade_count", *TAKEN, "first_trade_id", "last_trade_id")


def wrong_candles(world: World, candles: pa.Table, timeframes: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """Say which closed rows are not the tape's, and which proven buckets have none; also how many rows were checked."""
    wrong: list[str] = []
    closed: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    starts = candles["bucket_start"].cast(pa.int64()).to_pylist()  # microseconds
    checked = 0
    for start_us, row in zip(starts, candles.to_pylist(), strict=True):
        if row["is_closed"]:
            closed.setdefault((row["symbol"], row["timeframe"]), {})[start_us * 1000] = row
            checked += 1
    for symbol, tape in world.tapes.items():
        files = current_spans(world.editions, symbol)
        certain = _union([*proven(world.complete, symbol, tape.trades), *files])
        for timeframe in timeframes:
            size, offset = timeframe["seconds"] * SECOND, timeframe.get("offset_seconds", 0) * SECOND
            rows = closed.pop((symbol, timeframe["name"]), {})
            filled = buckets(tape.trades, size, offset)
            wrong += _unlike(rows, filled, tape.trades, has_files=bool(files))
            for from_ns, to_ns in certain:
                first = -(-(from_ns - offset) // size) * size + offset
                lacking = [start for start in range(first, to_ns - size + 1, size) if start not in rows]
                wrong += [
                    f"{symbol} {timeframe['name']} {raw.timestamp(start)} is proven and absent" for start in lacking
                ]
    wrong += [f"{symbol} {timeframe} should not be there" for symbol, timeframe in closed]
    return wrong, checked


def ids_of_tapes(world: World) -> set[tuple[str, int, Decimal, int]]:
    """Symbol, time (ns), volume and true id of each trade, shown with its id or not."""
    return {
        (symbol, trade.time_ns, Decimal(trade.volume).scaleb(-VOLUME_DECIMALS), trade.number)
        for symbol, tape in world.tapes.items()
        for trade in tape.trades
    }


def _unlike(
    rows: Mapping[int, dict[str, Any]], filled: Mapping[int, list[Trade]], trades: Sequence[Trade], has_files: bool
) -> list[str]:
    """Compare each row with its bucket; a price in an empty bucket must be the close before it.

    Where files without ids are imported, a candle may lack ids, and with them what takers bought.
    """
    fields = FIELDS[:-2] if has_files else FIELDS
    wrong = []
    number, close = 0, None
    for start_ns in sorted(rows):
        row = rows[start_ns]
        while number < len(trades) and trades[number].time_ns < start_ns:
            number, close = number + 1, trades[number].price
        label = f"{row['symbol']} {row['timeframe']} {row['bucket_start']}"
        if start_ns in filled:
            expected = candle(filled[start_ns])[: len(fields)]
            actual = tuple(row[field] for field in fields)
            if has_files and row["taker_buy_count"] is None:
                expected = tuple(None if field in TAKEN else one for field, one in zip(fields, expected, strict=True))
            if actual != expected:
                wrong.append(f"{label} is {actual}, the tape says {expected}")
        elif not row["is_empty"] or row["trade_count"] or row["base_volume"]:
            wrong.append(f"{label} holds trades, the tape has none")
        elif row["close"] is not None and (close is None or row["close"] * 100 != close):
            wrong.append(f"{label} carries {row['close']} forward, the close before is {close} hundredths")
    return wrong


def proven(packages: Iterable[Package], symbol: str, trades: Sequence[Trade]) -> list[Span]:
    """Where buckets must be there: what complete loads cover, less where a missing trade may have cast a doubt.

    Doubt reaches from the last trade with an id before it to the first one after it, for there a jump of ids is seen,
    and a millisecond further.
    """
    packages = list(packages)
    mine = [row for package in packages for row in package.rows("trades") if row["symbol"] == symbol]
    brought = {(row["time_ns"], int(row["volume"].scaleb(VOLUME_DECIMALS))) for row in mine}
    are_here = [(trade.time_ns, trade.volume) in brought for trade in trades]
    with_id = [trade.time_ns for trade, is_here in zip(trades, are_here, strict=True) if is_here and trade.has_id]
    doubts: list[Span] = []
    for trade, is_here in zip(trades, are_here, strict=True):
        if not is_here or not (trade.has_id or SEAMS_COUNT_TRADES_WITHOUT_ID):
            before = [time for time in with_id if time <= trade.time_ns]
            after = [time for time in with_id if time >= trade.time_ns]
            lies_between = bool(before and after)
            doubts.append((before[-1], after[0] + 1) if lies_between else (trade.time_ns, trade.time_ns + 1))
    ids = {row["trade_id"] for row in mine}
    for package in packages:
        for hole in package.rows("id_holes"):
            run = range(hole["first_missing_id"], hole["last_missing_id"] + 1)
            if hole["symbol"] == symbol and not ids.issuperset(run):
                doubts.append((hole["from_time_ns"], hole["to_time_ns"] + 1))
    pages = [row for package in packages for row in package.rows("pages") if row["symbol"] == symbol]
    parts = [row for package in packages for row in package.rows("archive_parts") if row["symbol"] == symbol]
    pages += [row for row in parts if row["format"] == "trades_with_ids"]
    wide = _union((from_ns - STEP_BACK_LIMIT_NS, to_ns + STEP_BACK_LIMIT_NS) for from_ns, to_ns in doubts)
    return _less(_union((row["covered_from_ns"], row["covered_to_ns"]) for row in pages), wide)


def _union(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for from_ns, to_ns in sorted(span for span in spans if span[0] < span[1]):
        if merged and from_ns <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], to_ns))
        else:
            merged.append((from_ns, to_ns))
    return merged


def _less(spans: list[Span], holes: list[Span]) -> list[Span]:
    left = spans
    for hole_from, hole_to in holes:
        cut = [piece for a, b in left for piece in ((a, min(b, hole_from)), (max(a, hole_to), b))]
        left = [(a, b) for a, b in cut if a < b]
    return left
