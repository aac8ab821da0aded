"""Replaces what was loaded of a symbol's window: fresh answers that prove themselves, rows and ledger in one commit."""

# ruff: noqa: S608 - own names and conditions only

import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.common.exceptions import (
    BrokenChainError,
    ExchangeError,
    KrakenCandlesError,
    LoadStoppedError,
    WarehouseError,
    WrongWarehouseError,
)
from dlt_pipeline.common.threads import exclusive_lock, lock_folder, warehouse_key
from dlt_pipeline.common.time import FOREVER_NS, Span, When, show_ns
from dlt_pipeline.kraken.ledger_store import LedgerStore
from dlt_pipeline.kraken.load import Listener, load_request
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.request import Request, Window, make_request, make_windows_request
from dlt_pipeline.kraken.session import Session, way_out
from dlt_pipeline.kraken.settings import NS_PER_SECOND, STEP_BACK_LIMIT_NS, exchange_kind, load_settings
from dlt_pipeline.warehouse.database import (
    DATASET,
    check_usable,
    open_warehouse,
    require_trades,
    sql_text,
    warehouse_path,
)
from dlt_pipeline.warehouse.errors import when_unlocked

_TABLES: Final = ("trades", "pages", "id_holes", "_dlt_loads")
# Answers that lie in the window in part, or at its start without any length.
_TOUCHING: Final = (
    "symbol = $symbol and covered_from_ns < $end_ns "
    "and (covered_to_ns > $start_ns or (covered_from_ns = $start_ns and covered_to_ns = $start_ns))"
)
_FRESH: Final = "kraken_superseding"  # as the temporary warehouse is attached


@dataclass(frozen=True)
class Superseded:
    """What became of a symbol: the window that was asked anew, [start_ns, end_ns) in ns UTC, and its trades.

    The window holds the one that was asked for, and all answers that reach into it; no end: up to now.
    """

    symbol: str
    start_ns: int
    end_ns: int | None
    trades_before: int
    trades_now: int


@dataclass
class SupersedeReport:
    """How it ended, by symbol; what failed is in the warehouse as it was."""

    warehouse: Path
    done: list[Superseded]
    failures: dict[str, KrakenCandlesError]


def supersede(
    symbols: Sequence[str],
    start: When,
    end: When | None = None,
    *,
    warehouse: str | Path | None = None,
    stop: threading.Event | None = None,
    listener: Listener | None = None,
) -> SupersedeReport:
    """Ask the exchange anew for [start, end) of the symbols, in whole UTC days, and replace what is loaded of it.

    The answers go to a temporary warehouse first. Only if they prove the whole window, without a missing id, do they
    take the place of its trades and of its ledger, in one transaction: a kill leaves all as it was, or all done. Trades
    of imported archives stay. It mends what no load can go on from; the next build makes the days anew.

    Raises BadInputError, UnknownSymbolError, NothingLoadedError, LoadStoppedError, and what a load raises as a whole.
    """
    path = warehouse_path(warehouse)
    request = make_request(symbols, start, end, (), exact=False)
    require_trades(path)
    report = SupersedeReport(path, [], {})
    with (
        exclusive_lock(lock_folder() / warehouse_key(path), "load", "wait for it"),
        closing(Session(load_settings(), stop)) as session,
    ):
        kind = exchange_kind(session.settings.base_url)
        when_unlocked(lambda: check_usable(path, kind), path, session.stop)
        for symbol, windows in session.open(request).request.windows.items():
            (window,) = windows
            try:
                market = session.market(symbol)
                report.done.append(_supersede(path, session, market, (window.start_ns, window.end_ns), listener))
            except LoadStoppedError:
                raise
            except ExchangeError as error:
                report.failures[symbol] = error
            except WarehouseError as error:
                if error.may_pass:
                    raise
                report.failures[symbol] = error
    return report


