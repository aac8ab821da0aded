"""What the warehouse already knows: the ledger, days that archives hold, the markets' ids, Kraken's own candles."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import dlt
import duckdb
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from dlt_pipeline.common.exceptions import WrongWarehouseError
from dlt_pipeline.common.time import NS_PER_DAY, Span, cut, joined, show_ns, without
from dlt_pipeline.kraken.ledger import LedgerRow, Range, merge
from dlt_pipeline.kraken.raw_tables import LEDGER_COLUMNS, ledger_row
from dlt_pipeline.kraken.request import Request, Window
from dlt_pipeline.kraken.session import way_out
from dlt_pipeline.kraken.settings import FUTURE_TOLERANCE_NS, STEP_BACK_LIMIT_NS
from dlt_pipeline.warehouse.database import DATASET, open_warehouse

_ARCHIVE_TABLES = {"parts": "archive_parts", "files": "archive_files", "loads": "_dlt_loads"}


def file_versions(files: str, loads: str) -> str:
    """Return the CTEs `renamed`, `standing` and `replaced` over the raw tables of these names; for a `with`.

    A file that came again under another symbol, a known one, was called by the wrong one before (`renamed`); a copy
    under another name is none (a file whose name tells no market has its symbol for an altname). Of those that stand,
    the one imported last takes the place of all whose time it holds, unless more of its rows were refused
    (`replaced`). Each has older_id and newer_id, the newest one that takes its place.
    """
    return f"""
        files as (
            select f.*, coalesce(f.timeframe, '') as timeframe_key,
                row_number() over (order by f.imported_at, f.edition_id) as import_number
            from {files} as f
            inner join {loads} as l on f._dlt_load_id = l.load_id and l.status = 0
            where f.row_count > 0
        ),
        renamed as (
            select older.edition_id as older_id, max_by(newer.edition_id, newer.import_number) as newer_id
            from files as older
            inner join files as newer
                on older.format = newer.format and older.timeframe_key = newer.timeframe_key
                and older.import_number < newer.import_number
                and older.symbol <> newer.symbol
                and (newer.symbol <> newer.altname or newer.altname like '%/%')
                and (older.altname = newer.altname or older.altname like '%/%' or newer.altname like '%/%')
                and older.content_hash = newer.content_hash
                and coalesce(older.wanted_from_ns, 0) = coalesce(newer.wanted_from_ns, 0)
                and coalesce(older.wanted_to_ns, 0) = coalesce(newer.wanted_to_ns, 0)
            group by older.edition_id
        ),
        standing as (
            select * from files where edition_id not in (select older_id from renamed)
        ),
        replaced as (
            select older.edition_id as older_id, max_by(newer.edition_id, newer.import_number) as newer_id
            from standing as older
            inner join standing as newer
                on older.format = newer.format and older.timeframe_key = newer.timeframe_key
                and older.import_number < newer.import_number
                and older.symbol = newer.symbol and older.format <> 'trades_with_ids'
                and older.covered_from_ns >= newer.covered_from_ns and older.covered_to_ns <= newer.covered_to_ns
                and older.refused_count >= newer.refused_count
            group by older.edition_id
        )
    """  # noqa: S608 - own names only


# The time (ns) that each unbroken run of rows of finished imports of time and sales covers, of complete loads (the
# last one up to where its file ends) and files that count; the names in braces are the tables.
PARTS_QUERY: Final = (
    "with "  # noqa: S608 - own names only
    + file_versions("{files}", "{loads}")
    + "select p.symbol, p.edition_id, p.covered_from_ns, case when p.last_row = max(p.last_row) over "
    "(partition by p.edition_id) then greatest(p.covered_to_ns, f.covered_to_ns) else p.covered_to_ns end as to_ns "
    "from {parts} as p "
    "inner join {loads} as a on p._dlt_load_id = a.load_id and a.status = 0 "
    "inner join standing as f on p.edition_id = f.edition_id "
    "where p.format in ('trades', 'trades_with_ids') and p.edition_id not in (select older_id from replaced) "
    "and (f.is_ascending or f.refused_count = 0) "
    "order by p.symbol, p.edition_id"
)


def whole_days(parts: Iterable[Sequence[Any]]) -> dict[str, list[Span]]:
    """Return the whole UTC days by symbol, joined, that single editions cover without a break; rows as of the query.

    Two editions do not share a day: each day of candles comes from one source.
    """
    found: dict[str, list[Span]] = {}
    for (symbol, _edition), rows in groupby(parts, key=lambda row: (row[0], row[1])):
        for start, end in joined((row[2], row[3]) for row in rows):
            found.setdefault(symbol, []).append((-(-start // NS_PER_DAY) * NS_PER_DAY, end // NS_PER_DAY * NS_PER_DAY))
    return {symbol: joined(spans) for symbol, spans in found.items()}


def held_spans(parts: Iterable[Sequence[Any]]) -> dict[str, list[Span]]:
    """Return by symbol all that the editions cover, joined, the hours of a cut day too; rows as of the query."""
    found: dict[str, list[Span]] = {}
    for symbol, _edition, start, end in parts:
        found.setdefault(symbol, []).append((start, end))
    return {symbol: joined(spans) for symbol, spans in found.items()}


def without_days(window: Window, days: Iterable[Span]) -> list[Window]:
    """Return what of a window lies outside of the days, ascending; of one that distrusts what is there, all of it."""
    if window.is_distrusted:
        return [window]
    taken = list(days)
    if window.end_ns is not None:
        pieces: list[tuple[int, int | None]] = list(without((window.start_ns, window.end_ns), taken))
    else:
        # The newest trades are always asked for, whatever an archive holds.
        last = max([window.start_ns, *(end for _, end in taken)])
        pieces = [*without((window.start_ns, last), taken), (last, None)]
        if len(pieces) > 1 and pieces[-2][1] == last:
            pieces[-2:] = [(pieces[-2][0], None)]
    return [replace(window, start_ns=start, end_ns=end) for start, end in pieces]


def without_archived(windows: Iterable[Window], archived: Mapping[str, list[Span]], symbol: str) -> list[Window]:
    """Return what of a symbol's windows the archives do not hold."""
    return [piece for window in windows for piece in without_days(window, archived.get(symbol, ()))]


