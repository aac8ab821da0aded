"""What `list` says of the candles that are here; where the warehouse is in use, of what was published."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.cli.console import Console, Rows, print_json
from dlt_pipeline.common.exceptions import NothingBuiltError, WarehouseLockedError
from dlt_pipeline.warehouse.database import ask_built, open_warehouse, require_trades

# A gap takes the buckets that it touches out of every timeframe, so it is counted where it lies between two of them.
_CANDLES: Final = """
    with held as (
        select
            symbol, timeframe, min(bucket_start) as first_start, max(bucket_start) as last_start,
            max(bucket_end) as last_end, min(bucket_end - bucket_start) as size, count(*) as candles
        from kraken.candles
        where is_closed
        group by symbol, timeframe
    )
    select
        symbol, timeframe, first_start, last_start, last_end, candles,
        (
            select count(*) from kraken.gaps
            where gaps.symbol = held.symbol and gap_from < held.last_end and gap_to > held.first_start
        )
    from held
    order by symbol, size, timeframe
"""
_PROVEN: Final = """
    select
        symbol, max(covered_to), sum(trade_count)::bigint, string_agg(distinct proven_by, ', ' order by proven_by),
        coalesce(bool_and(are_ids_contiguous), true)
    from kraken.coverage
    group by symbol
    order by symbol
"""
_RAW_TABLES: Final = ("trades", "archive_trades")
_LEDGERS: Final = {"pages": "true", "archive_parts": "format <> 'candles'"}
# Kraken's own candles need no trades.
_OTHERS: Final = {"rest_candles": "true", "archive_parts": "format = 'candles'"}
_NOT_BUILT: Final = "No candles are built yet; run `kraken-candles build`."


@dataclass(frozen=True)
class Held:
    """Closed candles of a symbol and timeframe, and the gaps between them; times are UTC."""

    symbol: str
    timeframe: str
    first_bucket_start: datetime
    last_bucket_start: datetime
    last_bucket_end: datetime
    candle_count: int
    gap_count: int


@dataclass(frozen=True)
class ProvenSymbol:
    """Up to when (UTC) a symbol is proven loaded by the last build, with how many trades and by what."""

    symbol: str
    proven_to: datetime
    trade_count: int
    proven_by: str
    is_proven: bool


@dataclass(frozen=True)
class Raw:
    """Trades of a symbol of which no build has proven any time, as they lie in the raw tables; times are UTC."""

    symbol: str
    trade_count: int
    first_traded_at: datetime | None
    last_traded_at: datetime | None


def run_list(console: Console, path: Path, as_json: bool) -> int:
    """Show a row a symbol and timeframe, or the raw trades before the first build; return the exit code."""
    with reading(path) as (connection, place):
        held, proven = _held(connection), find_proven(connection)
        built = {each.symbol for each in proven}
        raw = raw_trades(connection, built)
        others = _others(connection, built.union(each.symbol for each in raw))
    if held is None and place != path:
        raise NothingBuiltError(f"What is published at {place} has no gaps; run `kraken-candles publish` later.")
    if as_json:
        print_json(_listed(held or (), proven, raw))
        return 0
    if held:
        console.print(held_table(held))
        console.print()
    if proven:
        console.print(proven_table(proven))
        console.print()
    if raw:
        console.print(raw_table(raw))
        console.print()
    if held is None:
        console.print(_NOT_BUILT)
    elif raw:
        console.print("Of the raw trades nothing is proven by a build; run `kraken-candles build`.")
    elif not held:
        console.print("No candle made of trades is closed yet.")
    if others:
        names = ", ".join(others)
        console.print(f"Kraken's own candles alone, which `kraken-candles summary` shows: {names}.", markup=False)
    console.print(f"{'Warehouse' if place == path else 'Published'}: {place}", markup=False)
    return 0


@contextmanager
def reading(path: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Open the warehouse to read, or published.duckdb beside it while another process has it; yield which one, too.

    Raises NothingLoadedError before the first load, and WarehouseLockedError where nothing is published either.
    """
    place = path
    try:
        require_trades(path, may_be_of_lake=True)
    except WarehouseLockedError as error:
        from dlt_pipeline.publishing.settings import load_settings  # noqa: PLC0415 - the room imports pyarrow

        place = load_settings(path).database
        if not place.is_file():
            raise
        told = str(error).partition("; ")[0]
        Console(stderr=True).print(f"{told}; this is what was published last.", markup=False)
    with open_warehouse(place, read_only=True) as connection:
        yield connection, place


