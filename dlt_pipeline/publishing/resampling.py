"""Candles of any timeframe out of those that are published: a table macro, `candles_of`, of published.duckdb."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from dlt_pipeline.publishing.partitions import Column
from dlt_pipeline.warehouse.database import sql_decimal

CANDLES_OF: Final = "candles_of"
_DAY: Final = 86_400
_OURS: Final = "source=trades"
_FOLDER: Final = re.compile(r"timeframe=([0-9A-Za-z_]+)")
# NULL in a bucket of which a part does not know it.
_SUMS: Final = (
    *("base_volume", "quote_volume", "taker_buy_base_volume", "taker_buy_quote_volume"),
    *("trade_count", "taker_buy_count"),
)
# What the macro reads; a project that publishes candles of its own may have others, and then no macro.
_READ: Final = (
    *("bucket_start", "bucket_end", "open", "high", "low", "close", *_SUMS[:4], "vwap", *_SUMS[4:]),
    *("first_trade_id", "last_trade_id", "is_empty", "is_closed_market", "is_closed"),
)
_MOST_MONTHS: Final = 1200


@dataclass(frozen=True)
class Timeframe:
    """A published timeframe: name, seconds, seconds after the epoch from which it counts, and if it has trades."""

    name: str
    seconds: int
    offset: int
    is_ours: bool

    @property
    def is_base(self) -> bool:
        """Whether others can be made of it, whole days and months alike."""
        return self.offset == 0 and _DAY % self.seconds == 0


def published_timeframes(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> list[Timeframe]:
    """Read what timeframes the files are of, longest first: the name from the path, all else from a row of it."""
    by_name: dict[str, Path] = {}
    ours = set()
    for file in files:
        for name in _FOLDER.findall(file.as_posix())[-1:]:
            by_name.setdefault(name, file)
            if _OURS in file.parts:
                ours.add(name)
    found = []
    for name, file in by_name.items():
        query = "select epoch(bucket_start)::bigint, epoch(bucket_end)::bigint from read_parquet($1) limit 1"
        for start, end in connection.execute(query, [str(file)]).fetchall():
            found.append(Timeframe(name, end - start, start % (end - start), name in ours))
    return sorted(found, key=lambda timeframe: (-timeframe.seconds, timeframe.name))


def candles_of(rows: str, columns: Sequence[Column], timeframes: Sequence[Timeframe], coverage: str) -> str | None:
    """Return the macro's parameters and query over `rows`, the query of all best candles; None where it cannot be.

    The timeframe is one that trades were built in, whose rows are given as they are, or a count of s, m, h, d, w (from
    the epoch, as Kraken's), w_monday, or mo (calendar months). It is made of the coarsest of ours that divides it, and
    where that has no whole bucket of the coarsest there is, Kraken's own too. A bucket is whole if every part of it is
    there, or if it lies in proven time (`coverage`: a query of symbol, covered_from, covered_to).
    """
    types = {column.name: column.type for column in columns}
    if not set(_READ) <= set(types) or not any(timeframe.is_base for timeframe in timeframes):
        return None
    built = ", ".join(f"'{timeframe.name}'" for timeframe in timeframes if timeframe.is_ours)
    is_built = f"(of_timeframe in ({built or 'null'}))"
    ours = _base([timeframe for timeframe in timeframes if timeframe.is_ours])
    others = ", ".join(f"'{timeframe.name}'" for timeframe in timeframes if not timeframe.is_ours)
    known = ", ".join(timeframe.name for timeframe in timeframes)
    refused = (
        f"error('No candles of the timeframe ' || of_timeframe || ' can be made of those that are published ({known}): "
        "write it as 3m, 2h, 5d, 1w, 1w_monday or 1mo; seconds to hours must divide a day and be whole buckets of a "
        "published one.')"
    )
    names = ", ".join(_READ)
    built_rows = (
        f"select symbol, timeframe, {names}, source from ({rows}) as best "  # noqa: S608 - own names only
        f"where best.symbol = of_symbol and best.timeframe = of_timeframe and {is_built}"
    )
    # Constants, which decide what is read at all.
    if not others:
        base = f"case when {is_built} then null else coalesce({ours}, {refused}) end"
        made = f"select symbol, timeframe, {names}, source from ({_made(rows, base, types, coverage)}) as ours"  # noqa: S608
        return f"(of_symbol, of_timeframe) as table {built_rows} union all {made}"
    first = f"case when {is_built} then null else {ours} end"
    any_base = f"case when of_timeframe in ({others}) then of_timeframe else {_base(timeframes)} end"
    second = f"case when {is_built} or {any_base} = {ours} then null else coalesce({any_base}, {refused}) end"
    query = f"""
        with ours as ({_made(rows, first, types, coverage)}),
        theirs as ({_made(rows, second, types, coverage)})
        {built_rows}
        union all
        select symbol, timeframe, {names}, source from ours
        union all
        select symbol, timeframe, {names}, source from theirs
        where bucket_start not in (select bucket_start from ours)
    """  # noqa: S608 - own names only
    return f"(of_symbol, of_timeframe) as table {query}"


_NUMBER, _UNIT = (
    f"regexp_extract(of_timeframe, '^([1-9][0-9]{{0,6}})(s|m|h|d|w|w_monday|mo)$', {group})" for group in (1, 2)
)
_COUNT: Final = f"try_cast({_NUMBER} as bigint)"
_SECONDS: Final = (
    f"({_COUNT} * case {_UNIT} when 's' then 1 when 'm' then 60 when 'h' then 3600 when 'd' then {_DAY} "
    f"when 'w' then {7 * _DAY} when 'w_monday' then {7 * _DAY} end)"
)


def _base(timeframes: Sequence[Timeframe]) -> str:
    """Return an expression of the coarsest of these, longest first, that divides the wanted one; NULL for none."""
    bases = [timeframe for timeframe in timeframes if timeframe.is_base]
    if not bases:
        return "null"
    is_whole = f"({_DAY} % {_SECONDS} = 0 or {_SECONDS} % {_DAY} = 0)"
    branches = [f"when {_UNIT} = 'mo' and {_COUNT} <= {_MOST_MONTHS} then '{bases[0].name}'"]
    branches += [f"when {_SECONDS} % {each.seconds} = 0 and {is_whole} then '{each.name}'" for each in bases]
    return f"(case {' '.join(branches)} end)"


def _made(rows: str, base: str, types: Mapping[str, str], coverage: str) -> str:
    """Return a query of the whole buckets of the wanted timeframe that rows of the base's make."""
    months = f"case when {_UNIT} = 'mo' and {_COUNT} <= {_MOST_MONTHS} then {_COUNT} else 1 end"
    month = f"(year(bucket_start) * 12 + month(bucket_start) - 1) // {months} * {months}"
    offset = f"case when {_UNIT} = 'w_monday' then {4 * _DAY} else 0 end"
    size = f"coalesce({_SECONDS}, 1)"
    # Whole seconds and calendar months alike, without an interval that a session could see otherwise.
    start = (
        f"case when {_UNIT} = 'mo' then make_timestamp(({month}) // 12, ({month}) % 12 + 1, 1, 0, 0, 0) else "
        f"make_timestamp((((epoch(bucket_start)::bigint - {offset}) // {size}) * {size} + {offset}) * 1000000) end"
    )
    end = (
        f"case when {_UNIT} = 'mo' then started + to_months(({months})::integer) else started + to_seconds({size}) end"
    )
    # A policy may give an empty bucket the close before it: no price of a bucket in which somebody traded.
    aggregates = {
        "open": "arg_min(open, bucket_start)",
        "high": "max(high)",
        "low": "min(low)",
        "close": "arg_max(close, bucket_start)",
    }
    prices = ", ".join(
        f"coalesce({value} filter (where not is_empty), {value}) as {name}" for name, value in aggregates.items()
    )
    sums = {name: _sum(name, types[name]) for name in _SUMS}
    summed = ", ".join(f"{value} as {name}" for name, value in sums.items())
    vwap = _vwap(sums["quote_volume"], sums["base_volume"], types["vwap"])
    return f"""
        with rows as (
            select *, {start} as started from ({rows}) as best
            where best.symbol = of_symbol and best.timeframe = {base}
        ),
        bounded as (select *, {end} as ended from rows),
        made as (
            select
                symbol, started as bucket_start, ended as bucket_end,
                {prices},
                {summed},
                case when count(*) = 1 then any_value(vwap) else {vwap} end as vwap,
                min(first_trade_id) as first_trade_id, max(last_trade_id) as last_trade_id,
                bool_and(is_empty) as is_empty, bool_and(is_closed_market) as is_closed_market,
                bool_and(is_closed) as is_closed,
                string_agg(distinct source, '+' order by source) as source,
                sum(epoch(bucket_end)::bigint - epoch(bucket_start)::bigint) as seconds_there
            from bounded
            group by symbol, started, ended
        )
        select made.* exclude (symbol), made.symbol, of_timeframe as timeframe
        from made
        left join (select symbol, covered_from, covered_to from ({coverage}) as spans) as proven
            on made.symbol = proven.symbol
            and made.bucket_start >= proven.covered_from
            and made.bucket_end <= proven.covered_to
        where made.seconds_there = epoch(made.bucket_end)::bigint - epoch(made.bucket_start)::bigint
            or (made.source = 'trades' and proven.symbol is not null)
    """  # noqa: S608 - own names only


def _vwap(quote: str, base: str, kind: str) -> str:
    """Return quote by base; of decimals cut to 12 places, as candles are built, by way of whole numbers of 1e-12."""
    if kind == "DOUBLE":
        return f"{quote} / nullif({base}, 0)"
    n, d = (f"cast(replace(cast({each} as varchar), '.', '') as hugeint)" for each in (quote, base))
    return f"cast(cast({n} // nullif({d}, 0) as decimal(26, 0)) * cast(0.000000000001 as decimal(12, 12)) as {kind})"


def _sum(name: str, kind: str) -> str:
    """Return a sum that is exact before it is made a double again; NULL where a source does not know a part."""
    value = sql_decimal(name, 18) if kind == "DOUBLE" else name
    return f"cast(case when count(*) = count({name}) then sum({value}) end as {kind})"
