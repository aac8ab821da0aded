"""A warehouse with the tables that a publish reads, made by hand of a few hours of minutes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

COLUMNS = (
    "bucket_start, bucket_end, open, high, low, close, base_volume, quote_volume, taker_buy_base_volume, "
    "taker_buy_quote_volume, vwap, trade_count, taker_buy_count, first_trade_id, last_trade_id, "
    "is_empty, is_closed_market, is_closed, is_best"
)
PRICE = {"float64": "double", "decimal": "decimal(38, 12)"}
QUOTE = {"float64": "double", "decimal": "decimal(38, 24)"}

# Three hours over the turn of a year; ETH/USD has a minute without trades, which Kraken's own candle repeats.
MINUTES = """
    create schema if not exists made;
    create or replace table made.minutes as
    select
        source, symbol, timestamp '2025-12-31 22:00' + minute * interval 1 minute as started,
        cast(0.1 + minute as decimal(38, 12)) as price,
        cast(case when symbol = 'ETH/USD' and minute = 70 then 0 else 1.000000000001 end as decimal(38, 12)) as volume,
        minute
    from (values ('trades'), ('rest')) as a (source), (values ('BTC/USD'), ('ETH/USD')) as b (symbol),
        range(180) as c (minute)
"""
CANDLES = """
    create schema if not exists {schema};
    create or replace table {schema}.made_candles as
    select
        source, symbol, timeframe, year(bucket_start) as year, bucket_start,
        bucket_start + seconds * interval 1 second as bucket_end,
        cast(arg_min(price, minute) as {price}) as open, cast(max(price) as {price}) as high,
        cast(min(price) as {price}) as low, cast(arg_max(price, minute) as {price}) as close,
        cast(sum(volume) as {price}) as base_volume,
        cast(sum(price * volume) filter (where source = 'trades') as {quote}) as quote_volume,
        cast(sum(volume * is_bought) filter (where source = 'trades') as {price}) as taker_buy_base_volume,
        cast(sum(price * volume * is_bought) filter (where source = 'trades') as {quote}) as taker_buy_quote_volume,
        cast(sum(is_bought) filter (where source = 'trades') as bigint) as taker_buy_count,
        cast(avg(price) as {price}) as vwap,
        cast(count(*) as bigint) as trade_count,
        min(minute) filter (where source = 'trades') as first_trade_id,
        max(minute) filter (where source = 'trades') as last_trade_id,
        sum(volume) = 0 as is_empty, false as is_closed_market, true as is_closed,
        source = 'trades' or symbol = 'ETH/USD' as is_best
    from (
        select *, cast(minute % 3 = 0 as int) as is_bought,
            time_bucket(seconds * interval 1 second, started) as bucket_start
        from made.minutes, (values ('1m', 60), ('1h', 3600)) as d (timeframe, seconds)
    )
    group by all
    order by random();
    create or replace view {schema}.exported_candles as
    select source, symbol, timeframe, year, {columns} from {schema}.made_candles;
    create or replace table {schema}.export_partitions as
    select
        source, symbol, timeframe, year, count(*) as row_count,
        md5(string_agg(c::text, '' order by bucket_start) || '{numbers}') as content_hash,
        '{policy}' as empty_bucket_policy, '{numbers}' as numbers
    from {schema}.exported_candles as c
    group by all;
    create or replace view {schema}.export_days as
    select
        source, symbol, timeframe, year, bucket_start::date as bucket_on, count(*) as row_count,
        md5(string_agg(c::text, '' order by bucket_start)) as content_hash
    from {schema}.exported_candles as c
    group by all
"""


@dataclass
class Made:
    """The warehouse at `path`; its content changes by SQL over `made.minutes`."""

    path: Path
    schema: str = "kraken"

    @property
    def exports(self) -> Path:
        return self.path.parent / "exports"

    @property
    def tree(self) -> Path:
        return self.exports / "candles"

    @property
    def published(self) -> Path:
        return self.path.parent / "published.duckdb"

    def build(self, change: str = MINUTES, numbers: str = "float64", policy: str = "null") -> None:
        """Change the minutes, then make the tables as a build would."""
        price, quote = PRICE[numbers], QUOTE[numbers]
        models = CANDLES.format(
            schema=self.schema, columns=COLUMNS, price=price, quote=quote, numbers=numbers, policy=policy
        )
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(f"begin; {change}; {models}; commit")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask published.duckdb as an analyst does."""
        with duckdb.connect(str(self.published), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def files(self) -> dict[str, tuple[int, int]]:
        """Return inode and time of change of each file in the tree, by its folder there."""
        return {
            str(path.parent.relative_to(self.tree)): (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in self.tree.rglob("*.parquet")
        }

    def versions(self) -> list[Path]:
        return sorted((self.exports / ".versions").rglob("*.parquet"))

    def leftovers(self) -> list[str]:
        """Return what a publish may not leave behind: half-written files, spilled rows, logs."""
        folder = self.path.parent
        found = [path for path in self.exports.rglob("*") if path.is_file() and path.parent != self.exports]
        strange = [
            path for path in found if path.parent.name[:5] != "year=" or path.suffix not in (".parquet", ".replaced")
        ]
        beside = [path for path in folder.iterdir() if "published" in path.name and path != self.published]
        return [str(path) for path in [*strange, *beside]]
