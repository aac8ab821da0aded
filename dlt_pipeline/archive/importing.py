"""An import of archives: a chain of bounded dlt runs, each committing rows, parts and files together; then tidying.

Tidied away are older editions that a newer one replaces, if both agree, and rows that no ledger counts.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.archive.raw_tables import ARCHIVE_SCHEMAS
from dlt_pipeline.archive.report import ImportReport, Pair, Removed
from dlt_pipeline.archive.source import ArchiveChunk, source_of
from dlt_pipeline.archive.stored import Stored, read_stored
from dlt_pipeline.archive.symbols import ArchiveRequest, make_archive_request
from dlt_pipeline.archive.work import ImportListener, Work
from dlt_pipeline.common.time import When
from dlt_pipeline.kraken.ledger_store import LedgerStore, file_versions, place_of
from dlt_pipeline.warehouse.database import DATASET
from dlt_pipeline.warehouse.pipeline import Delete, Place, drop_old_packages

_PAIRS: Final = f"""
    with {file_versions(f"{DATASET}.archive_files", f"{DATASET}._dlt_loads")},
    pairs as (select * from renamed union all select * from replaced)
    select
        older.edition_id, newer.edition_id, older.symbol, newer.symbol, older.format, older.archive, older.member,
        newer.archive, newer.member, least(older.covered_from_ns, older.first_time_ns),
        greatest(older.covered_to_ns, older.last_time_ns + 1)
    from pairs
    inner join files as older on pairs.older_id = older.edition_id
    inner join files as newer on pairs.newer_id = newer.edition_id
    order by older.import_number
"""  # noqa: S608 - own names only
# Trades (of candles: of all their trades), volume and what the rows say, whatever their order, by UTC day, of rows that
# count, within the older one's time.
_DAYS: Final[dict[str, str]] = {
    "trades": "select traded_on as day, count(*) as trades, sum(volume) as volume, "
    "sum(hash(time_ns, price, volume)::hugeint) as content",
    "candles": "select bucket_start::date as day, sum(trade_count) as trades, sum(base_volume) as volume, "
    "sum(hash(bucket_start, open, high, low, close, round(base_volume, 8), trade_count)::hugeint) as content",
}
_TIMES: Final = {"trades": "time_ns", "candles": "epoch_us(bucket_start) * 1000"}
_TABLES: Final = {"trades": "archive_trades", "candles": "archive_candles"}
_COMPLETE_PARTS: Final = (
    f"select p.part_id from {DATASET}.archive_parts as p "  # noqa: S608 - own names only
    f"inner join {DATASET}._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0"
)

# An id that stands in `trades` is kept out of each later commit, whose proof then rests on the row that is there.
_RESTS: Final = (
    "later.symbol = gone.symbol and later.inserted_at >= gone.inserted_at and ("
    "(least(later.first_trade_id, later.last_trade_id) <= gone.last_trade_id "
    "and greatest(later.first_trade_id, later.last_trade_id) >= gone.first_trade_id) or "
    "(later.idless_count > 0 and gone.idless_count > 0 "
    "and later.first_time_ns <= gone.last_time_ns and later.last_time_ns >= gone.first_time_ns))"
)
_PARTS_WITH_IDS: Final = (
    f"select p.*, l.inserted_at from {DATASET}.archive_parts as p "  # noqa: S608 - own names only
    f"inner join {DATASET}._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0 "
    "where p.format = 'trades_with_ids'"
)
_RESTING: Final = f"""
    with recursive
    parts as ({_PARTS_WITH_IDS}),
    removed as (
        select unnest($editions) as edition_id
        union
        select later.edition_id
        from removed
        inner join parts as gone on removed.edition_id = gone.edition_id
        inner join parts as later on later.edition_id <> gone.edition_id and {_RESTS}
    )
    select removed.edition_id, coalesce(f.member || ' in ' || f.archive, any_value(p.symbol) || ', begun')
    from removed
    inner join parts as p on removed.edition_id = p.edition_id
    left join {DATASET}.archive_files as f on removed.edition_id = f.edition_id
    group by removed.edition_id, f.member, f.archive
    order by max(p.inserted_at) desc
