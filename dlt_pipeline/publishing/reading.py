"""Candles, coverage, gaps and trades as a frame: what notebooks and backtests ask for in one line of Python."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import pyarrow as pa

from dlt_pipeline.common.exceptions import BadInputError, NothingBuiltError, PublishError, near_symbols
from dlt_pipeline.common.time import When, utc_datetime
from dlt_pipeline.publishing.resampling import CANDLES_OF
from dlt_pipeline.publishing.settings import load_settings
from dlt_pipeline.publishing.snapshot import AS_OF
from dlt_pipeline.warehouse.database import ask_built, connect, open_warehouse, require_built, sql_text, warehouse_path
from dlt_pipeline.warehouse.errors import explain, when_unlocked

Engine = Literal["pandas", "polars", "arrow"]
_ENGINES: Final = ("pandas", "polars", "arrow")
_PUBLISHED: Final = "published"


def candles(
    symbol: str,
    timeframe: str,
    start: When | None = None,
    end: When | None = None,
    *,
    as_of: When | None = None,
    engine: Engine = "pandas",
    warehouse: str | Path | None = None,
) -> Any:
    """Return the closed candles of a symbol (BTC/USD) that begin in [start, end), in order, as a frame.

    They are the rows of `ohlcv` as last published: ours where proven, else Kraken's own. A timeframe that is not built
    (3m, 2h, 5d, 1w_monday, 1mo) is made of the coarsest that divides it: prices, counts and volumes as a build would
    make them, only of buckets of which every part is there. With `as_of` they are the rows of `candles` that stood at
    that instant, of a timeframe that is built. Times are aware UTC; start, end and as_of are UTC without a zone.
    `engine` is pandas (a DataFrame), polars or arrow (a Table). No load, build or publish locks it out. Raises
    BadInputError for a symbol or timeframe that is not there, or a package that is not installed, NothingBuiltError
    before the first publish.
    """
    _check_engine(engine)
    query = f"from {_PUBLISHED}.{CANDLES_OF}({sql_text(symbol)}, {sql_text(timeframe)})"
    conditions = _within("bucket_start", "bucket_start", start, end)
    if as_of is not None:
        query = _as_of("candles", as_of)
        conditions += [f"symbol = {sql_text(symbol)}", f"timeframe = {sql_text(timeframe)}"]
    with _published(warehouse) as connection:
        rows = _checked_rows(connection, query, conditions, "bucket_start")
        if not rows.num_rows:
            _require_symbol(connection, symbol)
            if as_of is not None:
                _require_timeframe(connection, timeframe)
    return _frame(rows, engine)


def coverage(
    symbol: str | None = None,
    start: When | None = None,
    end: When | None = None,
    *,
    engine: Engine = "pandas",
    warehouse: str | Path | None = None,
) -> Any:
    """Return the rows of `coverage`, time that is proven loaded, that touch [start, end), as `candles` does."""
    return _facts(f"from {_PUBLISHED}.coverage", ("covered_from", "covered_to"), symbol, start, end, engine, warehouse)


def gaps(
    symbol: str | None = None,
    start: When | None = None,
    end: When | None = None,
    *,
    as_of: When | None = None,
    engine: Engine = "pandas",
    warehouse: str | Path | None = None,
) -> Any:
    """Return the rows of `gaps`, time between that is not proven, that touch [start, end), as `candles` does."""
    query = _as_of("gaps", as_of) if as_of is not None else f"from {_PUBLISHED}.gaps"
    return _facts(query, ("gap_from", "gap_to"), symbol, start, end, engine, warehouse)


def bars(
    symbol: str,
    bar: str,
    start: When | None = None,
    end: When | None = None,
    *,
    engine: Engine = "pandas",
    warehouse: str | Path | None = None,
) -> Any:
    """Return the closed bars of a symbol whose first trade lies in [start, end), in order, as `candles` does.

    `bar` is a name of the variable kraken_candles_bars; without that, NothingBuiltError. Numbers are exact decimals.
    """
    _check_engine(engine)
    conditions = [
        f"symbol = {sql_text(symbol)}",
        "is_closed",
        *_within("first_traded_at", "first_traded_at", start, end),
    ]
    with _published(warehouse) as connection:
        known = [name for (name,) in ask_built(connection, f"select distinct bar from {_PUBLISHED}.bars") or ()]  # noqa: S608
        if not known:
            raise NothingBuiltError(
                "What is published has no bars; say in the variable kraken_candles_bars which to make, and build."
            )
        if bar not in known:
            raise BadInputError(f"{bar!r} is not there; there are {', '.join(sorted(known))}.")
        source = f"from {_PUBLISHED}.bars"
        rows = _rows(connection, source, [*conditions, f"bar = {sql_text(bar)}"], "traded_on, bar_number")
        if not rows.num_rows:
            _require_symbol(connection, symbol, f"{_PUBLISHED}.bars")
    return _frame(rows, engine)


def trades(
    symbol: str,
    start: When | None = None,
    end: When | None = None,
    *,
    engine: Engine = "pandas",
    warehouse: str | Path | None = None,
) -> Any:
    """Return the trades of a symbol in [start, end) by time and id, as `candles` does, prices and volumes exact.

    They are not published: this reads `kraken.trades` in the warehouse itself, and waits as long as a publish does
    where a load or build holds it; then WarehouseLockedError.
    """
    _check_engine(engine)
    path = warehouse_path(warehouse)
    if not path.exists():
        raise NothingBuiltError(f"The warehouse {path} is not there yet; run `kraken-candles load` and `build` first.")

    def read() -> pa.Table:
        with open_warehouse(path, read_only=True) as connection:
            with require_built(f"The warehouse {path}"):
                connection.execute("from kraken.trades limit 0")
            conditions = [f"symbol = {sql_text(symbol)}", *_within("traded_at", "traded_at", start, end)]
            rows = _rows(connection, "from kraken.trades", conditions, "time_ns, coalesce(trade_id, inferred_trade_id)")
            if not rows.num_rows:
                _require_symbol(connection, symbol, "kraken.coverage")
            return rows

    wait = load_settings(path).wait_seconds
    return _frame(when_unlocked(read, path, threading.Event(), wait), engine)


def _facts(
    query: str,
    ends: tuple[str, str],
    symbol: str | None,
    start: When | None,
    end: When | None,
    engine: Engine,
    warehouse: str | Path | None,
) -> Any:
    _check_engine(engine)
    conditions = [*([f"symbol = {sql_text(symbol)}"] if symbol else []), *_within(ends[1], ends[0], start, end)]
    with _published(warehouse) as connection:
        rows = _checked_rows(connection, query, conditions, f"symbol, {ends[0]}")
        if symbol and not rows.num_rows:
            _require_symbol(connection, symbol)
    return _frame(rows, engine)


def _as_of(table: str, when: When) -> str:
    moment = utc_datetime(when, "The instant as_of")
    return f"from {_PUBLISHED}.{AS_OF[f'replaced_{table}']}('{moment:%Y-%m-%d %H:%M:%S.%f}')"


def _checked_rows(connection: duckdb.DuckDBPyConnection, query: str, conditions: Sequence[str], order: str) -> pa.Table:
    try:
        return _rows(connection, query, conditions, order)
    except duckdb.InvalidInputException as error:
        raise BadInputError(str(error).removeprefix("Invalid Input Error: ")) from None
    except duckdb.CatalogException:
        name, is_macro, _ = query.removeprefix(f"from {_PUBLISHED}.").partition("(")
        raise NothingBuiltError(
            f"What is published has no {name}; run `kraken-candles {'build' if is_macro else 'publish'}`, which writes "
            "it beside the candles."
        ) from None


@contextmanager
def _published(warehouse: str | Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Attach published.duckdb to an engine of its own, which sees the newest one whatever else the process has open."""
    path = warehouse_path(warehouse)
    database = load_settings(path).database
    if not database.exists():
        raise NothingBuiltError(f"Nothing is published at {database} yet; run `kraken-candles build`, which publishes.")
    with connect() as connection:
        try:
            connection.execute("set python_enable_replacements = false")  # else a missing table may be one of our names
            connection.execute(f"attach {sql_text(database)} as {_PUBLISHED} (read_only)")
            yield connection
        except (duckdb.IOException, duckdb.SerializationException) as error:
            way_out = "run `kraken-candles publish`, which writes it anew"
            known = explain(error, database, way_out=way_out)
            raise known or PublishError(
                f"{database} cannot be read ({str(error).splitlines()[0]}); {way_out}."
            ) from error


