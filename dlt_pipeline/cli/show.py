"""What `show` says: the newest candles of a symbol and timeframe, and a line that draws their closes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.cli.console import Console, Rows, exact, print_json, tell_next
from dlt_pipeline.cli.looking import raw_trades, reading
from dlt_pipeline.common.exceptions import BadInputError, near_symbols
from dlt_pipeline.common.time import timeframe_name
from dlt_pipeline.warehouse.database import ask_built, require_built

_PRICES: Final = ("open", "high", "low", "close")
_NUMBERS: Final = (*_PRICES, "base_volume", "trades")  # as a table shows them
_COLUMNS: Final = (
    *("bucket_start", "bucket_end", *_PRICES, "base_volume", "quote_volume", "vwap", "trade_count"),
    *("is_empty", "is_closed"),
)
_ROWS: Final = f"""
    select {", ".join(_COLUMNS)} from kraken.candles
    where symbol = $1 and timeframe = $2
    order by bucket_start desc
    limit $3
"""  # noqa: S608 - own names only
_GAPS: Final = """
    select count(*) from kraken.gaps where symbol = $1 and not is_accepted and gap_from < $3 and gap_to > $2
"""
_TIMEFRAMES: Final = """
    select symbol, list(timeframe order by size, timeframe)
    from (select symbol, timeframe, min(bucket_end - bucket_start) as size from kraken.candles group by all)
    group by symbol
    order by symbol
