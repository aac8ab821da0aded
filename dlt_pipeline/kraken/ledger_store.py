"""What the warehouse knows already: the ledger, days that archives hold, the markets' ids, Kraken's own candles."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final

import dlt
import duckdb
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import FOREVER_NS, NS_PER_DAY, Span, cut, joined, without
from dlt_pipeline.kraken.ledger import (
    ASKED_COLUMNS,
    LEDGER_COLUMNS,
    LedgerRow,
    MissingRange,
    Range,
    ledger_row,
    merge,
    missing,
)
from dlt_pipeline.kraken.markets import Seen, seen_of
from dlt_pipeline.kraken.request import Request, Window
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import STEP_BACK_LIMIT_NS
from dlt_pipeline.warehouse.database import DATASET, warehouse_path
from dlt_pipeline.warehouse.pipeline import Place, Warehouse, is_into

_LOADED: Final = "inner join {{_dlt_loads}} as l on {}._dlt_load_id = l.load_id and l.status = 0"
_PAGES: Final = f"{{pages}} as p {_LOADED.format('p')}"
# What was asked for of each symbol, from the first of its windows to the last.
_WANTED: Final = "inner join (values {{wanted}}) as w (symbol, from_ns, to_ns) on {}.symbol = w.symbol"
_SHOWN_IDS: Final = (
    f"select w.symbol, coalesce(sum(p.idless_count), 0)::bigint, count(p.last_trade_id) from {_PAGES} "  # noqa: S608 - own names only
    f"{_WANTED.format('p')} and p.covered_to_ns > w.from_ns and p.covered_from_ns < w.to_ns group by w.symbol"
)
_HAS_HOLES: Final = (
    f"select distinct w.symbol from {{id_holes}} as h {_WANTED.format('h')} "  # noqa: S608 - own names only
    "and h.to_time_ns >= w.from_ns and h.from_time_ns < w.to_ns"
)
# The order in which `merge` takes answers in.
_REACH: Final = "covered_to_ns, coalesce(known_trade_id, 0), tail_time_ns, tail_count, idless_since_id, next_since"
_ASKED: Final = "symbol, since, asked_tail_count, coalesce(asked_known_trade_id, -1)"
_LEFT: Final = "symbol, next_since, tail_count, coalesce(known_trade_id, -1)"
# Of a chain of answers, each of which begins where the one before it ended and was asked for with its cursor, the
# second to the last prove together what each of them does: only where they begin and end is read. A chain ends at a
# cursor at which more than one answer ends, or from which more than one goes on, and where no trade is known yet.
_CHAINS: Final = f"""
    with answers as (
        select p.symbol, {", ".join(f"p.{name}" for name in LEDGER_COLUMNS)} from {_PAGES}
        where p.symbol in ({{symbols}}) and p.covered_to_ns >= %s and not ({{left_out}})
    ),
    forked as (
        select {_LEFT} from answers group by all having count(*) > 1
        union all
        select {_ASKED} from answers group by all having count(*) > 1
    ),
    followed as (
        select
            *,
            covered_from_ns = lag(covered_to_ns) over reached
            and since = lag(next_since) over reached
            and asked_tail_count = lag(tail_count) over reached
            and asked_known_trade_id is not distinct from lag(known_trade_id) over reached
            and (asked_tail_count > 0 or asked_known_trade_id is not null)
            and ({_ASKED}) not in (from forked) as goes_on
        from answers
        window reached as (partition by symbol order by {_REACH})
    ),
    chained as (
        select
            *,
            not coalesce(goes_on and lag(goes_on) over reached, false) as begins,
            not coalesce(goes_on and lead(goes_on) over reached, false) as ends
        from followed
        window reached as (partition by symbol order by {_REACH})
    )
    select symbol, begins, ends, {", ".join(LEDGER_COLUMNS)} from chained
    where begins or ends
    order by symbol, {_REACH}
