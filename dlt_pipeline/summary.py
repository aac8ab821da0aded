"""What the warehouse holds and proves, in less than a screen."""

from pathlib import Path
from typing import Any, Final

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table

from dlt_pipeline.exceptions import NothingLoadedError
from dlt_pipeline.warehouse import has_trades, open_warehouse

_COVERED: Final = """
    with compared as (
        select symbol, timeframe, bucket_start, bool_and(status = 'identical') as is_equal
        from kraken.check_rest_candles
        group by all
    ),
    rest as (select symbol, count(*) as compared, count_if(is_equal) as equal from compared group by all),
    empty as (select symbol, count_if(is_empty) as empty from kraken.candles where timeframe = '1m' group by all),
    ranges as (
        select
            symbol,
            sum(trade_count)::bigint as trades,
            strftime(min(covered_from), '%Y-%m-%d %H:%M') as covered_from,
            strftime(max(covered_to), '%Y-%m-%d %H:%M') as covered_to,
            count(*) as ranges,
            min(first_trade_id) as first_id,
            max(last_trade_id) as last_id,
            bool_and(are_ids_contiguous) as is_proven
        from kraken.coverage
        group by all
    )
    select * from ranges left join empty using (symbol) left join rest using (symbol) order by symbol
"""
_CANDLES: Final = """
    select timeframe, symbol, count(*) from kraken.candles where is_closed
    group by timeframe, symbol order by min(bucket_end - bucket_start), symbol
"""


def print_summary(console: Console, path: Path) -> None:
    """Print a row a symbol and the candles by timeframe; NothingLoadedError before the first load and build."""
    if not has_trades(path):
        raise NothingLoadedError(f"The warehouse {path} holds no trades yet; run `kraken-candles load` first.")
    with open_warehouse(path, read_only=True) as connection:
        try:
            covered = connection.execute(_COVERED).fetchall()
            candles = connection.execute(_CANDLES).fetchall()
        except duckdb.CatalogException:
            raise NothingLoadedError(
                f"The warehouse {path} is loaded but not built; run `kraken-candles build`."
            ) from None
    console.print(_symbols_table(covered))
    console.print(_candles_table(candles))
    console.print(_ids_line(covered), markup=False)
    console.print(f"Warehouse: {path}", markup=False)


def _symbols_table(rows: list[tuple[Any, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("symbol", no_wrap=True)
    for name in ("trades", "covered from", "to (UTC)", "empty 1m", "REST equal"):
        table.add_column(name, justify="right", no_wrap=True)
    for symbol, trades, start, end, ranges, _first, _last, _is_proven, empty, compared, equal in rows:
        until = end + (f" in {ranges} parts" if ranges > 1 else "")
        table.add_row(symbol, f"{trades:,}", start, until, f"{empty or 0:,}", f"{equal or 0:,}/{compared or 0:,}")
    return table


def _ids_line(rows: list[tuple[Any, ...]]) -> str:
    """Say of each symbol whether its trade ids run through each covered range without a gap."""
    parts = []
    for symbol, _, _, _, _, first, last, is_proven, *_ in rows:
        if first is None:
            parts.append(f"{symbol} has none")
        else:
            parts.append(f"{symbol} {first:,} to {last:,}" + ("" if is_proven else " NOT PROVEN"))
    return "Trade ids, without a gap in what is covered: " + "; ".join(parts)


def _candles_table(rows: list[tuple[Any, ...]]) -> Table:
    timeframes = list(dict.fromkeys(name for name, _, _ in rows))
    counts = {(symbol, name): count for name, symbol, count in rows}
    table = Table("closed candles", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in timeframes:
        table.add_column(name, justify="right")
    for symbol in sorted({symbol for _, symbol, _ in rows}):
        table.add_row(symbol, *(f"{counts.get((symbol, name), 0):,}" for name in timeframes))
    return table
