"""A warehouse with days of invented trades, written by SQL as loads of one day each would have left it."""

from datetime import date, timedelta
from pathlib import Path

import duckdb

from dlt_pipeline.kraken.raw_tables import SCHEMAS
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES

FIRST_DAY = date(2025, 1, 1)
_EPOCH = date(1970, 1, 1)
_DAY_NS, _PAGE = 86_400 * 10**9, 1000
# With as many of a symbol and day no minute is empty, which the invented candles of Kraken's do not provide for.
LEAST_TRADES = 4_320

# Trades at even steps with jitter; every hundredth shares its instant with the one before.
_TRADES = """
    with drawn as (
        select
            s.symbol,
            $day * $count + i + 1 as trade_id,
            hash(s.symbol, $day, i) as luck,
            $day_ns + shown * $step_ns + (hash(shown, $day) % $step_ns)::bigint as time_ns
        from (select i, i - (i % 100 = 99)::bigint as shown from range($count) as r(i)) as r,
            (select unnest($symbols) as symbol) as s
    )
    insert into kraken_raw.trades by name
    select
        symbol,
        trade_id,
        0 as idless_time_ns,
        0 as place,
        0 as after_trade_id,
        time_ns,
        make_timestamp(time_ns // 1000) as traded_at,
        make_timestamp(time_ns // 1000)::date as traded_on,
        ((100000 + luck % 10000)::bigint)::decimal(18, 0) * 0.01 as price,
        ((1 + luck // 10000 % 1000000)::bigint)::decimal(18, 0) * 0.00001 as volume,
        if(luck % 2 = 0, 'buy', 'sell') as side,
        'limit' as order_type,
        '' as misc,
        $load_id as _dlt_load_id
    from drawn
    order by symbol, trade_id
"""
# Full pages reach to their last trade, the day's last one to midnight.
_PAGES = """
    with pages as (
        select
            symbol,
            (trade_id - 1) // $page as number,
            count(*) as trade_count,
            min(trade_id) as first_trade_id,
            max(trade_id) as last_trade_id,
            min(time_ns) as first_time_ns,
            max(time_ns) as last_time_ns
        from kraken_raw.trades
        where traded_on = $traded_on
        group by all
    ),
    chained as (
        select
            *,
            trade_count as new_trade_count,
            coalesce(lag(last_time_ns) over w, $day_ns) as covered_from_ns,
            if(lead(number) over w is null, $end_ns, last_time_ns) as covered_to_ns,
            nullif(first_trade_id - 1, 0) as asked_known_trade_id,
            make_timestamp($end_ns // 1000 + number) as asked_at
        from pages
        window w as (partition by symbol order by number)
    )
    insert into kraken_raw.pages by name
    select
        * exclude (number),
        replace(symbol, '/', '') as market_id,
        covered_from_ns as since,
        0 as asked_tail_count,
        last_time_ns as last,
        0 as idless_count,
        covered_to_ns = last_time_ns as is_full,
        true as is_backfill,
        covered_to_ns as next_since,
        last_trade_id as known_trade_id,
        0 as idless_since_id,
        covered_to_ns as tail_time_ns,
        0 as tail_count,
        0 as missing_id_count,
        asked_at as answered_at,
        asked_at as exchange_at,
        $load_id as _dlt_load_id
    from chained
"""
# Minutes to make Kraken's candles of, beside the raw tables, where no model looks. Quote volume in whole units, for an
# exactly cut vwap.
_MINUTES = """
    insert into bench.minutes
    select
        symbol,
        time_ns // 60000000000 * 60000000000,
        arg_min(price, trade_id),
        max(price),
        min(price),
        arg_max(price, trade_id),
        sum(volume),
        sum((price * 100)::bigint * (volume * 100000)::bigint),
        count(*)
    from kraken_raw.trades
    where traded_on = $traded_on
    group by all
"""
# Kraken's newest committed candles at the end of the day, as its OHLC endpoint gives them.
_REST = """
    insert into kraken_raw.rest_candles by name
    select
        symbol,
        $timeframe as timeframe,
        $size_ns // 1000000000 as timeframe_seconds,
        make_timestamp(minute_ns // $size_ns * $size_ns // 1000) as bucket_start,
        arg_min(open, minute_ns) as open,
        max(high) as high,
        min(low) as low,
        arg_max(close, minute_ns) as close,
        (sum(quote_units) // (sum(base_volume) * 100000)::hugeint)::decimal(18, 0) * 0.01 as vwap,
        sum(base_volume) as base_volume,
        sum(trade_count) as trade_count,
        make_timestamp($end_ns // 1000) as fetched_at,
        $load_id as _dlt_load_id
    from bench.minutes
    where minute_ns >= ($end_ns // $size_ns - 720) * $size_ns
        and minute_ns < $end_ns // $size_ns * $size_ns
    group by symbol, minute_ns // $size_ns
"""
_TABLES = """
    create schema kraken_raw;
    create schema bench;
    create table bench.minutes (
        symbol varchar, minute_ns bigint, open decimal(38, 12), high decimal(38, 12), low decimal(38, 12),
        close decimal(38, 12), base_volume decimal(38, 12), quote_units hugeint, trade_count bigint
    );
    create table kraken_raw._dlt_loads (
        load_id varchar, schema_name varchar, status bigint, inserted_at timestamp with time zone,
        schema_version_hash varchar
    );
"""


class FilledWarehouse:
    """A warehouse file that grows by whole days."""

    def __init__(self, path: Path, symbols: int, trades_per_day: int) -> None:
        """Make the file with empty raw tables; the trades of a day are shared out to the symbols."""
        self.path, self.days = path, 0
        self._symbols = [f"S{number:02}/USD" for number in range(symbols)]
        self._count = max(1, trades_per_day // symbols)
        with duckdb.connect(str(path)) as connection:
            connection.execute(_TABLES)
            for name, schema in SCHEMAS.items():
                connection.register("rows_of_table", schema.empty_table())
                connection.execute(f"create table kraken_raw.{name} as select *, '' as _dlt_load_id from rows_of_table")
            connection.execute(
                "insert into kraken_raw.markets by name select unnest($symbols) as symbol, 2 as price_decimals, "
                "8 as volume_decimals, timestamp '2025-01-01' as fetched_at, 'first' as _dlt_load_id",
                {"symbols": self._symbols},
            )

    def add_days(self, days: int) -> None:
        """Add so many days, a complete load each, with Kraken's own candles at its end."""
        with duckdb.connect(str(self.path)) as connection:
            for _ in range(days):
                self._add_day(connection)

    def _add_day(self, connection: duckdb.DuckDBPyConnection) -> None:
        day = FIRST_DAY + timedelta(days=self.days)
        day_ns = (day - _EPOCH).days * _DAY_NS
        load = {"load_id": f"{day_ns // 10**9}.1"}
        drawn = {"day": self.days, "count": self._count, "step_ns": _DAY_NS // self._count, "symbols": self._symbols}
        connection.execute(_TRADES, load | drawn | {"day_ns": day_ns})
        on_day = {"traded_on": day}
        connection.execute(_PAGES, load | on_day | {"page": _PAGE, "day_ns": day_ns, "end_ns": day_ns + _DAY_NS})
        connection.execute(_MINUTES, on_day)
        for timeframe, seconds in REST_TIMEFRAMES.items():
            size = {"timeframe": timeframe, "size_ns": seconds * 10**9}
            connection.execute(_REST, load | size | {"end_ns": day_ns + _DAY_NS})
        connection.execute("insert into kraken_raw._dlt_loads values ($load_id, 'kraken', 0, now(), '')", load)
        self.days += 1