def read_archived(pipeline: dlt.Pipeline, request: Request) -> dict[str, list[Span]]:
    """Read the whole days by symbol that a load need not ask for; none where the request wants them all the same."""
    if request.also_archived:
        return {}
    with pipeline.sql_client() as client:
        parts, files, loads = (
            client.make_qualified_table_name(name) for name in ("archive_parts", "archive_files", "_dlt_loads")
        )
        try:
            return whole_days(client.execute_sql(PARTS_QUERY.format(parts=parts, files=files, loads=loads)) or ())
        except DatabaseUndefinedRelation:  # no archive was ever imported here
            return {}


def check_clock(ranges: dict[str, list[Range]], now_ns: int) -> None:
    """Refuse to go on where the warehouse covers what lies in this exchange's future: another exchange filled it."""
    for symbol, known in ranges.items():
        if known and known[-1].to_ns > now_ns + FUTURE_TOLERANCE_NS:
            raise WrongWarehouseError(
                f"{symbol}: the warehouse covers up to {show_ns(known[-1].to_ns)}, but this exchange's clock says "
                f"{show_ns(now_ns)} (UTC): another exchange filled it, which wants another "
                f"KRAKEN_CANDLES_WAREHOUSE, or an answer with a wrong time did. {way_out(symbol, now_ns)}"
            )


def read_market_ids(pipeline: dlt.Pipeline, symbols: Sequence[str]) -> dict[str, dict[str, int]]:
    """Read by which of Kraken's ids the symbols were asked for, in completed loads only, and from when on (ns, UTC)."""
    found: dict[str, dict[str, int]] = {}
    with pipeline.sql_client() as client:
        pages, loads = (client.make_qualified_table_name(name) for name in ("pages", "_dlt_loads"))
        query = (
            f"select p.symbol, p.market_id, min(p.covered_from_ns) from {pages} as p inner join {loads} as l "  # noqa: S608 - own names only
            f"on p._dlt_load_id = l.load_id and l.status = 0 where p.symbol in ({', '.join(['%s'] * len(symbols))}) "
            "group by p.symbol, p.market_id"
        )
        with contextlib.suppress(DatabaseUndefinedRelation):  # nothing was ever loaded here
            for symbol, market_id, from_ns in client.execute_sql(query, *symbols) or ():
                found.setdefault(symbol, {})[market_id] = from_ns
    return found


