"""After an import: older editions that a newer one replaces go if both agree, and so do rows that no ledger counts."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.warehouse import DATASET, open_warehouse

# Finished files of complete loads, each with a newer one that takes its place: the rule of the model archive_editions.
_PAIRS: Final = f"""
    with files as (
        select f.*, coalesce(f.timeframe, '') as timeframe_key,
            row_number() over (order by f.imported_at, f.edition_id) as import_number
        from {DATASET}.archive_files as f
        inner join {DATASET}._dlt_loads as l on f._dlt_load_id = l.load_id and l.status = 0
        where f.row_count > 0
    )
    select
        older.edition_id, newer.edition_id, older.symbol, newer.symbol, older.format, older.archive, older.member,
        newer.archive, newer.member, older.covered_from_ns, older.covered_to_ns
    from files as older
    inner join files as newer
        on older.format = newer.format and older.timeframe_key = newer.timeframe_key
        and older.import_number < newer.import_number
        and (
            (
                older.symbol = newer.symbol and older.format <> 'trades_with_ids'
                and older.covered_from_ns >= newer.covered_from_ns and older.covered_to_ns <= newer.covered_to_ns
            )
            or (
                older.symbol <> newer.symbol and older.content_hash = newer.content_hash
                and coalesce(older.wanted_from_ns, 0) = coalesce(newer.wanted_from_ns, 0)
                and coalesce(older.wanted_to_ns, 0) = coalesce(newer.wanted_to_ns, 0)
            )
        )
    qualify row_number() over (partition by older.edition_id order by newer.import_number desc) = 1
    order by older.import_number
"""  # noqa: S608 - own names only
# Trades (of candles: of all their trades) and volume by UTC day, of rows that count, within the older one's time.
_DAYS: Final[dict[str, str]] = {
    "trades": "select traded_on as day, count(*) as trades, sum(volume) as volume",
    "candles": "select bucket_start::date as day, sum(trade_count) as trades, sum(base_volume) as volume",
}
_TIMES: Final = {"trades": "time_ns", "candles": "epoch_us(bucket_start) * 1000"}
_TABLES: Final = {"trades": "archive_trades", "candles": "archive_candles"}
_COMPLETE_PARTS: Final = (
    f"select p.part_id from {DATASET}.archive_parts as p "  # noqa: S608 - own names only
    f"inner join {DATASET}._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0"
)


@dataclass(frozen=True)
class Pair:
    """An older edition and the newest one that takes its place; `days` are those on which they disagree.

    A day has its UTC date, then trades and volume (base units) of the older and of the newer one.
    """

    older_id: int
    newer_id: int
    older: str
    newer: str
    symbol: str
    days: tuple[tuple[str, int, Decimal, int, Decimal], ...] = ()
    is_removed: bool = False


def tidy(path: Path, failed: Collection[int] = ()) -> list[Pair]:
    """Delete rows that count no more, in one transaction, and return the editions that were replaced.

    These are: rows of an older edition that agrees with its newer one; rows without a part of a complete load, which a
    kill left behind; all rows of `failed` editions, whose files turned out to be damaged. Where two editions disagree,
    both stay stored. Raises a WarehouseError.
    """
    with open_warehouse(path) as connection:
        connection.begin()
        _remove_failed(connection, failed)
        _remove_uncounted(connection)
        pairs = list(_replaced(connection))
        connection.commit()
    return pairs


def _remove_failed(connection: duckdb.DuckDBPyConnection, failed: Collection[int]) -> None:
    if failed:
        for table in ("archive_trades", "archive_candles", "archive_parts", "archive_refused_rows"):
            _delete(connection, table, "list_contains($failed, edition_id)", failed=list(failed))


def _remove_uncounted(connection: duckdb.DuckDBPyConnection) -> None:
    """What a kill left: most times there is nothing, and a table that is only read is not written."""
    for table in ("archive_trades", "archive_candles"):
        _delete(connection, table, f"part_id not in ({_COMPLETE_PARTS})")
    _delete(connection, "archive_parts", f"part_id not in ({_COMPLETE_PARTS})")


def _replaced(connection: duckdb.DuckDBPyConnection) -> Iterator[Pair]:
    for row in connection.execute(_PAIRS).fetchall():
        older_id, newer_id, older_symbol, newer_symbol, kind, *names, from_ns, to_ns = row
        older, newer = " in ".join(names[1::-1]), " in ".join(names[:1:-1])
        pair = Pair(older_id, newer_id, older, newer, newer_symbol)
        table = _TABLES.get(kind)
        if table is None:  # rows with ids have merged
            yield pair
            continue
        days: tuple[Any, ...] = ()
        if older_symbol == newer_symbol and _has_rows(connection, table, older_id):
            days = tuple(_differing(connection, kind, (older_id, newer_id), (from_ns, to_ns)))
        if days:
            yield Pair(older_id, newer_id, older, newer, newer_symbol, days)
            continue
        removed = _delete(connection, table, "edition_id = $older", older=older_id)
        yield Pair(older_id, newer_id, older, newer, newer_symbol, is_removed=bool(removed))


def _differing(
    connection: duckdb.DuckDBPyConnection, kind: str, editions: tuple[int, int], span: tuple[int, int]
) -> list[tuple[Any, ...]]:
    sides = [
        f"({_DAYS[kind]} from {DATASET}.{_TABLES[kind]} where edition_id = ${side} "
        f"and {_TIMES[kind]} >= $from_ns and {_TIMES[kind]} < $to_ns and part_id in ({_COMPLETE_PARTS}) group by all)"
        for side in ("older", "newer")
    ]
    query = (
        "select strftime(day, '%Y-%m-%d'), coalesce(o.trades, 0)::bigint, coalesce(o.volume, 0), "  # noqa: S608
        "coalesce(n.trades, 0)::bigint, coalesce(n.volume, 0) "
        f"from {sides[0]} as o full join {sides[1]} as n using (day) "
        "where o.trades is distinct from n.trades or o.volume is distinct from n.volume order by day"
    )
    values = dict(zip(("older", "newer", "from_ns", "to_ns"), (*editions, *span), strict=True))
    return connection.execute(query, values).fetchall()


def _has_rows(connection: duckdb.DuckDBPyConnection, table: str, edition_id: int) -> bool:
    query = f"select 1 from {DATASET}.{table} where edition_id = ? limit 1"  # noqa: S608 - own names only
    return bool(connection.execute(query, [edition_id]).fetchall())


def _delete(connection: duckdb.DuckDBPyConnection, table: str, condition: str, **values: object) -> int:
    """Delete rows and return how many; a table is not written where none is to go."""
    found = connection.execute(f"select 1 from {DATASET}.{table} where {condition} limit 1", values).fetchall()  # noqa: S608
    if not found:
        return 0
    (count,) = connection.execute(f"delete from {DATASET}.{table} where {condition}", values).fetchall()[0]  # noqa: S608
    return int(count)