def _held(connection: duckdb.DuckDBPyConnection) -> list[Held] | None:
    """Return the candles by symbol and timeframe, None before the first build."""
    rows = ask_built(connection, _CANDLES)
    return None if rows is None else [Held(*row) for row in rows]


def find_proven(connection: duckdb.DuckDBPyConnection) -> list[ProvenSymbol]:
    """Return the symbols of which the last build proved any time; none before the first build."""
    found = []
    for symbol, proven_to, trades, proven_by, is_proven in ask_built(connection, _PROVEN) or ():
        ways = ", ".join(dict.fromkeys(proven_by.split(", ")))
        found.append(ProvenSymbol(symbol, proven_to, trades, ways, is_proven))
    return found


def raw_trades(connection: duckdb.DuckDBPyConnection, built: Collection[str]) -> list[Raw]:
    """Return what is loaded of symbols that are not among the `built` ones, by symbol."""
    found = {name: Raw(name, 0, None, None) for name in _symbols(connection, _LEDGERS) if name not in built}
    tables = [f"select symbol, time_ns from kraken_raw.{table}" for table in _there(connection, _RAW_TABLES)]  # noqa: S608 - own names only
    if found and tables:
        times = ", ".join(f"make_timestamp({each}(time_ns) // 1000)" for each in ("min", "max"))
        query = f"select symbol, count(*), {times} from ({' union all '.join(tables)}) where symbol in $1 group by 1"  # noqa: S608 - own names only
        found |= {row[0]: Raw(*row) for row in connection.execute(query, [list(found)]).fetchall()}
    return [found[symbol] for symbol in sorted(found)]


def _others(connection: duckdb.DuckDBPyConnection, known: Collection[str]) -> list[str]:
    """Return the symbols, besides the known ones, of which Kraken's own candles are loaded."""
    return sorted(_symbols(connection, _OTHERS) - set(known))


def _symbols(connection: duckdb.DuckDBPyConnection, conditions: Mapping[str, str]) -> set[str]:
    """Return the symbols of rows of raw tables that meet the tables' conditions."""
    queries = [
        f"select symbol from kraken_raw.{table} where {conditions[table]}"  # noqa: S608 - own names only
        for table in _there(connection, conditions)
    ]
    return {symbol for (symbol,) in connection.execute(" union ".join(queries)).fetchall()} if queries else set()


def _there(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> list[str]:
    query = "select table_name from duckdb_tables() where schema_name = 'kraken_raw'"
    there = {name for (name,) in connection.execute(query).fetchall()}
    return [table for table in tables if table in there]


def _listed(held: Sequence[Held], proven: Sequence[ProvenSymbol], raw: Sequence[Raw]) -> Iterator[dict[str, Any]]:
    """Yield an object a symbol and timeframe, and one a symbol that is not built, whose timeframe is null."""
    nothing = dict.fromkeys(
        [*Held.__dataclass_fields__, *ProvenSymbol.__dataclass_fields__, *Raw.__dataclass_fields__], None
    )
    by_symbol = {each.symbol: each for each in proven}
    for one in held:
        about = by_symbol.get(one.symbol)
        yield nothing | (asdict(about) if about else {}) | asdict(one)
    for each in raw:
        yield nothing | asdict(each)


def held_table(held: Sequence[Held]) -> Rows:
    """Return a row a symbol and timeframe."""
    table = Rows(*("symbol", "timeframe", "first bucket", "last (UTC)", "candles", "gaps"), numbers=("candles", "gaps"))
    for one in held:
        table.add(
            one.symbol,
            one.timeframe,
            _minute(one.first_bucket_start),
            _minute(one.last_bucket_start),
            f"{one.candle_count:,}",
            f"{one.gap_count:,}",
        )
    return table


def proven_table(proven: Sequence[ProvenSymbol]) -> Rows:
    """Return a row a symbol: its trades, and up to when they are proven to be all."""
    table = Rows("symbol", "trades", "proven up to (UTC)", "by", numbers=("trades",))
    for one in proven:
        by = one.proven_by + ("" if one.is_proven else " (NOT proven: ids are missing)")
        table.add(one.symbol, f"{one.trade_count:,}", f"{one.proven_to:%Y-%m-%d %H:%M:%S}", by)
    return table


def raw_table(raw: Sequence[Raw]) -> Rows:
    """Return a row a symbol whose trades are loaded and no more."""
    table = Rows("symbol", "raw trades", "first trade", "last (UTC)", numbers=("raw trades",))
    for one in raw:
        times = ("" if each is None else _minute(each) for each in (one.first_traded_at, one.last_traded_at))
        table.add(one.symbol, f"{one.trade_count:,}", *times)
    return table


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