def _supersede(
    path: Path, session: Session, market: Market, wanted: tuple[int, int | None], listener: Listener | None
) -> Superseded:
    symbol = market.symbol
    settled_ns = session.now_ns - int(session.settings.head_margin_seconds * NS_PER_SECOND)
    span, is_followed = when_unlocked(lambda: _widened(path, symbol, wanted), path, session.stop)
    if span[1] > settled_ns:  # what no answer can prove yet is replaced together with all that is later
        span, is_followed = (span[0], FOREVER_NS), False
    when_unlocked(lambda: _check_market(path, market, span), path, session.stop)
    # An answer that follows lacks what the one before it had where times may step back over the end.
    trades_end_ns = span[1] + is_followed * (STEP_BACK_LIMIT_NS + 1)
    bounds = (span[0], None if span[1] == FOREVER_NS else trades_end_ns)
    asked = replace(make_windows_request({symbol: (Window(*bounds, *bounds),)}, ()), also_archived=True)
    with tempfile.TemporaryDirectory(prefix="kraken-candles-") as folder:
        fresh = Path(folder) / "fresh.duckdb"
        _load(asked, fresh, session, listener)
        _check_proven(fresh, asked, (span[0], min(trades_end_ns, settled_ns)))
        return when_unlocked(lambda: _replace(path, fresh, symbol, span, trades_end_ns), path, session.stop)


def _widened(path: Path, symbol: str, wanted: tuple[int, int | None]) -> tuple[Span, bool]:
    """Return the window with all of each answer that reaches into it, and whether an answer goes on at its end.

    Half an answer is no proof.
    """
    start_ns, end_ns = wanted[0], FOREVER_NS if wanted[1] is None else wanted[1]
    query = f"select min(covered_from_ns), max(covered_to_ns) from {DATASET}.pages where {_TOUCHING}"
    with open_warehouse(path, read_only=True) as connection:
        while True:
            values = {"symbol": symbol, "start_ns": start_ns, "end_ns": end_ns}
            ((first_ns, last_ns),) = connection.execute(query, values).fetchall()
            if first_ns is None or (first_ns >= start_ns and last_ns <= end_ns):
                follows = f"select 1 from {DATASET}.pages where symbol = $symbol and covered_from_ns = $end_ns limit 1"
                met = connection.execute(follows, {"symbol": symbol, "end_ns": end_ns}).fetchall()
                return (start_ns, end_ns), bool(met)
            start_ns, end_ns = min(start_ns, first_ns), max(end_ns, last_ns)


def _load(asked: Request, fresh: Path, session: Session, listener: Listener | None) -> None:
    (symbol,) = asked.symbols
    report = load_request(asked, warehouse=fresh, listener=listener, session=session)
    failure = report.failures.get(symbol)
    if isinstance(failure, BrokenChainError):  # among the fresh answers themselves: asking once more is no way out
        raise ExchangeError(f"{failure.__cause__ or failure} Nothing was replaced.") from failure
    if failure:
        raise failure
    if report.unfinished:
        raise LoadStoppedError(f"{symbol}: stopped before all was asked for, so nothing was replaced.")


def _check_proven(fresh: Path, asked: Request, span: Span) -> None:
    """Raise ExchangeError unless the fresh answers prove the whole span and lack no id."""
    with LedgerStore.of_file(fresh) as store:
        ((symbol, proof),) = store.proofs(asked).items()
    if proof.missing_ids:
        raise ExchangeError(
            f"{symbol}: the exchange leaves out {proof.missing_ids:,} ids of this window, so its answers prove less "
            "than they should and nothing was replaced. Ask for days without them."
        )
    if not any(start_ns <= span[0] and end_ns >= span[1] for start_ns, end_ns in proof.spans):
        raise ExchangeError(
            f"{symbol}: the answers do not prove all of {show_ns(span[0])} to {show_ns(span[1])} UTC, so nothing was "
            "replaced; repair it again later."
        )


