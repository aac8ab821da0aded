"""Candles of any timeframe out of those that are published: a table macro, `candles_of`, of published.duckdb."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from dlt_pipeline.publishing.partitions import Column

CANDLES_OF: Final = "candles_of"
_DAY: Final = 86_400
_FOLDER: Final = re.compile(r"timeframe=([0-9A-Za-z_]+)")
# What the macro reads; a project that publishes candles of its own may have others, and then no macro.
_READ: Final = (
    *("bucket_start", "bucket_end", "open", "high", "low", "close", "base_volume", "quote_volume", "vwap"),
    *("trade_count", "first_trade_id", "last_trade_id", "is_empty", "is_closed"),
)
# A double gives back the decimal that it was made of, and decimals add up exactly.
_EXACT: Final = "cast(cast({0} as varchar) as decimal(38, 18))"


@dataclass(frozen=True)
class Timeframe:
    """A published timeframe: the name, seconds, and how many seconds after the epoch its buckets count from."""

    name: str
    seconds: int
    offset: int

    @property
    def is_base(self) -> bool:
        """Whether others can be made of it, whole days and months alike."""
        return self.offset == 0 and _DAY % self.seconds == 0


def published_timeframes(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> list[Timeframe]:
    """Read what timeframes the files are of, longest first: the name from the path, all else from a row of it."""
    by_name: dict[str, Path] = {}
    for file in files:
        for name in _FOLDER.findall(file.as_posix())[-1:]:
            by_name.setdefault(name, file)
    found = []
    for name, file in by_name.items():
        query = "select epoch(bucket_start)::bigint, epoch(bucket_end)::bigint from read_parquet($1) limit 1"
        for start, end in connection.execute(query, [str(file)]).fetchall():
            found.append(Timeframe(name, end - start, start % (end - start)))
    return sorted(found, key=lambda timeframe: (-timeframe.seconds, timeframe.name))


def candles_of(rows: str, columns: Sequence[Column], timeframes: Sequence[Timeframe], coverage: str) -> str | None:
    """Return the macro's parameters and query over `rows`, the query of all best candles; None where it cannot be.

    The timeframe is one of `timeframes`, whose rows are given as they are, or a count of s, m, h, d, w (from the epoch,
    as Kraken's), w_monday, or mo (calendar months). It is made of the coarsest that divides it: only buckets of which
    every part is there, or which lie in proven time (`coverage`: a query of symbol, covered_from, covered_to).
    """
    types = {column.name: column.type for column in columns}
    if not set(_READ) <= set(types) or not any(timeframe.is_base for timeframe in timeframes):
        return None
    number, unit = (
        f"regexp_extract(of_timeframe, '^([1-9][0-9]{{0,6}})(s|m|h|d|w|w_monday|mo)$', {i})" for i in (1, 2)
    )
    count = f"try_cast({number} as bigint)"
    seconds = (
        f"({count} * case {unit} when 's' then 1 when 'm' then 60 when 'h' then 3600 when 'd' then {_DAY} "
        f"when 'w' then {7 * _DAY} when 'w_monday' then {7 * _DAY} end)"
    )
    known = ", ".join(f"'{timeframe.name}'" for timeframe in timeframes)
    is_there = f"(of_timeframe in ({known}))"
    bases = [timeframe for timeframe in timeframes if timeframe.is_base]
    base = " ".join(
        [
            f"case when {is_there} then null",
            f"when {unit} = 'mo' then '{bases[0].name}'",
            *(
                f"when {seconds} % {each.seconds} = 0 and ({_DAY} % {seconds} = 0 or {seconds} % {_DAY} = 0) "
                f"then '{each.name}'"
                for each in bases
            ),
            "else error('No candles of the timeframe ' || of_timeframe || ' can be made of those that are published ("
            f"{known.replace(chr(39), '')}): write it as 3m, 2h, 5d, 1w, 1w_monday or 1mo; seconds to hours must "
            "divide a day and be whole buckets of a published one.') end",
        ]
    )
    # Whole seconds and calendar months alike, without an interval that a session could see otherwise.
    month = (
        f"(year(bucket_start) * 12 + month(bucket_start) - 1) // coalesce(case when {unit} = 'mo' then {count} end, 1) "
        f"* coalesce(case when {unit} = 'mo' then {count} end, 1)"
    )
    offset = f"case when {unit} = 'w_monday' then {4 * _DAY} else 0 end"
    size = f"coalesce({seconds}, 1)"
    floored = f"make_timestamp((((epoch(bucket_start)::bigint - {offset}) // {size}) * {size} + {offset}) * 1000000)"
    start = (
        f"case when {unit} = 'mo' then "
        f"make_timestamp(({month}) // 12, ({month}) % 12 + 1, 1, 0, 0, 0) else {floored} end"
    )
    end = f"case when {unit} = 'mo' then started + to_months({count}::integer) else started + to_seconds({size}) end"
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
    sums = {name: _sum(name, types[name]) for name in ("base_volume", "quote_volume")}
    vwap = _vwap(sums["quote_volume"], sums["base_volume"], types["vwap"])
    names = ", ".join(_READ)
    query = f"""
        with rows as (
            select *, {start} as started from ({rows}) as best
            where best.symbol = of_symbol and best.timeframe = {base}
        ),
        bounded as (select *, {end} as ended from rows),
        made as (
            select
                symbol, started as bucket_start, ended as bucket_end,
                {prices},
                {sums["base_volume"]} as base_volume, {sums["quote_volume"]} as quote_volume,
                {vwap} as vwap,
                cast(sum(trade_count) as bigint) as trade_count,
                min(first_trade_id) as first_trade_id, max(last_trade_id) as last_trade_id,
                bool_and(is_empty) as is_empty, bool_and(is_closed) as is_closed,
                string_agg(distinct source, '+' order by source) as source,
                sum(epoch(bucket_end)::bigint - epoch(bucket_start)::bigint) as seconds_there
            from bounded
            group by symbol, started, ended
        )
        -- Constants decide which half is read at all.
        select symbol, timeframe, {names}, source from ({rows}) as best
        where best.symbol = of_symbol and best.timeframe = of_timeframe and {is_there}
        union all
        select made.symbol, of_timeframe as timeframe, {names}, source
        from made
        left join (select symbol, covered_from, covered_to from ({coverage}) as spans) as proven
            on made.symbol = proven.symbol
            and made.bucket_start >= proven.covered_from
            and made.bucket_end <= proven.covered_to
        where made.seconds_there = epoch(made.bucket_end)::bigint - epoch(made.bucket_start)::bigint
            or (made.source = 'trades' and proven.symbol is not null)
    """  # noqa: S608 - own names only
    return f"(of_symbol, of_timeframe) as table {query}"


def _vwap(quote: str, base: str, kind: str) -> str:
    """Return quote by base; of decimals cut to 12 places, as candles are built, by way of whole numbers of 1e-12."""
    if kind == "DOUBLE":
        return f"{quote} / nullif({base}, 0)"
    n, d = (f"cast(replace(cast({each} as varchar), '.', '') as hugeint)" for each in (quote, base))
    return f"cast(cast({n} // nullif({d}, 0) as decimal(26, 0)) * cast(0.000000000001 as decimal(12, 12)) as {kind})"


def _sum(name: str, kind: str) -> str:
    """Return a sum that is exact before it is made a double again; NULL where a source does not know a part."""
    value = _EXACT.format(name) if kind == "DOUBLE" else name
    return f"cast(case when count(*) = count({name}) then sum({value}) end as {kind})"