def _within(last: str, first: str, start: When | None, end: When | None) -> list[str]:
    """Return conditions for what ends behind `start` by its column `last`, and begins before `end` by `first`."""
    moments = [
        (column, sign, utc_datetime(when, what))
        for column, sign, when, what in (
            (last, ">=" if last == first else ">", start, "The start"),
            (first, "<", end, "The end"),
        )
        if when is not None
    ]
    return [f"{column} {sign} timestamp '{moment:%Y-%m-%d %H:%M:%S.%f}'" for column, sign, moment in moments]


def _rows(connection: duckdb.DuckDBPyConnection, source: str, conditions: Sequence[str], order: str) -> pa.Table:
    """Return the rows in order, with times as aware UTC."""
    where = f"where {' and '.join(conditions)}" if conditions else ""
    connection.execute("set python_enable_replacements = false")  # else a missing table may be a variable of ours
    found = connection.sql(f"select * {source} {where} order by {order}")
    aware = [
        f'"{name}" at time zone \'UTC\' as "{name}"' if str(kind) == "TIMESTAMP" else f'"{name}"'
        for name, kind in zip(found.columns, found.types, strict=True)
    ]
    return found.select(*map(duckdb.SQLExpression, aware)).to_arrow_table()


def _require_symbol(connection: duckdb.DuckDBPyConnection, symbol: str, table: str = f"{_PUBLISHED}.ohlcv") -> None:
    known = [each for (each,) in connection.execute(f"select distinct symbol from {table} order by 1").fetchall()]  # noqa: S608
    if symbol not in known:
        near = ", ".join(near_symbols(symbol, known))
        raise BadInputError(f"{symbol!r} is not there; {f'there are {near}' if near else 'nothing is'}.")


def _require_timeframe(connection: duckdb.DuckDBPyConnection, timeframe: str) -> None:
    query = f"select distinct timeframe from {_PUBLISHED}.candles order by 1"  # noqa: S608
    built = [each for (each,) in connection.execute(query).fetchall()]
    if timeframe not in built:
        raise BadInputError(f"As of an instant there are only timeframes that are built: {', '.join(built)}.")


def _check_engine(engine: str) -> None:
    if engine not in _ENGINES:
        raise BadInputError(f"The engine {engine!r} is unknown; take {', '.join(_ENGINES)}.")
    with suppress(KeyError):
        module = {"pandas": "pandas", "polars": "polars"}[engine]
        try:
            import_module(module)
        except ImportError:
            raise BadInputError(f"{module} is not installed; install it, or take engine='arrow'.") from None


def _frame(rows: pa.Table, engine: Engine) -> Any:
    if engine == "pandas":
        return rows.to_pandas()
    if engine == "polars":
        return import_module("polars").from_arrow(rows)
    return rows