def read_ledger(
    pipeline: dlt.Pipeline, request: Request, began_at: datetime, symbols: Sequence[str], from_ns: int = 0
) -> dict[str, list[Range]]:
    """Read what the warehouse proves loaded of some of a request's symbols, from rows of completed loads only.

    Answers from before `began_at` (naive UTC) that a load must not rely on are left out, so that they are asked for
    again: with explicit bounds those that lacked ids, and those that touch a distrusted window. What ends before
    `from_ns` is left out too: it does not matter to a load that begins there, and there may be much of it.
    """
    backfilled = {name for name in symbols if request.is_backfill(name)}
    distrusted = {name: [each for each in request.windows[name] if each.is_distrusted] for name in symbols}
    rows: dict[str, list[LedgerRow]] = {symbol: [] for symbol in symbols}
    seam_ns = from_ns - STEP_BACK_LIMIT_NS - 1  # so far a row is proven only together with the one before it
    with pipeline.sql_client() as client:
        pages, loads = (client.make_qualified_table_name(name) for name in ("pages", "_dlt_loads"))
        columns = ", ".join(f"p.{name}" for name in LEDGER_COLUMNS)
        marks = ", ".join(["%s"] * len(symbols))
        query = (
            f"select p.symbol, p.asked_at, p.missing_id_count, {columns} from {pages} as p inner join {loads} as l "  # noqa: S608 - own names only
            f"on p._dlt_load_id = l.load_id and l.status = 0 where p.symbol in ({marks})"
            f" and p.covered_to_ns >= %s"
        )
        try:
            for symbol, asked_at, missing_ids, *values in client.execute_sql(query, *symbols, seam_ns) or ():
                row = ledger_row(tuple(values))
                span = row.covered_from_ns, row.cursor.covered_to_ns
                is_left_out = (missing_ids and symbol in backfilled) or any(
                    window.touches(*span) for window in distrusted[symbol]
                )
                if asked_at >= began_at or not is_left_out:
                    rows[symbol].append(row)
        except DatabaseUndefinedRelation:  # nothing was ever loaded here
            return {symbol: [] for symbol in symbols}
    return {symbol: merge(found) for symbol, found in rows.items()}


_FOREVER_NS: Final = 2**63 - 1
_LOADED: Final = f"inner join {DATASET}._dlt_loads as l on {{}}._dlt_load_id = l.load_id and l.status = 0"
_SHOWN_IDS: Final = (
    "select coalesce(sum(p.idless_count), 0)::bigint, count(p.last_trade_id) "  # noqa: S608 - own names only
    f"from {DATASET}.pages as p {_LOADED.format('p')} "
    "where p.symbol = $symbol and p.covered_to_ns > $from_ns and p.covered_from_ns < $to_ns"
)
# Holes are few; of their ids those that a later load brought are missing no more.
_MISSING_IDS: Final = (
    "with missing as ("  # noqa: S608 - own names only
    "select distinct unnest(range(h.first_missing_id, h.last_missing_id + 1)) as trade_id "
    f"from {DATASET}.id_holes as h {_LOADED.format('h')} "
    "where h.symbol = $symbol and h.to_time_ns >= $from_ns and h.from_time_ns < $to_ns"
    ") select count(*) from missing where trade_id not in ("
    f"select t.trade_id from {DATASET}.trades as t {_LOADED.format('t')} "
    "where t.symbol = $symbol and t.trade_id in (select trade_id from missing))"
)


@contextmanager
def reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """Open the warehouse read-only for a short while; None where there is no file yet. Raises a WarehouseError."""
    if not path.exists():
        yield None
        return
    with open_warehouse(path, read_only=True) as connection:
        yield connection


def rows_found(connection: duckdb.DuckDBPyConnection, query: str, values: Any) -> list[tuple[Any, ...]]:
    """Return what a query finds; nothing where its tables were never made, or are made otherwise."""
    try:
        return connection.execute(query, values).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []


def ledger_of(
    connection: duckdb.DuckDBPyConnection | None,
    symbols: Sequence[str],
    holes_since: datetime | None = None,
    backfilled: Sequence[str] = (),
    from_ns: int = 0,
) -> dict[str, list[Range]]:
    """Return what complete loads prove, ranges by symbol, as `read_ledger` does in a load.

    Of the `backfilled` symbols, answers from before `holes_since` (naive UTC) that lacked ids do not count, for they
    will be asked for again. What ends before `from_ns` is left out.
    """
    rows: dict[str, list[LedgerRow]] = {symbol: [] for symbol in symbols}
    if connection is not None:
        columns = ", ".join(f"p.{name}" for name in LEDGER_COLUMNS)
        query = (
            f"select p.symbol, {columns} from {DATASET}.pages as p "  # noqa: S608 - own names only
            f"inner join {DATASET}._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0 "
            "where list_contains($symbols, p.symbol) and p.covered_to_ns >= $from_ns "
            "and (not list_contains($backfilled, p.symbol) or p.missing_id_count = 0 or p.asked_at >= $holes_since)"
        )
        values = {
            "symbols": list(symbols),
            "backfilled": list(backfilled),
            "holes_since": holes_since,
            "from_ns": from_ns - STEP_BACK_LIMIT_NS - 1,  # as in `read_ledger`
        }
        for symbol, *found in rows_found(connection, query, values):
            rows[symbol].append(ledger_row(tuple(found)))
    return {symbol: merge(found) for symbol, found in rows.items()}