"""
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_PLAIN_BLOCKS: Final = "_.-~=+*#"  # lowest first, too


def run_show(console: Console, path: Path, symbol: str, timeframe: str, count: int, as_json: bool) -> int:
    """Show the newest `count` candles made of trades, the oldest of them first; return the exit code.

    Raises BadInputError that names what is there, for a symbol or timeframe without candles.
    """
    with reading(path) as (connection, _place), require_built(f"The warehouse {path}"):
        rows = _rows(connection, symbol, timeframe, count)
        if not rows:
            symbol, timeframe = _meant(connection, symbol, timeframe)
            rows = _rows(connection, symbol, timeframe, count)
        gaps = ask_built(connection, _GAPS, (symbol, rows[0]["bucket_start"], rows[-1]["bucket_end"])) if rows else None
    if as_json:
        print_json({"symbol": symbol, "timeframe": timeframe} | row for row in rows)
        return 0
    table = candles_table(rows)
    narrow = None if table.fits(console.options) else candles_table(rows, (*_PRICES, "trades"))
    is_narrow = narrow is not None and narrow.fits(console.options)
    console.print(narrow if is_narrow else table)
    console.print()
    if is_narrow:
        console.print("The width is not enough for base_volume; --json has it.")
    for line in _remarks(rows, _drawn(console, rows, f"{symbol} {timeframe} closes ")):
        console.print(line, markup=False)
    tell_next(console, f"repair {symbol} --dry-run" if gaps and gaps[0][0] else f"report --symbols {symbol}")
    return 0


def _rows(connection: duckdb.DuckDBPyConnection, symbol: str, timeframe: str, count: int) -> list[dict[str, Any]]:
    found = connection.execute(_ROWS, [symbol, timeframe, count]).fetchall()
    return [dict(zip(_COLUMNS, map(_decimal, row), strict=True)) for row in reversed(found)]


def _decimal(value: object) -> object:
    """Return what is published as a float as the decimal that it stands for."""
    return Decimal(str(value)) if isinstance(value, float) else value


def _meant(connection: duckdb.DuckDBPyConnection, symbol: str, timeframe: str) -> tuple[str, str]:
    """Return the symbol in its own letters and the timeframe by its one name; BadInputError where there is neither."""
    known: Mapping[str, list[str]] = dict(connection.execute(_TIMEFRAMES).fetchall())
    named = {name.upper(): name for name in known}
    name = named.get(symbol.upper())
    if name is None:
        raise BadInputError(_unknown(symbol, named, _is_loaded(connection, symbol, known)))
    with suppress(BadInputError):
        timeframe = timeframe if timeframe in known[name] else timeframe_name(timeframe)
    if timeframe not in known[name]:
        raise BadInputError(f"{name} has no candles of {timeframe!r} here; there are {', '.join(known[name])}.")
    return name, timeframe


def _is_loaded(connection: duckdb.DuckDBPyConnection, symbol: str, built: Mapping[str, Any]) -> bool:
    return symbol in {each.symbol for each in raw_trades(connection, built)}


def _unknown(symbol: str, named: Mapping[str, str], is_loaded: bool) -> str:
    if is_loaded:
        return f"The trades of {symbol} are loaded, but no candles are built of them; run `kraken-candles build`."
    if not named:
        return f"No candles of {symbol} are here, nor of any other symbol; `kraken-candles list` shows what is."
    near = ", ".join(near_symbols(symbol, named.values()))
    return f"No candles of {symbol} are here; the nearest symbols that are: {near}."


def candles_table(rows: Sequence[Mapping[str, Any]], numbers: Sequence[str] = _NUMBERS) -> Rows:
    """Return a row a candle; numbers are whole, with zeros behind so that their points stand below each other."""
    table = Rows("start (UTC)", *numbers, numbers=numbers)
    form = _form([row["bucket_start"] for row in rows])
    decimals = dict.fromkeys(_PRICES, _decimals(row[name] for row in rows for name in _PRICES))
    decimals["base_volume"] = _decimals(row["base_volume"] for row in rows)
    for row in rows:
        told = {name: "" if row[name] is None else f"{row[name]:.{decimals[name]}f}" for name in decimals}
        told["trades"] = f"{row['trade_count']:,}"
        table.add(f"{row['bucket_start']:{form}}", *(told[name] for name in numbers))
    return table


def _form(starts: Sequence[datetime]) -> str:
    """Return how to show times: no finer than they are."""
    if any(start.second for start in starts):
        return "%Y-%m-%d %H:%M:%S"
    return "%Y-%m-%d %H:%M" if any(start.hour or start.minute for start in starts) else "%Y-%m-%d"


def _decimals(values: Iterator[Decimal | None]) -> int:
    """Return how many decimals the values have, all of them shown exactly."""
    return max((len(exact(value).partition(".")[2]) for value in values if value is not None), default=0)


def _drawn(console: Console, rows: Sequence[Mapping[str, Any]], label: str) -> str | None:
    """Return the closes as a line that begins with `label`, None where no candle has one."""
    closes = [row["close"] for row in rows]
    known = [close for close in closes if close is not None]
    if not known:
        return None
    low, high = (exact(each) for each in (min(known), max(known)))
    bounds = f" from {low} to {high}"
    blocks = _PLAIN_BLOCKS if console.options.ascii_only else _BLOCKS
    return label + sparkline(closes, blocks, max(console.width - len(label + bounds), 1)) + bounds


def sparkline(closes: Sequence[Decimal | None], blocks: str, width: int) -> str:
    """Draw closes, the lowest as the first of `blocks` and the highest as the last; a candle without one is a blank.

    Where there are more than fit in the width, each block is the last close of as many candles.
    """
    size = -(-len(closes) // width)
    ends = range(len(closes), 0, -size)
    parts = [[each for each in closes[max(end - size, 0) : end] if each is not None] for end in reversed(ends)]
    known = [part[-1] for part in parts if part]
    low, span = min(known, default=Decimal(0)), max(known, default=Decimal(0)) - min(known, default=Decimal(0))
    top = len(blocks) - 1

    def block(close: Decimal) -> str:
        return blocks[int((close - low) / span * top + Decimal("0.5"))] if span else blocks[top // 2]

    return "".join(block(part[-1]) if part else " " for part in parts)


def _remarks(rows: Sequence[Mapping[str, Any]], drawn: str | None) -> Iterator[str]:
    if drawn:
        yield drawn
    holes = sum(before["bucket_end"] < after["bucket_start"] for before, after in pairwise(rows))
    if holes:
        where = "in 1 place" if holes == 1 else f"in {holes:,} places"
        yield f"Buckets are left out {where}: not proven (kraken.gaps), or empty under the policy omit."
    if rows and not rows[-1]["is_closed"]:
        yield "The last one is not over: it holds what is proven so far."
