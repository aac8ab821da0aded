"""The closed candles and proven trades of a database as queries, in exact decimals, of any timeframe."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.common.exceptions import (
    BadInputError,
    NothingBuiltError,
    WarehouseError,
    WarehouseLockedError,
    near_symbols,
)
from dlt_pipeline.common.time import Span, utc_of_ns
from dlt_pipeline.publishing.partitions import Column
from dlt_pipeline.publishing.resampling import Timeframe, candles_of
from dlt_pipeline.publishing.settings import MEMORY, load_settings
from dlt_pipeline.warehouse.database import (
    ask_built,
    open_warehouse,
    require_built,
    require_trades,
    sql_decimal,
    sql_text,
)
from dlt_pipeline.warehouse.errors import MEMORY_NAME, when_unlocked
from dlt_pipeline.warehouse.ops import REMOVED_DAYS

_CANDLES: Final = "proven_candles"
# Published numbers may be doubles; one of up to 15 digits gives back the decimal that it was made of.
_DECIMALS: Final = {"quote_volume": 24, "taker_buy_quote_volume": 24} | dict.fromkeys(
    ("open", "high", "low", "close", "base_volume", "taker_buy_base_volume", "vwap"), 12
)
_TIMEFRAMES: Final = """
    select symbol, timeframe, epoch(min(bucket_start))::bigint,
        min(epoch(bucket_end)::bigint - epoch(bucket_start)::bigint) as seconds
    from kraken.candles where is_closed group by all order by symbol, seconds, timeframe
"""
_EVER: Final = (datetime(1970, 1, 1), datetime(9999, 1, 1))  # noqa: DTZ001 - naive UTC, as in the warehouse
SPANS_AS_TEXT: Final = 50  # more of them are joined, which sorts the trades
# Days whose trades are removed and have not come again.
_REMOVED: Final = f"""
    select removed_on from {REMOVED_DAYS}
    where symbol = $1 and state = 'removed'
        and not exists (from kraken.trades where trades.symbol = $1 and trades.traded_on = removed_days.removed_on)
    group by all order by all