"""  # noqa: S608 - own names only
# Ids of holes, each once, that are not among the trades: one is true whatever brought it, also a load that was killed.
_MISSING_IDS: Final = (
    "with pieces as ("  # noqa: S608 - own names only
    "select greatest(h.first_missing_id, 1 + coalesce(max(h.last_missing_id) over (order by h.first_missing_id, "
    "h.last_missing_id rows between unbounded preceding and 1 preceding), 0)) as first_id, "
    "h.last_missing_id as last_id "
    f"from {{id_holes}} as h {_LOADED.format('h')} "
    "where h.symbol = %s and h.to_time_ns >= %s and h.from_time_ns < %s"
    ") select coalesce(sum(greatest(last_id - first_id + 1, 0)), 0)::bigint - ("
    "select count(distinct t.trade_id) from {trades} as t inner join pieces "
    "on t.trade_id between pieces.first_id and pieces.last_id where t.symbol = %s) from pieces"
)

_STATUSES: Final = (
    "select s.symbol, s.asset_class, s.status, s.seen_at "  # noqa: S608 - own names only
    f"from {{market_statuses}} as s {_LOADED.format('s')} order by s.seen_at"
)
_LISTED: Final = f"select m.symbol, m.status, m.fetched_at from {{markets}} as m {_LOADED.format('m')}"  # noqa: S608


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
# last one up to where its file ends) and files that count.
_PARTS: Final = (
    f"with {file_versions('{archive_files}', '{_dlt_loads}')}"  # noqa: S608 - own names only
    "select p.symbol, p.edition_id, p.covered_from_ns, case when p.last_row = max(p.last_row) over "
    "(partition by p.edition_id) then greatest(p.covered_to_ns, f.covered_to_ns) else p.covered_to_ns end as to_ns "
    f"from {{archive_parts}} as p {_LOADED.format('p')} "
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


@dataclass(frozen=True)
class Lacking:
    """Of a symbol what a load relies on, `proven`, and what the request's windows lack beside it, both ascending."""

    proven: list[Range]
    missing: list[MissingRange]

    @property
    def spans(self) -> list[tuple[int, int | None]]:
        """What is missing, [start, end) in ns, UTC; no end: up to now."""
        return [(each.cursor.covered_to_ns, each.end_ns) for each in self.missing]


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


class _Names(dict[str, str]):
    """The full name of each raw table, looked up when a query first names it."""

    def __init__(self, table: Callable[[str], str]) -> None:
        self._table = table

    def __missing__(self, name: str) -> str:
        return self.setdefault(name, self._table(name))


def place_of(warehouse: str | Path | Place | None = None, lake: str | Path | None = None) -> Place:
    """Return the place of a load: the lake if there is one, else the warehouse, at a path or as configured.

    Raises what `lake_at` and `warehouse_path` do, BadInputError for both.
    """
    if lake is not None and warehouse is not None:
        raise BadInputError("A load goes into a warehouse or into a lake; give one of them.")
    if lake is not None:
        from dlt_pipeline.warehouse.lake import lake_at  # noqa: PLC0415 - pyarrow

        return lake_at(lake)
    return Warehouse(warehouse_path(warehouse)) if warehouse is None or isinstance(warehouse, str | Path) else warehouse


