"""What a trader looks at: figures of each symbol, and as many of its newest candles as an eye can tell apart."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import duckdb

from dlt_pipeline.common.exceptions import BadInputError, NothingBuiltError
from dlt_pipeline.warehouse.database import ask_built, require_built, sql_decimal, sql_digits, sql_text

# Candles of a symbol and timeframe that a chart can show apart on a wide screen, and fewer of which say too little.
MOST_CANDLES: Final = 600
LEAST_CANDLES: Final = 120
# Of all symbols and timeframes together: some 18 bytes of the page each.
ALL_CANDLES: Final = 400_000
_GAPS: Final = 200  # of a symbol, newest first
_PRICES: Final = ("open", "high", "low", "close")
_SUMS: Final = ("base_volume", "taker_buy_base_volume")
_DECIMALS: Final = 12  # of prices and volumes in the warehouse
_HELD: Final = """
    create temp table held as
    select
        symbol, timeframe, any_value(epoch(bucket_end - bucket_start)::bigint) as size, count(*) as candles,
        min(bucket_start) as first_start, max(bucket_end) as last_end
    from kraken.ohlcv
    where {wanted}
    group by symbol, timeframe
"""
# The newest ones of each timeframe; and of what is longer than that in every timeframe, the coarsest one, several
# candles made one (`merged` of them), so that all of the history can be seen.
_DRAWN: Final = """
    create temp table drawn as
    with newest as (
        select symbol, timeframe, 1 as merged, size, {columns}
        from kraken.ohlcv inner join held using (symbol, timeframe)
        where ({since}) and bucket_start >= last_end - to_seconds(size * {most})
    ),
    longest as (
        select *, ceil((epoch(last_end) - epoch(first_start)) / size / {most})::bigint as merged
        from held
        qualify row_number() over (partition by symbol order by size desc) = 1
    ),
    merged as (
        select
            symbol, timeframe, merged, size * merged as size,
            make_timestamp(
                ((epoch(bucket_start) - epoch(first_start))::bigint // (size * merged) * (size * merged) * 1000000)
                + epoch_us(first_start)
            ) as started,
            arg_min(open, bucket_start) as open, max(high) as high, min(low) as low,
            arg_max(close, bucket_start) as close, {sums},
            sum(trade_count)::bigint as trade_count, bool_and(is_empty) as is_empty,
            bool_and(is_closed_market) as is_closed_market, bool_and(is_closed) as is_closed,
            max(source) as source, max(bucket_end) as bucket_end
        from kraken.ohlcv inner join longest using (symbol, timeframe)
        where merged > 1
        group by symbol, timeframe, merged, size, started
    )
    select * from newest
    union all by name
    select * rename (started as bucket_start) from merged
"""
# Whole numbers of the last decimal that any of a column's values needs, each price as its distance to one beside it.
_PACKED: Final = """
    with needed as (
        select symbol, timeframe, merged, max(greatest({price_decimals})) as decimals,
            max({volume_decimals}) as volume_decimals
        from drawn group by all
    ),
    whole as (
        select
            symbol, timeframe, merged, size, bucket_start, epoch(bucket_start)::bigint as started, decimals,
            volume_decimals,
            {whole_prices},
            {whole_volume} as volume,
            trade_count,
            case when base_volume > 0
                then round((2 * taker_buy_base_volume::double / base_volume::double - 1) * 1000)::bigint end as taken,
            case
                when source = 'rest' then 'r' when source = 'archive' then 'a'
                when is_closed_market then 'c' when is_empty then 'e' when not is_closed then 'o'
                else '-'
            end as kind
        from drawn inner join needed using (symbol, timeframe, merged)
    ),
    apart as (
        select
            *, (started - lag(started) over w) // size as step,
            close - coalesce(lag(close ignore nulls) over w, 0) as move,
            open - close as body, high - greatest(open, close) as above, least(open, close) - low as below
        from whole
        window w as (partition by symbol, timeframe, merged order by bucket_start)
    )
    select
        symbol, timeframe, merged, any_value(size), min(started), any_value(decimals), any_value(volume_decimals),
        {texts}
    from apart
    group by symbol, timeframe, merged
    order by symbol, any_value(size)
"""
_COLUMNS: Final = ("step", "move", "body", "above", "below", "volume", "trade_count", "taken")
# Figures are taken from the finest timeframe from a minute on, up to the end of its newest bucket; the price before is
# the last one before the time begins, or the first within where none is loaded before it.
_FIGURES: Final = """
    with base as (
        select symbol, timeframe, last_end from held
        qualify row_number() over (partition by symbol order by size < 60, if(size < 60, -size, size)) = 1
    ),
    rows as (
        select ohlcv.*, last_end
        from kraken.ohlcv as ohlcv inner join base using (symbol, timeframe)
        where bucket_start >= last_end - interval 8 days
    ),
    spans as (select unnest([1, 7]) as days),
    figures as (
        select
            symbol, days, last_end,
            arg_max(close, bucket_start) filter (close is not null) as last_close,
            arg_max(close, bucket_start) filter (
                close is not null and bucket_end <= last_end - to_days(days)
            ) as close_before,
            arg_min(open, bucket_start) filter (
                open is not null and bucket_start >= last_end - to_days(days)
            ) as first_open,
            sum(base_volume) filter (bucket_start >= last_end - to_days(days)) as volume,
            sum(quote_volume) filter (bucket_start >= last_end - to_days(days)) as turnover,
            sum(trade_count) filter (bucket_start >= last_end - to_days(days))::bigint as trades,
            sum(taker_buy_base_volume) filter (bucket_start >= last_end - to_days(days)) as bought,
            sum(base_volume) filter (
                bucket_start >= last_end - to_days(days) and taker_buy_base_volume is not null
            ) as with_side,
            max(high) filter (bucket_start >= last_end - to_days(days)) as high,
            min(low) filter (bucket_start >= last_end - to_days(days)) as low
        from rows cross join spans
        group by all
    )
    select
        symbol, days, last_end, {exact_last},
        last_close::double / nullif(coalesce(close_before, first_open), 0)::double - 1,
        {exact_volume}, turnover::double, trades,
        2 * bought::double / nullif(with_side, 0)::double - 1, {exact_high}, {exact_low}
    from figures
    order by symbol, days
"""
_LAST: Final = (
    "select symbol, {exact_last} from (select symbol, arg_max(close, bucket_end) as last_close from drawn group by 1)"
)
_SHARES: Final = """
    select ends.symbol, days, sum(greatest(0, epoch(least(covered_to, last_end)) - epoch(greatest(
        covered_from, last_end - to_days(days)))) ) / (86400 * days)
    from (select symbol, max(covered_to) as last_end from kraken.coverage group by symbol) as ends
    inner join kraken.coverage on coverage.symbol = ends.symbol
    cross join (select unnest([1, 7]) as days)
    group by ends.symbol, days
"""
_LINES: Final = """
    with chosen as (
        select symbol, timeframe, last_end from held where size <= 14400
        qualify row_number() over (partition by symbol order by size desc) = 1
    )
    select symbol, list(close::double order by bucket_start)
    from drawn inner join chosen using (symbol, timeframe)
    where merged = 1 and close is not null and bucket_start >= last_end - interval 7 days
    group by symbol
"""
_GAP_ROWS: Final = f"""
    select symbol, epoch_ms(gap_from), epoch_ms(gap_to), reason, is_accepted
    from kraken.gaps
    where {{wanted}}
    qualify row_number() over (partition by symbol order by gap_from desc) <= {_GAPS}
    order by symbol, gap_from
"""  # noqa: S608 - own names only


@dataclass(frozen=True)
class Series:
    """Candles of one timeframe, or of `merged` of it made one, packed as text: see page.js for how they are read."""

    timeframe: str
    merged: int
    seconds: int
    first_start: int
    decimals: int
    volume_decimals: int
    columns: Sequence[str]
    kinds: str

    def packed(self) -> dict[str, Any]:
        """Return what the page decodes."""
        return {
            "timeframe": self.timeframe,
            "merged": self.merged,
            "seconds": self.seconds,
            "start": self.first_start,
            "decimals": self.decimals,
            "volumeDecimals": self.volume_decimals,
            "kinds": self.kinds,
        } | dict(zip(_COLUMNS, self.columns, strict=True))


@dataclass
class Symbol:
    """A symbol's figures as JSON has them, and its candles, which the page takes only when it is chosen."""

    name: str
    figures: dict[str, Any] = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)