"""  # noqa: S608 - own names only


@dataclass(frozen=True)
class UnprovenTime:
    """Time between that is not proven, UTC, and why: a reason of `kraken.gaps`, or trades_removed."""

    starts: datetime
    ends: datetime
    reason: str


@dataclass(frozen=True)
class Proven:
    """What is proven in the database at `place`; `is_exact` is false of published doubles, which stand for decimals."""

    connection: duckdb.DuckDBPyConnection
    place: Path
    is_exact: bool
    timeframes: Mapping[str, Sequence[str]]
    """By symbol the timeframes that have closed candles, the shortest first."""

    def spelt(self, symbol: str) -> str:
        """Return a symbol as it is written here; BadInputError that names the nearest for one without candles."""
        named = {name.upper(): name for name in self.timeframes}
        if symbol.upper() in named:
            return named[symbol.upper()]
        near = ", ".join(near_symbols(symbol, self.timeframes))
        there = f"the nearest that there are: {near}" if near else "there are none"
        raise BadInputError(f"No proven candles of {symbol} are here; {there}. `kraken-candles list` shows all.")

    def candles(self, symbol: str, timeframe: str, start: datetime | None = None, end: datetime | None = None) -> str:
        """Return the query of the closed candles that begin in [start, end), UTC."""
        bounds = [
            f"bucket_start {sign} timestamp '{at:%Y-%m-%d %H:%M:%S.%f}'"
            for sign, at in ((">=", start), ("<", end))
            if at is not None
        ]
        where = f"where {' and '.join(['is_closed', *bounds])}"
        return f"select * from {_CANDLES}({sql_text(symbol)}, {sql_text(timeframe)}) {where}"  # noqa: S608

    def check_timeframe(self, symbol: str, timeframe: str) -> None:
        """Raise BadInputError for a timeframe that can neither be found nor made."""
        try:
            self.connection.execute(f"{self.candles(symbol, timeframe)} limit 1").fetchall()
        except duckdb.InvalidInputException as error:
            raise BadInputError(str(error).removeprefix("Invalid Input Error: ")) from None

    def spans(self, symbol: str, start: int = 0, end: int = 2**62) -> list[Span]:
        """Return the proven time within [start, end) in ns, ascending: that of candles; of trades, see `without`."""
        query = """
            select greatest(covered_from_ns, $2), least(covered_to_ns, $3) from kraken.coverage
            where symbol = $1 and covered_from_ns < $3 and covered_to_ns > $2 order by 1
        """
        return [(first, last) for first, last in self.connection.execute(query, [symbol, start, end]).fetchall()]

    def trades(self, symbol: str, spans: Sequence[Span]) -> str:
        """Return the query of the trades in these spans of proven time; `id` is Kraken's or inferred, NULL if neither.

        Nothing is proven of trades without a warehouse: see `open_proven`.
        """
        if not spans:
            return "select *, trade_id as id from kraken.trades where false"
        first, last = utc_of_ns(spans[0][0]).date(), utc_of_ns(spans[-1][1]).date()
        rows = (
            "select *, coalesce(trade_id, inferred_trade_id) as id from kraken.trades "  # noqa: S608
            f"where symbol = {sql_text(symbol)} and traded_on between date '{first}' and date '{last}'"
        )
        if len(spans) <= SPANS_AS_TEXT:
            within = " or ".join(f"(time_ns >= {start} and time_ns < {end})" for start, end in spans)
            return f"{rows} and ({within})"
        listed = ", ".join(f"({start}, {end})" for start, end in spans)
        return (
            f"select rows.* from ({rows}) as rows inner join (values {listed}) as spans (start_ns, end_ns) "  # noqa: S608
            "on rows.time_ns >= spans.start_ns and rows.time_ns < spans.end_ns"
        )

    def gaps(self, symbol: str, start: datetime | None, end: datetime | None) -> list[UnprovenTime]:
        """Return what is not proven between the first and last proven instant, within [start, end)."""
        query = """
            select greatest(gap_from, $2), least(gap_to, $3), reason from kraken.gaps
            where symbol = $1 and gap_from < $3 and gap_to > $2 order by 1
        """
        found = self._ask(query, symbol, start or _EVER[0], end or _EVER[1])
        return [UnprovenTime(*row) for row in found]

    def removed_days(self, symbol: str) -> list[date]:
        """Return the UTC days whose candles are kept and whose trades are removed."""
        return [day for (day,) in self._ask(_REMOVED, symbol)]

    def absent_days(self, symbol: str, timeframe: str) -> list[date]:
        """Return the UTC days that are proven and of which there can be no candles of the timeframe."""
        query = "select bucket_on from kraken.absent_days where symbol = $1 and timeframe = $2"
        return [day for (day,) in self._ask(query, symbol, timeframe)]

    def names(self) -> dict[str, str]:
        """Return the symbols by other names in capitals: without the slash, and Kraken's own (XBTUSD, XXBTZUSD)."""
        found: dict[str, str] = {}
        markets = self._ask(
            "select symbol, altname, market_id, replace(wsname, '/', '') from kraken.markets order by 1"
        )
        for symbol, *names in [*markets, *((symbol, symbol.replace("/", "")) for symbol in self.timeframes)]:
            for name in names if symbol in self.timeframes else ():
                if name:
                    found.setdefault(name.upper(), symbol)
        for symbol in self.timeframes:  # Kraken's names of these two, where its list of markets is not here
            base, _, quote = symbol.partition("/")
            kraken = {"BTC": "XBT", "DOGE": "XDG"}
            found.setdefault(f"{kraken.get(base, base)}{kraken.get(quote, quote)}".upper(), symbol)
        return found

    def _ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a table that is not in each database."""
        return ask_built(self.connection, query, values) or []


@contextmanager
def open_proven(path: Path, spill: Path, with_trades: bool) -> Iterator[Proven]:
    """Open what is proven to read: published.duckdb if its numbers are decimals, which locks nobody out, else `path`.

    Trades are in the warehouse at `path` alone. Where another process holds that, candles come from what is published,
    and for trades it is waited for. `spill` is a folder for sorts that are larger than the memory limit. Raises
    NothingLoadedError, NothingBuiltError or WarehouseLockedError with the way out.
    """
    place = _place(path, with_trades)
    with open_warehouse(place, read_only=True) as connection:
        connection.execute("set python_enable_replacements = false")  # else a missing table may be one of our names
        connection.execute(f"set memory_limit = '{os.environ.get(MEMORY_NAME) or MEMORY}'")
        connection.execute("set temp_directory = ?", [str(spill)])
        with require_built(str(place)):
            candles = connection.sql("from kraken.candles")
            timeframes = connection.execute(_TIMEFRAMES).fetchall()
        kinds = {name: str(kind) for name, kind in zip(candles.columns, candles.types, strict=True)}
        floats = [name for name in _DECIMALS if kinds[name] == "DOUBLE"]
        replaced = ", ".join(f"{sql_decimal(name, _DECIMALS[name])} as {name}" for name in floats)
        rows = f"select *{f' replace ({replaced})' if floats else ''} from kraken.candles where is_closed"  # noqa: S608
        columns = [
            Column(name, f"decimal(38, {_DECIMALS[name]})" if name in _DECIMALS else kind)
            for name, kind in kinds.items()
        ]
        sizes = {name: Timeframe(name, seconds, start % seconds, True) for _, name, start, seconds in timeframes}
        longest_first = sorted(sizes.values(), key=lambda one: (-one.seconds, one.name))
        macro = candles_of(rows, columns, longest_first, "select symbol, covered_from, covered_to from kraken.coverage")
        if macro is None:
            raise NothingBuiltError(f"{place} holds no closed candles of a part of a day; load more and build.")
        connection.execute(f"create temp macro {_CANDLES}{macro}")
        by_symbol: dict[str, list[str]] = {}
        for symbol, name, *_ in timeframes:
            by_symbol.setdefault(symbol, []).append(name)
        yield Proven(connection, place, not floats, by_symbol)


def _place(path: Path, with_trades: bool) -> Path:
    settings = load_settings(path)
    published = settings.database
    if with_trades:
        when_unlocked(lambda: require_trades(path, may_be_of_lake=True), path, threading.Event(), settings.wait_seconds)
        return path
    has_decimals = _has_decimals(published) if published.is_file() else None
    if has_decimals:
        return published
    try:
        require_trades(path, may_be_of_lake=True)
    except WarehouseLockedError:
        if has_decimals is None:
            raise
        return published
    return path


def _has_decimals(published: Path) -> bool | None:
    """Whether what is published is exact; None where it cannot be read, which the next publish mends."""
    query = "select data_type from duckdb_columns() where schema_name = 'kraken' and table_name = 'candles'"
    try:
        with open_warehouse(published, read_only=True) as connection:
            kinds = connection.execute(f"{query} and column_name = 'open'").fetchall()
    except WarehouseError:
        return None
    return [kind.startswith("DECIMAL") for (kind,) in kinds] == [True]
