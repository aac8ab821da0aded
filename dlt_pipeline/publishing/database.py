"""published.duckdb: nothing but views over the immutable Parquet files, replaced as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

from dlt_pipeline.common.exceptions import PublishError, WarehouseError
from dlt_pipeline.publishing.files import put
from dlt_pipeline.publishing.partitions import SOURCES, Column
from dlt_pipeline.publishing.resampling import CANDLES_OF, candles_of, published_timeframes
from dlt_pipeline.publishing.snapshot import AS_OF
from dlt_pipeline.warehouse.database import connect, sql_text

_BEST: Final = "is_best"  # the rows that ohlcv of the warehouse takes
_BEST_VIEW: Final = "ohlcv"
COVERAGE: Final = "coverage"
_NAMES: Final = "market_names"
_CONTINUOUS_VIEW: Final = "continuous_candles"
# As the model of that name joins them.
_CONTINUOUS: Final = """
    select symbol, symbol as market, * exclude (symbol) from published.main.candles
    where symbol not in (select market from published.main.market_names)
    union all
    select names.symbol, candles.symbol as market, candles.* exclude (symbol)
    from published.main.candles as candles inner join published.main.market_names as names
        on candles.symbol = names.market
        and (names.named_from is null or candles.bucket_start >= names.named_from)
        and (names.named_until is null or candles.bucket_start < names.named_until)
"""
_NOT_PROVEN: Final = """
    select null::varchar as symbol, null::timestamp as covered_from, null::timestamp as covered_to where false
"""
# Views need nothing newer, and so analysts may have an older DuckDB than the one that publishes.
_STORAGE: Final = "v1.0.0"
# Beside a time with a zone DuckDB takes a naive one for the session's local time, in silence; the same condition stands
# in the package's macro utc_session.
_IN_UTC: Final = """case
    when replace(current_setting('TimeZone'), 'Etc/', '') in ('UTC', 'GMT', 'UCT', 'Zulu', 'Universal') then true
    else error('Times here are UTC without a zone, which the TimeZone ' || current_setting('TimeZone')
        || ' of this session would shift beside times with one; run SET TimeZone = ''UTC'' first.')
end"""


@dataclass(frozen=True)
class ViewPart:
    """Files that a view reads: those of partitions, up to the start of the UTC day `before`, or all of their rows.

    `is_newest`: a file of the rows after that instead, of all sources, which tells source, symbol and timeframe itself.
    """

    files: Sequence[Path]
    before: date | None = None
    is_newest: bool = False


def view_name(source: str) -> str:
    """Return the view of a source: named as the table in the warehouse."""
    return SOURCES.get(source, source)


def check_replaceable(path: Path, warehouse: Path) -> None:
    """Refuse to put published.duckdb where the warehouse or somebody's own tables lie; raises PublishError."""
    if not path.exists():
        return
    is_own = path.samefile(warehouse)
    if not is_own:
        try:
            with connect(path, read_only=True) as connection:
                is_own = bool(connection.execute("select 1 from duckdb_tables() where not internal").fetchall())
        except (duckdb.Error, WarehouseError):
            return  # broken, or held by a reader that forgot to open it read-only: a new file harms neither
    if is_own:
        raise PublishError(
            f"{path} holds tables and is not replaced by published views; set KRAKEN_CANDLES_EXPORTS to a folder "
            "in another place, or rename that file."
        )