@dataclass(frozen=True)
class MarketView:
    """The first screen; `most` is how many candles of a symbol and timeframe it has at most."""

    symbols: Sequence[Symbol]
    most: int


def read_market(connection: duckdb.DuckDBPyConnection, wanted: Collection[str], place: object) -> MarketView:
    """Read the figures and candles of the wanted symbols, of all without any.

    Raises NothingBuiltError where `place`, which the connection has open, has no candles, and BadInputError for a
    symbol that is not there.
    """
    condition = f"symbol in ({', '.join(map(sql_text, wanted))})" if wanted else "true"
    with require_built(str(place)):
        connection.execute(_HELD.format(wanted=condition))
    held = connection.execute(
        "select symbol, timeframe, size, candles, epoch_ms(first_start), epoch_ms(last_end) from held "
        "order by symbol, size"
    ).fetchall()
    symbols = {name: Symbol(name, {"timeframes": []}) for name in dict.fromkeys(row[0] for row in held)}
    missing = [name for name in wanted if name not in symbols]
    if missing:
        query = "select distinct symbol from kraken.ohlcv order by 1 limit 5"
        known = [row[0] for row in connection.execute(query).fetchall()]
        there = f"there are {', '.join(known)}" if known else "no candles are there"
        raise BadInputError(f"No candles of {', '.join(missing)} are here; {there}: `kraken-candles list` shows all.")
    if not symbols:
        raise NothingBuiltError(f"{place} has no candle yet; load a longer range and run `kraken-candles build`.")
    for name, timeframe, size, count, first, last in held:
        symbols[name].figures["timeframes"].append([timeframe, size, count, first, last])
    most = max(LEAST_CANDLES, min(MOST_CANDLES, ALL_CANDLES // len(held)))
    _draw(connection, symbols, most)
    _figures(connection, symbols)
    for name, *gap in (
        ask_built(connection, _GAP_ROWS.format(wanted=condition)) or ()  # an older program may have published
    ):
        if name in symbols:
            symbols[name].figures.setdefault("gaps", []).append(gap)
    return MarketView(list(symbols.values()), most)


def _draw(connection: duckdb.DuckDBPyConnection, symbols: dict[str, Symbol], most: int) -> None:
    kinds = dict(connection.execute("select column_name, column_type from (describe kraken.ohlcv)").fetchall())
    numbers = {name: _as_decimal(name, kinds[name]) for name in (*_PRICES, *_SUMS)}
    columns = [f"{numbers[name]} as {name}" for name in numbers]
    columns += ["trade_count", "is_empty", "is_closed_market", "is_closed", "source", "bucket_start", "bucket_end"]
    # Once more as constants, which halve the time: DuckDB asks them before it reads any number.
    oldest = connection.execute(
        f"select timeframe, min(last_end - to_seconds(size * {most})) from held group by timeframe"  # noqa: S608
    ).fetchall()
    since = " or ".join(
        f"timeframe = {sql_text(name)} and bucket_start >= timestamp {sql_text(start)}" for name, start in oldest
    )
    connection.execute(
        _DRAWN.format(
            most=most,
            since=since,
            columns=", ".join(columns),
            sums=", ".join(f"sum({numbers[name]}) as {name}" for name in _SUMS),
        )
    )
    query = _PACKED.format(
        price_decimals=", ".join(_needed(name) for name in _PRICES),
        volume_decimals=_needed("base_volume"),
        whole_prices=", ".join(f"{_whole(name, 'decimals')} as {name}" for name in _PRICES),
        whole_volume=_whole("base_volume", "volume_decimals"),
        texts=", ".join(
            [
                *(f"string_agg(coalesce({name}::varchar, ''), ',' order by bucket_start)" for name in _COLUMNS),
                "string_agg(kind, '' order by bucket_start)",
            ]
        ),
    )
    for name, timeframe, merged, seconds, start, decimals, of_volume, *texts, kind in connection.execute(
        query
    ).fetchall():
        symbols[name].series.append(Series(timeframe, merged, seconds, start, decimals, of_volume, texts, kind))


def _as_decimal(name: str, kind: str) -> str:
    """Return a column as the decimal that a published float stands for; to cast the float itself would add digits."""
    return sql_decimal(name, _DECIMALS) if kind in ("DOUBLE", "FLOAT") else name


def _needed(name: str) -> str:
    """Return how many decimals a value has without the zeros behind."""
    return f"length(rtrim(split_part(coalesce({name}::decimal(38, {_DECIMALS}), 0)::varchar, '.', 2), '0'))"


def _whole(name: str, decimals: str) -> str:
    """Return a value as a whole number of its last decimal."""
    digits = f"replace({name}::decimal(38, {_DECIMALS})::varchar, '.', '')::hugeint"
    return f"{digits} // (10::hugeint ** ({_DECIMALS} - {decimals}))::hugeint"


def _figures(connection: duckdb.DuckDBPyConnection, symbols: dict[str, Symbol]) -> None:
    exact = {
        f"exact_{name}": _exact(column)
        for name, column in {"last": "last_close", "volume": "volume", "high": "high", "low": "low"}.items()
    }
    for name, last in connection.execute(_LAST.format(**exact)).fetchall():
        symbols[name].figures["last"] = last
    for row in connection.execute(_FIGURES.format(**exact)).fetchall():
        name, days, ends, last, change, volume, turnover, trades, taken, high, low = row
        about = symbols[name].figures
        about["ends"] = _milliseconds(ends)
        about["last"] = last or about.get("last")
        about["day" if days == 1 else "week"] = {
            "change": change,
            "volume": volume,
            "turnover": turnover,
            "trades": trades,
            "taken": taken,
            "high": high,
            "low": low,
            "proven": 0,
        }
    for name, days, share in connection.execute(_SHARES).fetchall():
        if name in symbols:
            symbols[name].figures.get("day" if days == 1 else "week", {})["proven"] = min(1, round(share, 4))
    lines: dict[str, Sequence[float]] = defaultdict(list, connection.execute(_LINES).fetchall())
    for name, symbol in symbols.items():
        symbol.figures["line"] = _scaled(lines[name])


def _exact(name: str) -> str:
    """Return a number as the text of all its digits, without zeros behind."""
    decimal = sql_digits(sql_decimal(name, _DECIMALS))
    text = f"case when typeof({name}) in ('DOUBLE', 'FLOAT') then {decimal} else {name}::varchar end"
    return f"case when contains({text}, '.') then {sql_digits(text)} else {text} end"


def _scaled(closes: Sequence[float]) -> list[int]:
    """Return closes as 0 to 100 of their range."""
    low, high = min(closes, default=0), max(closes, default=0)
    return [round((close - low) / (high - low) * 100) if high > low else 50 for close in closes]


def _milliseconds(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1)).total_seconds() * 1000)  # noqa: DTZ001 - the warehouse's are naive UTC
