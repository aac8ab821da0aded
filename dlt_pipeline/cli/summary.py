"""What the warehouse holds and proves, in less than a screen."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.cli.console import Console, Rows, print_json
from dlt_pipeline.warehouse.database import open_warehouse, require_built, require_trades

_COVERED: Final = """
    with rest as (
        select
            symbol,
            sum(compared_count)::bigint as compared,
            sum(identical_count)::bigint as equal,
            sum(unknown_here_count)::bigint as unknown
        from kraken.check_rest_summary
        group by all
    ),
    archive as (
        select
            symbol,
            sum(compared_count)::bigint as filed,
            sum(identical_count)::bigint as filed_equal
        from kraken.check_archive_summary
        group by all
    ),
    removed as (
        select symbol, sum(trade_count)::bigint as removed from kraken_internal.bare_days group by all
    ),
    empty as (select symbol, count_if(is_empty) as empty from kraken.candles where timeframe = '1m' group by all),
    ranges as (
        select
            symbol,
            strftime(min(covered_from), '%Y-%m-%d %H:%M') as covered_from,
            strftime(max(covered_to), '%Y-%m-%d %H:%M') as covered_to,
            count(*) as ranges,
            min(first_trade_id) as first_id,
            max(last_trade_id) as last_id,
            sum(trade_count)::bigint as trades,
            bool_and(are_ids_contiguous) as is_proven
        from kraken.coverage
        group by all
    )
    select
        symbol, trades, covered_from, covered_to, ranges, first_id, last_id, is_proven,
        coalesce(empty, 0), coalesce(compared, 0), coalesce(equal, 0), coalesce(removed, 0), coalesce(unknown, 0),
        coalesce(filed, 0), coalesce(filed_equal, 0)
    from ranges
    left join removed using (symbol) left join empty using (symbol)
    left join rest using (symbol) left join archive using (symbol)
    order by symbol
"""
# Trades behind what is covered are loaded, and to be proven by what comes after them.
_NEWER: Final = """
    select trades.symbol, count(*)
    from kraken.trades
    inner join kraken.coverage using (symbol)
    where coverage.is_latest and trades.time_ns >= coverage.covered_to_ns
        and trades.traded_on >= (select min(covered_to)::date from kraken.coverage where is_latest)
    group by all
"""
# Those of its columns in an object, times in UTC.
_NAMES: Final = (
    *("symbol", "trades", "covered_from", "covered_to", "parts", "first_trade_id", "last_trade_id", "is_proven"),
    *("empty_1m", "rest_compared", "rest_equal", "removed_trades", "unknown_here", "archive_compared", "archive_equal"),
    "newer_trades",
)
_CANDLES: Final = """
    select timeframe, symbol, count(*) from kraken.candles where is_closed
    group by timeframe, symbol order by min(bucket_end - bucket_start), symbol
"""
# Kraken's own candles are told of where no trades are.
_OTHERS: Final = """
    select
        symbol, timeframe, source, count(*),
        strftime(min(bucket_start), '%Y-%m-%d %H:%M'), strftime(max(bucket_end), '%Y-%m-%d %H:%M')
    from kraken.ohlcv
    where symbol not in (select symbol from kraken.coverage)
    group by symbol, timeframe, source order by symbol, min(bucket_end - bucket_start), source
