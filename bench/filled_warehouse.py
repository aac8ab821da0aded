"""A warehouse with days of invented trades, written by SQL as loads of one day each would have left it."""

from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

import duckdb

from dlt_pipeline.exchange import Clock, ExchangeTrade, Feed, Market
from dlt_pipeline.exchange.clock import to_datetime, to_ns
from dlt_pipeline.exchange.market import RecordedCandles, build_listing, market_from_listing
from dlt_pipeline.exchange.trade import TradeSeries, shown_time
from dlt_pipeline.kraken.raw_tables import SCHEMAS
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES

FIRST_DAY = date(2025, 1, 1)
_EPOCH = date(1970, 1, 1)
_DAY_NS, _PAGE = 86_400 * 10**9, 1000
# With as many of a symbol and day no minute is empty, which the invented candles of Kraken's do not provide for.
LEAST_TRADES = 4_320

# The day's trades, at even steps with jitter; every hundredth shares its instant with the one before.
_DRAWN = """
    create or replace table bench.drawn as
    with drawn as (
        select
            s.symbol,
            $day * $count + i + 1 as trade_id,
            hash(s.symbol, $day, i) as luck,
            $day_ns + shown * $step_ns + (hash(shown, $day) % $step_ns)::bigint as time_ns
        from (select i, i - (i % 100 = 99)::bigint as shown from range($count) as r(i)) as r,
            (select unnest($symbols) as symbol) as s
    )
    select
        symbol,
        trade_id,
        time_ns,
        (((100000 + luck % 10000)::bigint)::decimal(18, 0) * 0.01)::decimal(38, 12) as price,
        (((1 + luck // 10000 % 1000000)::bigint)::decimal(18, 0) * 0.00001)::decimal(38, 12) as volume,
        if(luck % 2 = 0, 'buy', 'sell') as side
    from drawn
    order by symbol, trade_id
"""
_TRADES = """
    insert into kraken_raw.trades by name
    select
        *,
        0 as idless_time_ns,
        0 as place,
        0 as after_trade_id,
        make_timestamp(time_ns // 1000) as traded_at,
        make_timestamp(time_ns // 1000)::date as traded_on,
        'limit' as order_type,
        '' as misc,
        $load_id as _dlt_load_id
    from bench.drawn
"""
# Full pages reach to their last trade, the day's last one to midnight. The first one was asked for where the answer
# before it ended, which a real load may have brought.
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
        from bench.drawn
        group by all
    ),
    chained as (
        select
            *,
            trade_count as new_trade_count,
            coalesce(lag(last_time_ns) over w, $day_ns) as covered_from_ns,
            if(lead(number) over w is null, $end_ns, last_time_ns) as covered_to_ns,
            row_number() over w = 1 as is_first,
            nullif(first_trade_id - 1, 0) as asked_known_trade_id,
            make_timestamp($end_ns // 1000 + number) as asked_at
        from pages
        window w as (partition by symbol order by number)
    ),
    before as (
        select symbol, max_by(next_since, covered_to_ns) as next_since, max_by(tail_count, covered_to_ns) as tail_count
        from kraken_raw.pages
        group by symbol
    )
    insert into kraken_raw.pages by name
    select
        chained.* exclude (number, is_first),
        replace(symbol, '/', '') as market_id,
        coalesce(if(is_first, before.next_since, null), covered_from_ns) as since,
        coalesce(if(is_first, before.tail_count, null), 0) as asked_tail_count,
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
    left join before using (symbol)
"""
# As an exchange shows them; of whole microseconds what is shown lies in their minute.
_SHOWN_TRADES = """
    select
        trade_id,
        time_ns // 1000 * 1000,
        price::decimal(18, 5)::varchar,
        volume::decimal(18, 8)::varchar,
        side[1],
        'l',
        ''
    from bench.drawn
    where symbol = $symbol
    order by trade_id
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
    from bench.drawn
    group by all
"""
# Kraken's newest committed candles at the end of the day, as its OHLC endpoint gives them.
_CANDLES = """
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
        sum(trade_count) as trade_count
    from bench.minutes
    where minute_ns >= ($end_ns // $size_ns - 720) * $size_ns
        and minute_ns < $end_ns // $size_ns * $size_ns
    group by symbol, minute_ns // $size_ns
    order by symbol, bucket_start
"""
_REST = f"""
    insert into kraken_raw.rest_candles by name
    select *, make_timestamp($end_ns // 1000) as fetched_at, $load_id as _dlt_load_id from ({_CANDLES})
"""
_SHOWN_CANDLES = f"""
    select
        symbol,
        epoch(bucket_start)::bigint,
        columns(['open', 'high', 'low', 'close', 'vwap'])::decimal(18, 2)::varchar,
        base_volume::decimal(18, 8)::varchar,
        trade_count::bigint
    from ({_CANDLES})
"""
_SIZES = [{"timeframe": name, "size_ns": seconds * 10**9} for name, seconds in REST_TIMEFRAMES.items()]
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
        self.symbols = [f"S{number:02}/USD" for number in range(symbols)]
        self._count = max(1, trades_per_day // symbols)
        with duckdb.connect(str(path)) as connection:
            connection.execute(_TABLES)
            for name, schema in SCHEMAS.items():
                connection.register("rows_of_table", schema.empty_table())
                connection.execute(f"create table kraken_raw.{name} as select *, '' as _dlt_load_id from rows_of_table")
            connection.execute(
                "insert into kraken_raw.markets by name select unnest($symbols) as symbol, 2 as price_decimals, "
                "8 as volume_decimals, timestamp '2025-01-01' as fetched_at, 'first' as _dlt_load_id",
                {"symbols": self.symbols},
            )

    def add_days(self, days: int) -> None:
        """Add so many days, a complete load each, with Kraken's own candles at its end."""
        with duckdb.connect(str(self.path)) as connection:
            for _ in range(days):
                end_ns = self._draw(connection)
                load = {"load_id": f"{(end_ns - _DAY_NS) // 10**9}.1"}
                connection.execute(_TRADES, load)
                connection.execute(_PAGES, load | {"page": _PAGE, "day_ns": end_ns - _DAY_NS, "end_ns": end_ns})
                for size in _SIZES:
                    connection.execute(_REST, load | size | {"end_ns": end_ns})
                connection.execute("insert into kraken_raw._dlt_loads values ($load_id, 'kraken', 0, now(), '')", load)
            connection.execute("drop table if exists bench.drawn")

    def draw_day(self) -> datetime:
        """Draw the next day for an exchange to show (`FilledFeed`), and return its end."""
        with duckdb.connect(str(self.path)) as connection:
            return to_datetime(self._draw(connection))

    def _draw(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Draw the next day's trades and minutes and return its end in ns."""
        day_ns = ((FIRST_DAY - _EPOCH).days + self.days) * _DAY_NS
        drawn = {"day": self.days, "count": self._count, "step_ns": _DAY_NS // self._count, "symbols": self.symbols}
        connection.execute(_DRAWN, drawn | {"day_ns": day_ns})
        connection.execute(_MINUTES)
        self.days += 1
        return day_ns + _DAY_NS


class FilledFeed(Feed):
    """The day that a filled warehouse drew last, and Kraken's candles at its end; all is read from the file at once."""

    def __init__(self, path: Path, now: datetime) -> None:
        """`now` is soon after the day's end."""
        with duckdb.connect(str(path), read_only=True) as connection:
            symbols = connection.execute("select distinct symbol from bench.drawn order by all").fetchall()
            super().__init__([_market(symbol) for (symbol,) in symbols])
            self._clock = Clock(now)
            self._series = {market.key: TradeSeries(market.key) for market in self.markets}
            self._candles: dict[tuple[str, int], RecordedCandles] = {}
            for market in self.markets:
                rows = connection.execute(_SHOWN_TRADES, {"symbol": market.symbol}).fetchall()
                self._series[market.key].extend(ExchangeTrade(*row[:2], shown_time(row[1]), *row[2:]) for row in rows)
            for size in _SIZES:
                minutes, of_market = size["size_ns"] // (60 * 10**9), defaultdict(list)
                end_ns = to_ns(now) // _DAY_NS * _DAY_NS
                for symbol, *row in connection.execute(_SHOWN_CANDLES, size | {"end_ns": end_ns}).fetchall():
                    of_market[self.market(symbol).key].append(row)
                for key, rows in of_market.items():
                    self._candles[key, minutes] = RecordedCandles(rows, rows[-1][0])

    def series(self, market: Market, up_to_ns: int) -> TradeSeries:  # noqa: ARG002
        """The day's trades."""
        return self._series[market.key]

    def recorded_candles(self, market: Market, minutes: int) -> RecordedCandles | None:
        """The candles that ended by the day's end; none of a timeframe of which none has ended."""
        return self._candles.get((market.key, minutes), RecordedCandles([], 0))

    def default_clock(self) -> Clock:
        """A clock that stands still soon after the day's end."""
        return self._clock


def _market(symbol: str) -> Market:
    base, quote = symbol.split("/")
    return market_from_listing(f"{base}{quote}", build_listing(symbol, base, f"Z{quote}", 2))