def _replace(path: Path, fresh: Path, symbol: str, span: Span, trades_end_ns: int) -> Superseded:
    """Put the fresh answers in the place of those of the span, and of the trades from its start to `trades_end_ns`."""
    values: dict[str, Any] = {"symbol": symbol, "start_ns": span[0], "end_ns": span[1]}
    trades = values | {"end_ns": trades_end_ns}
    with open_warehouse(path) as connection:
        connection.execute(f"attach {sql_text(fresh)} as {_FRESH} (read_only)")
        for table in _TABLES:
            _make_ready(connection, table)
        archived = "false"
        tables = "select 1 from duckdb_tables() where schema_name = ? and table_name = 'archive_parts'"
        if connection.execute(tables, [DATASET]).fetchall():
            archived = f"_dlt_load_id in (select _dlt_load_id from {DATASET}.archive_parts)"
        connection.execute("begin")
        _check_beside(connection, trades, archived)
        in_window = f"symbol = $symbol and time_ns >= $start_ns and time_ns < $end_ns and not ({archived})"
        trades_before = _count(connection, f"delete from {DATASET}.trades where {in_window}", trades)
        _count(connection, f"delete from {DATASET}.pages where {_TOUCHING}", values)
        of_holes = "symbol = $symbol and to_time_ns > $start_ns and from_time_ns < $end_ns"
        _count(connection, f"delete from {DATASET}.id_holes where {of_holes}", values)
        key = "symbol, trade_id, idless_time_ns, place"
        trades_now = _count(
            connection,
            f"insert into {DATASET}.trades by name select * from {_FRESH}.{DATASET}.trades "
            f"anti join (select {key} from {DATASET}.trades where symbol = $symbol) as there using ({key})",
            {"symbol": symbol},
        )
        for table in _TABLES[1:]:  # a load is as late as what it rests on: the rows of archives that are here by now
            rows = "* replace (now() as inserted_at)" if table == "_dlt_loads" else "*"
            _count(
                connection, f"insert into {DATASET}.{table} by name select {rows} from {_FRESH}.{DATASET}.{table}", {}
            )
        connection.execute("commit")
        connection.execute(f"detach {_FRESH}")
    return Superseded(symbol, span[0], None if span[1] == FOREVER_NS else span[1], trades_before, trades_now)


def _make_ready(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Give a table of an earlier version the columns that it lacks, as a load would."""
    connection.execute(f"create table if not exists {DATASET}.{table} as from {_FRESH}.{DATASET}.{table} limit 0")
    columns = (
        f"select column_name, data_type from duckdb_columns() where database_name {{}} '{_FRESH}' "
        f"and schema_name = '{DATASET}' and table_name = '{table}'"
    )
    known = {name for name, _ in connection.execute(columns.format("<>")).fetchall()}
    for name, kind in connection.execute(columns.format("=")).fetchall():
        if name not in known:
            connection.execute(f'alter table {DATASET}.{table} add column "{name}" {kind}')


def _check_market(path: Path, market: Market, span: Span) -> None:
    """Raise WrongWarehouseError where answers of another of Kraken's ids would stay beside the window."""
    query = (
        f"select min(market_id), min(covered_from_ns) from {DATASET}.pages "
        f"where symbol = $symbol and market_id <> $market_id and not ({_TOUCHING})"
    )
    values = {"symbol": market.symbol, "market_id": market.market_id, "start_ns": span[0], "end_ns": span[1]}
    with open_warehouse(path, read_only=True) as connection:
        ((market_id, first_ns),) = connection.execute(query, values).fetchall()
    if market_id:
        raise WrongWarehouseError(
            f"{market.symbol}: beside this window stay trades of Kraken's market {market_id}, but the symbol means "
            f"{market.market_id}, and the two are not mixed, so nothing was replaced. "
            f"{way_out(market.symbol, first_ns)}"
        )


def _check_beside(connection: duckdb.DuckDBPyConnection, trades: dict[str, Any], archived: str) -> None:
    """Raise WrongWarehouseError for trades beside the window that have its ids; `trades` are the window's values."""
    symbol = trades["symbol"]
    elsewhere = (
        f"select min(there.time_ns), max(there.time_ns) from {DATASET}.trades as there "
        f"semi join {_FRESH}.{DATASET}.trades as ours on there.symbol = ours.symbol and there.trade_id = ours.trade_id "
        "and ours.time_ns >= $start_ns and ours.time_ns < $end_ns "
        "where there.symbol = $symbol and there.trade_id > 0 "
        "and (there.time_ns < $start_ns or there.time_ns >= $end_ns) "
        f"and not ({archived})"
    )
    ((first_ns, last_ns),) = connection.execute(elsewhere, trades).fetchall()
    if first_ns is not None:
        raise WrongWarehouseError(
            f"{symbol}: trades with ids of this window lie beside it in the warehouse, from {show_ns(first_ns)} to "
            f"{show_ns(last_ns)} UTC, so nothing was replaced. {way_out(symbol, min(first_ns, trades['start_ns']))}"
        )


def _count(connection: duckdb.DuckDBPyConnection, statement: str, values: dict[str, Any]) -> int:
    ((count,),) = connection.execute(statement, values).fetchall()
    return int(count)