"""
_SOURCES: Final = {"archive": "OHLCVT downloads", "rest": "OHLC endpoint"}


def print_summary(console: Console, path: Path, as_json: bool = False) -> None:
    """Print a row a symbol and the candles by timeframe; NothingLoadedError or NothingBuiltError before those."""
    require_trades(path, may_be_of_lake=True)
    with open_warehouse(path, read_only=True) as connection, require_built(f"The warehouse {path}"):
        covered = connection.execute(_COVERED).fetchall()
        newer: dict[str, int] = {}
        with suppress(duckdb.IOException, duckdb.HTTPException):  # a lake's trades may be out of reach
            newer = dict(connection.execute(_NEWER).fetchall())
        covered = [(*row, newer.get(row[0], 0)) for row in covered]
        candles = connection.execute(_CANDLES).fetchall()
        others = connection.execute(_OTHERS).fetchall()
    if as_json:
        print_json(_objects(covered, candles, others))
        return
    if covered:
        console.print(symbols_table(covered))
        console.print()
        console.print(candles_table(candles))
        console.print()
        for line in _remarks(covered):
            console.print(line, markup=False)
    if others:
        console.print("Kraken's own candles, not proven by trades:")
        console.print(others_table(others))
        console.print()
    if not covered and not others:
        console.print("No time of any symbol is proven yet, and none of Kraken's own candles is there.")
    console.print(f"Warehouse: {path}", markup=False)


def _objects(
    covered: list[tuple[Any, ...]], candles: list[tuple[Any, ...]], others: list[tuple[Any, ...]]
) -> Iterator[dict[str, Any]]:
    """Yield an object a symbol: what is proven, or what there is of Kraken's own candles alone."""
    for row in covered:
        counts = {name: count for name, symbol, count in candles if symbol == row[0]}
        yield {**dict(zip(_NAMES, row, strict=True)), "candles": counts}
    for symbol, own in groupby(others, key=lambda row: row[0]):
        names = ("timeframe", "source", "candles", "from", "to")
        yield {"symbol": symbol, "own_candles": [dict(zip(names, row[1:], strict=True)) for row in own]}


def symbols_table(rows: list[tuple[Any, ...]]) -> Rows:
    """Return a row a symbol with trades, of what `_COVERED` finds."""
    numbers = ("trades", "covered from", "to (UTC)", "empty 1m", "REST equal")
    table = Rows("symbol", *numbers, numbers=numbers)
    for symbol, trades, start, end, ranges, _first, _last, _is_proven, empty, compared, equal, *_ in rows:
        until = end + (f" in {ranges} parts" if ranges > 1 else "")
        table.add(symbol, f"{trades:,}", start, until, f"{empty:,}", f"{equal:,}/{compared:,}")
    return table


def others_table(rows: list[tuple[Any, ...]]) -> Rows:
    """Return a row a symbol and timeframe of Kraken's own candles, of what `_OTHERS` finds."""
    table = Rows("symbol", "timeframe", "source", "candles", "from", "to (UTC)", numbers=("candles",))
    for symbol, timeframe, source, count, start, end in rows:
        table.add(symbol, timeframe, _SOURCES[source], f"{count:,}", start, end)
    return table


def _remarks(rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """Say of the trade ids whether they are proven, and of unequal candles whether they only cannot be known."""
    for is_proven, heading in ((True, "none missing in what is covered"), (False, "NOT proven, for some are missing")):
        ids = []
        for symbol, _, _, _, ranges, first, last, is_its, *_ in rows:
            parts = f" in {ranges} parts" if ranges > 1 else ""
            if (is_its is not False) is is_proven:  # None: there are no ids
                ids.append(f"{symbol} has no ids" if first is None else f"{symbol} {first:,} to {last:,}{parts}")
        if ids:
            yield f"Trade ids, {heading}:"
        yield from (f"  {', '.join(ids[i : i + 3])}" for i in range(0, len(ids), 3))
    for symbol, *_, newer in rows:
        if newer:
            what = "trade" if newer == 1 else "trades"
            yield f"{symbol}: {newer:,} newer {what} loaded, to be proven by what follows."
    for symbol, trades, *_, removed, _unknown, _filed, _filed_equal, _newer in rows:
        if removed:
            yield f"{symbol}: of its {trades:,} trades {removed:,} are removed; their candles are kept."
    for symbol, *_, unknown, _filed, _filed_equal, _newer in rows:
        if unknown:
            yield f"{symbol}: {unknown:,} empty candles before the first loaded trade: no price is known here."
    for symbol, *_, filed, filed_equal, _newer in rows:
        if filed:
            yield f"{symbol}: {filed_equal:,} of {filed:,} candles equal those of Kraken's OHLCVT downloads."


def candles_table(rows: list[tuple[Any, ...]]) -> Rows:
    """Return a row a symbol with the number of its closed candles by timeframe."""
    timeframes = list(dict.fromkeys(name for name, _, _ in rows))
    counts = {(symbol, name): count for name, symbol, count in rows}
    table = Rows("candles", *timeframes, numbers=timeframes)
    for symbol in sorted({symbol for _, symbol, _ in rows}):
        table.add(symbol, *(f"{counts.get((symbol, name), 0):,}" for name in timeframes))
    return table