class LedgerStore:
    """Reads what complete loads and imports brought; where no file or table is, nothing is known."""

    def __init__(
        self,
        ask: Callable[..., Sequence[Sequence[Any]] | None] = lambda _query, *_values: None,
        table: Callable[[str], str] = f"{DATASET}.{{}}".format,
    ) -> None:
        """`ask` runs a query, with %s for each of its values; `table` returns the full name of a raw table."""
        self._ask, self._tables = ask, _Names(table)

    @classmethod
    def of_file(cls, path: Path) -> AbstractContextManager["LedgerStore"]:
        """Open the warehouse read-only for a short while. Raises a WarehouseError."""
        return cls.of(Warehouse(path))

    @classmethod
    @contextmanager
    def of(cls, place: Place) -> Iterator["LedgerStore"]:
        """Read where loads write to, for a short while. Raises a WarehouseError."""
        if not place.is_there():
            yield cls()
            return
        with place.reading() as tables:
            yield cls._of_tables(*tables)

    @classmethod
    def _of_tables(cls, connection: duckdb.DuckDBPyConnection, table: Callable[[str], str]) -> "LedgerStore":
        def ask(query: str, *values: Any) -> Sequence[Sequence[Any]]:
            try:
                return connection.execute(query.replace("%s", "?"), values).fetchall()
            except (duckdb.CatalogException, duckdb.BinderException):  # made otherwise, or never
                return ()

        return cls(ask, table)

    @classmethod
    @contextmanager
    def of_pipeline(cls, pipeline: dlt.Pipeline) -> Iterator["LedgerStore"]:
        """Read through dlt, within a load: from DuckDB or from files, whatever its dataset is."""
        if is_into(pipeline, "filesystem"):
            from dlt_pipeline.warehouse.lake import reading  # noqa: PLC0415 - pyarrow

            with reading(pipeline.destination_client()) as tables:
                yield cls._of_tables(*tables)
            return
        with pipeline.sql_client() as client:

            def ask(query: str, *values: Any) -> Sequence[Sequence[Any]] | None:
                try:
                    return client.execute_sql(query, *values)
                except DatabaseUndefinedRelation:  # nothing was ever loaded, or imported, here
                    return ()

            yield cls(ask, client.make_qualified_table_name)

    def rows(self, query: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Return what a query finds, with %s for each value and raw tables in braces; nothing where a table lacks."""
        return self._ask(query.format_map(self._tables), *values) or ()

    def lacking(self, session: Session, request: Request) -> dict[str, Lacking]:
        """Return by symbol what the request still lacks: what neither the ledger nor whole days of archives hold.

        Answers from before the session that a load must not rely on do not count, so that they are asked for again:
        with explicit bounds those that lacked ids, and those that touch a distrusted window. Raises WrongWarehouseError
        where the ledger reaches into the exchange's future.
        """
        archived = {} if request.also_archived else self.archived_days()
        from_ns = min((each.start_ns for windows in request.windows.values() for each in windows), default=0)
        proven = self.ledger(request.symbols, from_ns, _left_out(session, request))
        session.check_clock({symbol: ranges[-1].to_ns if ranges else 0 for symbol, ranges in proven.items()})
        return {
            symbol: Lacking(
                ranges,
                [
                    each
                    for window in request.windows[symbol]
                    for piece in without_days(window, archived.get(symbol, ()))
                    for each in missing(ranges, piece.start_ns, piece.end_ns)
                ],
            )
            for symbol, ranges in proven.items()
        }

    def ledger(
        self, symbols: Sequence[str], from_ns: int = 0, left_out: tuple[str, Sequence[Any]] = ("false", ())
    ) -> dict[str, list[Range]]:
        """Return by symbol what complete loads prove, but for what ends before `from_ns`.

        What ends before it does not matter to what begins there, and there may be much of it; so far a row is proven
        only together with the one before it. `left_out` is a condition on the ledger's rows `p`, with its values.
        """
        found: dict[str, list[LedgerRow]] = {symbol: [] for symbol in symbols}
        condition, values = left_out
        query = _CHAINS.replace("{symbols}", _marks(symbols)).replace("{left_out}", condition)
        begun: Sequence[Any] = ()
        for symbol, begins, ends, *row in self._of(symbols, query, from_ns - STEP_BACK_LIMIT_NS - 1, *values):
            begun = row[:ASKED_COLUMNS] if begins else begun
            if ends:
                found[symbol].append(ledger_row((*begun, *row[ASKED_COLUMNS:])))
        return {symbol: merge(rows) for symbol, rows in found.items()}

    def _of(self, symbols: Sequence[str], query: str, *values: Any) -> Sequence[Sequence[Any]]:
        return self.rows(query, *symbols, *values) if symbols else ()

    def market_ids(self, symbols: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return by which of Kraken's ids the symbols were asked for, and from when on (ns, UTC)."""
        found: dict[str, dict[str, int]] = {}
        query = (
            f"select p.symbol, p.market_id, min(p.covered_from_ns) from {_PAGES} "  # noqa: S608 - own names only
            f"where p.symbol in ({_marks(symbols)}) group by p.symbol, p.market_id"
        )
        for symbol, market_id, from_ns in self._of(symbols, query):
            found.setdefault(symbol, {})[market_id] = from_ns
        return found

    def statuses(self) -> dict[str, Seen]:
        """Return by symbol the newest status of each market and of the exchange that complete loads saw."""
        statuses = self.rows(_STATUSES)  # before the first, `markets` may be an older program's, without a status
        return seen_of(statuses, self.rows(_LISTED) if statuses else ())

    def has_loads_of(self, exchange: str) -> bool:
        """Whether loads from such an exchange, `local` or `live`, wrote here."""
        return bool(self.rows("select 1 from {warehouse_versions} where exchange = %s", exchange))

    def listed(self, columns: Sequence[str]) -> dict[str, tuple[tuple[Any, ...], datetime]]:
        """Return by symbol these columns of `kraken_raw.markets`, as complete loads listed each last, and when."""
        query = (
            f"select m.symbol, m.fetched_at, {', '.join(f'm.{name}' for name in columns)} "  # noqa: S608 - own names only
            f"from {{markets}} as m {_LOADED.format('m')} order by m.fetched_at"
        )
        return {symbol: (tuple(values), listed_at) for symbol, listed_at, *values in self.rows(query)}

    def covered_ends(self, symbols: Sequence[str]) -> dict[str, int]:
        """Return up to when the ledger covers each symbol (ns, UTC), or else where the days that archives hold end.

        Symbols of which nothing is known are left out.
        """
        query = (
            f"select p.symbol, max(p.covered_to_ns) from {_PAGES} "  # noqa: S608 - own names only
            f"where p.symbol in ({_marks(symbols)}) group by p.symbol"
        )
        ends = {name: spans[-1][1] for name, spans in self.archived_days().items() if name in symbols and spans}
        return ends | dict(map(tuple, self._of(symbols, query)))

    def archived_days(self) -> dict[str, list[Span]]:
        """Return by symbol the whole UTC days (spans of ns) that imported time and sales hold."""
        return whole_days(self.rows(_PARTS))

    def archived_spans(self) -> dict[str, list[Span]]:
        """Return by symbol all of the time (spans of ns) that imported time and sales hold, parts of days too."""
        return held_spans(self.rows(_PARTS))

    def rest_spans(self, symbol: str, timeframe: str) -> list[Span]:
        """Return the spans (ns, UTC) for which loads brought Kraken's own committed candles, ascending."""
        query = (
            "select distinct epoch_us(bucket_start) * 1000, timeframe_seconds * 1000000000 "  # noqa: S608 - own names only
            f"from {{rest_candles}} as r {_LOADED.format('r')} where symbol = %s and timeframe = %s order by 1"
        )
        return joined((start, start + size) for start, size in self.rows(query, symbol, timeframe))

    def proofs(self, request: Request) -> dict[str, Proof]:
        """Return by symbol what is proven of a request's windows."""
        archived = {} if request.also_archived else self.archived_days()
        wanted = {
            symbol: [(each.start_ns, FOREVER_NS if each.end_ns is None else each.end_ns) for each in windows]
            for symbol, windows in request.windows.items()
            if windows
        }
        if not wanted:
            return {}
        ranges = self.ledger([*wanted], min(spans[0][0] for spans in wanted.values()))
        bounds = {symbol: (symbol, spans[0][0], spans[-1][1]) for symbol, spans in wanted.items()}
        marks, values = ", ".join(["(%s, %s, %s)"] * len(bounds)), [*chain.from_iterable(bounds.values())]
        shown = {symbol: found for symbol, *found in self.rows(_SHOWN_IDS.replace("{wanted}", marks), *values)}
        # Of others nobody need look for the ids of holes among the trades.
        have_holes = {symbol for (symbol,) in self.rows(_HAS_HOLES.replace("{wanted}", marks), *values)}
        proofs = {}
        for symbol, spans in wanted.items():
            asked, days = [(each.from_ns, each.to_ns) for each in ranges[symbol]], archived.get(symbol, [])
            by_answers, by_all = (
                joined(part for span in spans for part in cut(span, proven)) for proven in (asked, [*asked, *days])
            )
            if by_answers:
                idless, ids = shown.get(symbol, (0, 0))
                missing = symbol in have_holes and self.rows(_MISSING_IDS, *bounds[symbol], symbol)
                ((missing_ids,),) = missing or [(0,)]
                proofs[symbol] = Proof(tuple(by_all), missing_ids, idless, ids > 0, by_all != by_answers)
            else:
                proofs[symbol] = Proof(tuple(by_all), has_files=bool(by_all))
        return proofs


def _left_out(session: Session, request: Request) -> tuple[str, list[Any]]:
    """Return a condition on the ledger's rows `p`, with its values, of answers that a load must not rely on."""
    bounded = [symbol for symbol in request.symbols if request.is_backfill(symbol)]
    conditions = [f"p.missing_id_count > 0 and p.symbol in ({_marks(bounded)})"] if bounded else ["false"]
    values: list[Any] = [session.began_at, *bounded]
    for symbol, windows in request.windows.items():
        for each in windows:
            if each.is_distrusted:
                conditions.append("p.symbol = %s and p.covered_to_ns >= %s and p.covered_from_ns < %s")
                values += [symbol, *each.answered_ns]
    return f"p.asked_at < %s and ({' or '.join(conditions)})", values


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))