def write_database(
    path: Path,
    schema: str,
    columns: Sequence[Column],
    sources: Mapping[str, Sequence[ViewPart]],
    facts: Mapping[str, Path],
    as_of: Mapping[str, str],
) -> None:
    """Write the views beside and move them to `path`; each source comes with its files, of which it may have none.

    `facts` are tables that stand in one file each, by the names of their views, and the days of those that `as_of`
    names (table-2026-11-29), each with the definition of the table macro that reads it.
    """
    partial = path.with_name(f".{path.name}.partial")
    _remove(partial)
    with connect() as connection:
        connection.execute(f"attach {sql_text(partial)} as published (storage_version '{_STORAGE}')")
        connection.execute(f'create schema if not exists published."{schema}"')
        names = []
        for source, parts in sources.items():
            name = view_name(source)
            connection.execute(f"create view published.main.{name} as {_select(source, columns, parts)}")
            names.append(name)
        days: dict[str, list[Path]] = {table: [] for table in as_of}
        for name, file in facts.items():
            table, is_day, _ = name.partition("-")
            if is_day:
                days[table].append(file)
                continue
            connection.execute(f"create view published.main.{name} as {_fact(file)}")
            names.append(name)
        if _NAMES in facts:
            connection.execute(f"create view published.main.{_CONTINUOUS_VIEW} as {_CONTINUOUS}")
            names.append(_CONTINUOUS_VIEW)
        macro = None
        if _BEST in {column.name for column in columns}:
            halves = [_select(source, columns, parts, only_best=True) for source, parts in sources.items()]
            best = " union all ".join(halves)
            connection.execute(f"create view published.main.{_BEST_VIEW} as {best}")
            names.append(_BEST_VIEW)
            files = [file for parts in sources.values() for part in parts if not part.is_newest for file in part.files]
            proven = _fact(facts[COVERAGE]) if COVERAGE in facts else _NOT_PROVEN
            macro = candles_of(best, columns, published_timeframes(connection, files), proven)
        for each in dict.fromkeys(("main", schema)) if macro else ():
            connection.execute(f'create macro published."{each}".{CANDLES_OF}{macro}')
        for name in names if schema != "main" else []:  # so that a query for the warehouse runs here as it is
            connection.execute(f'create view published."{schema}".{name} as from published.main.{name}')
        for table, definition in as_of.items():
            connection.execute(f'create schema if not exists published."{schema}_kept"')
            connection.execute(f'create view published."{schema}_kept".{table} as {_fact(*days[table])}')
            for each in dict.fromkeys(("main", schema)):
                connection.execute(f'create macro published."{each}".{AS_OF[table]}(of_instant) as table {definition}')
        connection.execute("detach published")
    partial.chmod(0o444 & partial.stat().st_mode)  # a reader who forgets read-only is told so and locks nobody out
    Path(f"{path}.wal").unlink(missing_ok=True)  # of somebody who wrote into the old one; it would spoil the new one
    put(partial, path)


def _fact(*files: Path) -> str:
    listed = ", ".join(sql_text(unglobbed(file)) for file in files)
    return f"select * from read_parquet([{listed}], hive_partitioning = false) where {_IN_UTC}"  # noqa: S608


def _remove(partial: Path) -> None:
    for leftover in (partial, Path(f"{partial}.wal")):
        leftover.unlink(missing_ok=True)


def _select(source: str, columns: Sequence[Column], parts: Sequence[ViewPart], only_best: bool = False) -> str:
    """Return the view's query: the columns, names and types of `candles` in the warehouse."""
    parts = [part for part in parts if part.files]
    if not parts:
        nulls = [f'cast(null as {column.type}) as "{column.name}"' for column in columns if column.name != _BEST]
        head = "cast(null as varchar) as symbol, cast(null as varchar) as timeframe"
        return f"select {head}, {', '.join(nulls)}, '{source}' as source where false"
    return " union all ".join(_select_part(source, columns, part, only_best) for part in parts)


def _select_part(source: str, columns: Sequence[Column], part: ViewPart, only_best: bool) -> str:
    names = [f'"{column.name}"' for column in columns if column.name != _BEST]
    # The source is not taken from the path: a folder above ours may be called source=something.
    picked = ", ".join([*names, f"{sql_text(source)} as source"])
    listed = ", ".join(sql_text(unglobbed(file)) for file in part.files)
    conditions = [_IN_UTC, _BEST] if only_best else [_IN_UTC]
    if part.is_newest:
        symbol, options = "symbol", "hive_partitioning = false"
        conditions.append(f"source = {sql_text(source)}")
    else:
        symbol = "replace(symbol, '-', '/')"
        options = "hive_partitioning = true, hive_types = {'symbol': varchar, 'timeframe': varchar, 'year': bigint}"
    if part.before:
        seconds = (part.before - date(1970, 1, 1)).days * 86_400
        conditions.append(f"bucket_start < make_timestamp({seconds * 1_000_000})")
    read = f"read_parquet([{listed}], {options})"
    return f"select {symbol} as symbol, timeframe, {picked} from {read} where {' and '.join(conditions)}"  # noqa: S608


def unglobbed(file: Path) -> str:
    """Return the path so that DuckDB takes its wildcards for plain characters."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(file))