"""  # noqa: S608 - own names only
_RESTING_PAGES: Final = (
    "(symbol, asked_at, since) in (select later.symbol, later.asked_at, later.since "  # noqa: S608 - own names only
    # what an answer proves begins at the very time of the trade before it, also where it brings none
    "from (select p.* replace (least(p.first_trade_id - 1, p.known_trade_id) as first_trade_id, "
    "greatest(p.last_trade_id, p.known_trade_id) as last_trade_id), l.inserted_at "
    f"from {DATASET}.pages as p "
    f"inner join {DATASET}._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0) as later "
    f"inner join ({_PARTS_WITH_IDS}) as gone on {_RESTS} where list_contains($editions, gone.edition_id))"
)

# All of their loads and market, which no other file shares.
_OF_EDITIONS: Final = (
    f"(symbol, _dlt_load_id) in (select p.symbol, p._dlt_load_id from {DATASET}.archive_parts as p "  # noqa: S608
    "where p.format = 'trades_with_ids' and list_contains($editions, p.edition_id))"
)
_COMPLETE_LOADS: Final = f"select load_id from {DATASET}._dlt_loads where status = 0"  # noqa: S608 - own names only


def drop_cut_off(place: Place) -> None:
    """Delete the files and refused rows that a load which was cut off had written already; WarehouseError.

    A file that seems to have come to its end is neither gone on with nor skipped: its rows would come once more.
    """
    if not place.is_there():
        return
    tables = ("archive_files", "archive_refused_rows")
    with place.changing(tables) as (_, delete):
        for table in tables:
            delete(table, f"_dlt_load_id not in ({_COMPLETE_LOADS})")


def tidy(place: Place) -> tuple[list[Pair], Removed]:
    """Delete rows that count no more and return the editions that were replaced: in a warehouse, in one transaction.

    These are: rows of an older edition that agrees with its newer one; rows without a part of a complete load, which a
    kill left behind; rows under a wrong symbol, with what rests on them. Where two editions disagree, both stay stored.
    Raises a WarehouseError.
    """
    removed = Removed()
    with place.changing((*ARCHIVE_SCHEMAS, "trades", "pages")) as (connection, delete):
        _remove_uncounted(delete)
        return list(_replaced(connection, delete, removed)), removed


def remove_failed(place: Place, failed: Collection[int]) -> Removed:
    """Delete all rows of editions whose files turned out to be damaged, and what rests on them; WarehouseError."""
    removed = Removed()
    with place.changing((*ARCHIVE_SCHEMAS, "trades", "pages")) as (connection, delete):
        _remove_with_ids(connection, delete, failed, removed)
        for table in ("archive_trades", "archive_candles", "archive_refused_rows", "archive_parts"):
            delete(table, "list_contains($failed, edition_id)", failed=list(failed))
    return removed


def _remove_with_ids(
    connection: duckdb.DuckDBPyConnection, delete: Delete, editions: Collection[int], removed: Removed
) -> int:
    """Delete the trades that files with ids brought, and each file and answer that has trades of these ids since.

    Of such a file or answer the rows were kept out, for those of the same ids stood there already. The parts last, the
    newest first: who is killed before finds by them what else is to go.
    """
    resting: dict[int, str] = dict(connection.execute(_RESTING, {"editions": list(editions)}).fetchall())
    removed.files |= {edition_id: name for edition_id, name in resting.items() if edition_id not in editions}
    going = sorted(resting)
    if not going:
        return 0
    removed.answers += delete("pages", _RESTING_PAGES, editions=going)
    count = delete("trades", _OF_EDITIONS, editions=going)
    for edition_id in resting:
        if edition_id not in editions:
            _forget(delete, edition_id)
        count += _delete_parts(delete, edition_id)
    return count


def _remove_uncounted(delete: Delete) -> None:
    """What a kill left: most times there is nothing, and a table that is only read is not written."""
    for table in ("archive_trades", "archive_candles"):
        delete(table, f"part_id not in ({_COMPLETE_PARTS})")
    delete("archive_parts", f"part_id not in ({_COMPLETE_PARTS})")


def _replaced(connection: duckdb.DuckDBPyConnection, delete: Delete, others: Removed) -> Iterator[Pair]:
    for row in connection.execute(_PAIRS).fetchall():
        older_id, newer_id, older_symbol, newer_symbol, kind, *names, from_ns, to_ns = row
        older, newer = " in ".join(names[1::-1]), " in ".join(names[:1:-1])
        pair = Pair(older_id, newer_id, older, newer, newer_symbol)
        table = _TABLES.get(kind)
        if table is None:  # of rows with ids those under the wrong symbol, which would keep the right ones out
            removed = _remove_with_ids(connection, delete, [older_id], others)
            _forget(delete, older_id)
            yield replace(pair, is_removed=bool(removed))
            continue
        days: tuple[Any, ...] = ()
        if older_symbol == newer_symbol and _has_rows(connection, table, older_id):
            days = tuple(_differing(connection, kind, (older_id, newer_id), (from_ns, to_ns)))
        if days:
            yield replace(pair, days=days)
            continue
        removed = delete(table, "edition_id = $older", older=older_id)
        # without rows no part may prove anything, should the newer one ever give way
        _delete_parts(delete, older_id)
        if older_symbol != newer_symbol:
            _forget(delete, older_id)
        yield replace(pair, is_removed=bool(removed))


def _delete_parts(delete: Delete, edition_id: int) -> int:
    return delete("archive_parts", "edition_id = $edition", edition=edition_id)


def _forget(delete: Delete, edition_id: int) -> None:
    """Let a file that came under the wrong symbol come under it again, should that one have been right after all."""
    for table in ("archive_files", "archive_refused_rows"):
        delete(table, "edition_id = $edition", edition=edition_id)


def _differing(
    connection: duckdb.DuckDBPyConnection, kind: str, file_versions: tuple[int, int], span: tuple[int, int]
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
        "where o.content is distinct from n.content order by day"
    )
    values = dict(zip(("older", "newer", "from_ns", "to_ns"), (*file_versions, *span), strict=True))
    return connection.execute(query, values).fetchall()


def _has_rows(connection: duckdb.DuckDBPyConnection, table: str, edition_id: int) -> bool:
    query = f"select 1 from {DATASET}.{table} where edition_id = ? limit 1"  # noqa: S608 - own names only
    return bool(connection.execute(query, [edition_id]).fetchall())


def import_archives(
    paths: str | Path | Sequence[str | Path],
    symbols: Sequence[str] | None = None,
    start: When | None = None,
    end: When | None = None,
    *,
    exact: bool = False,
    symbol_map: str | Path | None = None,
    password: str | None = None,
    whole_days: bool = False,
    warehouse: str | Path | None = None,
    lake: str | Path | None = None,
    listener: ImportListener | None = None,
    stop: threading.Event | None = None,
) -> ImportReport:
    """Import Kraken's downloads into the warehouse: what it has of them already is not read again.

    Arguments as of `archive_source`; `warehouse` is the DuckDB file (default: KRAKEN_CANDLES_WAREHOUSE or
    warehouse.duckdb here), `lake` a folder, or the address of a place in a bucket, to import into instead. Setting
    `stop` ends the import after the rows in hand, which are committed. A file that cannot be read is in the report and
    leaves the others alone. Raises KrakenCandlesError for what concerns all.
    """
    request = make_archive_request(paths, symbols, start, end, symbol_map, password, whole_days, exact)
    return import_request(request, warehouse=place_of(warehouse, lake), listener=listener, stop=stop)


def import_request(
    request: ArchiveRequest,
    *,
    warehouse: str | Path | Place | None = None,
    listener: ImportListener | None = None,
    stop: threading.Event | None = None,
) -> ImportReport:
    """Import what a request made by `make_archive_request` names, as `import_archives` does."""
    place = place_of(warehouse)
    work = Work(request, listener, stop)
    try:
        with place.holding(None):
            place.patiently(lambda: place.check(None), work.stop)
            place.patiently(lambda: drop_cut_off(place), work.stop)
            _chain(place, work)
            replaced, removed = place.patiently(lambda: tidy(place), threading.Event())
            work.withdraw(removed)
    except Exception as error:
        known = place.explain(error)
        if known is None or known is error:
            raise
        raise known from error
    report = ImportReport(
        place, work.files, [], work.warnings, [*work.problems, *work.withdrawn_before()], is_stopped=not work.is_done
    )
    named = {one.edition_id for one in work.files}
    report.replaced = [pair for pair in replaced if pair.newer_id in named]
    for one in work.files:
        if one.outcome == "waiting":
            one.outcome = "stopped"
    return report


def _chain(place: Place, work: Work) -> None:
    """Run chunks until nothing waits. The first one is run whatever there is: dbt wants all tables."""
    pipeline = place.patiently(place.import_pipeline, work.stop)
    work.prepare(place.patiently(lambda: _stored(place), work.stop))
    while not work.has_begun or not (work.is_done or work.stop.is_set()):
        chunk = ArchiveChunk(work)
        readers = chunk.reader_count + 2
        pipeline.extract(source_of(chunk), workers=readers, max_parallel_items=readers)
        pipeline.normalize()
        place.patiently(lambda: place.load_packages(pipeline), work.stop)
        drop_old_packages(pipeline, kept=1)
        if failed := work.failed_now():  # before another file of the market is read: its trades would be kept out
            work.withdraw(place.patiently(partial(remove_failed, place, failed), threading.Event()))


def _stored(place: Place) -> Stored:
    with LedgerStore.of(place) as store:
        return read_stored(store)