@dataclass(frozen=True)
class Proof:
    """What is proven of what was asked for: `spans` (ns, UTC), ascending, and by what.

    `missing_ids` are those that Kraken did not give and that have not come since, `idless` the trades that it showed
    without an id; `has_ids` and `has_files` tell whether ids and days of imported archives prove any of it.
    """

    spans: tuple[Span, ...]
    missing_ids: int = 0
    idless: int = 0
    has_ids: bool = False
    has_files: bool = False


def proof_of(path: Path, request: Request) -> dict[str, Proof]:
    """Return by symbol what the warehouse proves of a request's windows. Raises a WarehouseError."""
    with reading(path) as connection:
        archived = {} if request.also_archived else archived_days(connection)
        return {
            symbol: _proof(connection, symbol, [(each.start_ns, each.end_ns or _FOREVER_NS) for each in windows], held)
            for symbol, windows in request.windows.items()
            for held in [archived.get(symbol, [])]
            if windows
        }


def _proof(
    connection: duckdb.DuckDBPyConnection | None, symbol: str, wanted: Sequence[Span], archived: Sequence[Span]
) -> Proof:
    values = {"symbol": symbol, "from_ns": wanted[0][0], "to_ns": wanted[-1][1]}
    ledger = ledger_of(connection, [symbol], from_ns=wanted[0][0])[symbol]
    asked = [(each.from_ns, each.to_ns) for each in ledger]
    by_answers, by_all = (
        joined(part for each in wanted for part in cut(each, proven)) for proven in (asked, [*asked, *archived])
    )
    if connection is None or not by_answers:
        return Proof(tuple(by_all), has_files=bool(by_all))
    ((idless, ids),) = rows_found(connection, _SHOWN_IDS, values) or [(0, 0)]
    ((missing_ids,),) = rows_found(connection, _MISSING_IDS, values) or [(0,)]
    return Proof(tuple(by_all), missing_ids, idless, ids > 0, by_all != by_answers)


def rest_spans(connection: duckdb.DuckDBPyConnection | None, symbol: str, timeframe: str) -> list[Span]:
    """Return the spans (ns, UTC) for which complete loads brought Kraken's own committed candles, ascending."""
    if connection is None:
        return []
    query = (
        "select distinct epoch_us(bucket_start) * 1000, timeframe_seconds * 1000000000 "  # noqa: S608 - own names only
        f"from {DATASET}.rest_candles as r "
        f"inner join {DATASET}._dlt_loads as l on r._dlt_load_id = l.load_id and l.status = 0 "
        "where symbol = ? and timeframe = ? order by 1"
    )
    return joined((start, start + size) for start, size in rows_found(connection, query, [symbol, timeframe]))


def archived_days(connection: duckdb.DuckDBPyConnection | None) -> dict[str, list[Span]]:
    """Return by symbol the whole UTC days (spans of ns) that imported time and sales hold, which no load asks for."""
    return whole_days(_archive_parts(connection))


def archived_spans(connection: duckdb.DuckDBPyConnection | None) -> dict[str, list[Span]]:
    """Return by symbol all of the time (spans of ns) that imported time and sales hold, parts of days too."""
    return held_spans(_archive_parts(connection))


def _archive_parts(connection: duckdb.DuckDBPyConnection | None) -> list[tuple[Any, ...]]:
    if connection is None:
        return []
    tables = {name: f"{DATASET}.{table}" for name, table in _ARCHIVE_TABLES.items()}
    return rows_found(connection, PARTS_QUERY.format(**tables), [])


def covered_ends(path: Path, symbols: Sequence[str]) -> dict[str, int]:
    """Return up to when the ledger covers each symbol (ns, UTC), or else where the days that archives hold end.

    Symbols of which nothing is known are left out.
    """
    query = (
        f"select p.symbol, max(p.covered_to_ns) from {DATASET}.pages as p "  # noqa: S608 - own names only
        f"inner join {DATASET}._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0 "
        "where list_contains(?, p.symbol) group by p.symbol"
    )
    with reading(path) as connection:
        if connection is None:
            return {}
        ends = {name: spans[-1][1] for name, spans in archived_days(connection).items() if name in symbols and spans}
        return ends | dict(rows_found(connection, query, [list(symbols)]))
