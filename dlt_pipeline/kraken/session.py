"""What one load keeps from chunk to chunk: settings, a client a symbol, the markets, the exchange's clock."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

import dlt
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from dlt_pipeline.common.exceptions import BadAnswerError, BadInputError, UnknownSymbolError, WrongWarehouseError
from dlt_pipeline.common.threads import Stop
from dlt_pipeline.common.time import When, show_ns, to_ns, utc, widen
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.ledger import LedgerRow, Range, merge
from dlt_pipeline.kraken.markets import Listed, Market, find_market, spelt, unlisted
from dlt_pipeline.kraken.rows import LEDGER_COLUMNS, ledger_row
from dlt_pipeline.kraken.settings import FUTURE_TOLERANCE_NS, REST_TIMEFRAMES, STEP_BACK_LIMIT_NS, KrakenSettings

_log = logging.getLogger("dlt_pipeline.kraken")


@dataclass(frozen=True)
class Window:
    """A range of time to load, [start_ns, end_ns) in ns UTC; no end: up to now. `asked_…` is it as the user said it.

    One that is `is_distrusted` is asked for whatever the ledger says of it: its trades are not those that it speaks of.
    """

    start_ns: int
    end_ns: int | None
    asked_start_ns: int
    asked_end_ns: int | None
    is_distrusted: bool = False

    def touches(self, from_ns: int, to_ns: int) -> bool:
        """Tell whether an answer that covers [from_ns, to_ns) holds trades of it: times may step back over its end."""
        return to_ns >= self.start_ns - STEP_BACK_LIMIT_NS and (self.end_ns is None or from_ns < self.end_ns)


@dataclass(frozen=True)
class Request:
    """What to load: for each ccxt symbol its windows, ascending, and which of Kraken's own candles.

    Whole days that imported archives hold are left out of it unless they are wanted, too.
    """

    windows: Mapping[str, tuple[Window, ...]]
    timeframes: tuple[str, ...]
    also_archived: bool = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, in the order in which they were asked for."""
        return tuple(self.windows)

    def is_backfill(self, symbol: str) -> bool:
        """Whether all of a symbol's windows have explicit bounds, which never move the live cursor."""
        return all(window.end_ns is not None for window in self.windows[symbol])

    def part(self, symbols: Iterable[str]) -> "Request":
        """Return the request for some of its symbols."""
        return replace(self, windows={symbol: self.windows[symbol] for symbol in symbols})


def make_request(
    symbols: Sequence[str],
    start: When,
    end: When | None,
    timeframes: Sequence[str],
    exact: bool,
    also_archived: bool = False,
) -> Request:
    """Ask for one window of every symbol. Checks what can be without the exchange; BadInputError says what is wrong."""
    window = make_window(start, end, exact)
    return replace(make_windows_request(dict.fromkeys(symbols, (window,)), timeframes), also_archived=also_archived)


def make_windows_request(windows: Mapping[str, Iterable[Window]], timeframes: Sequence[str]) -> Request:
    """Ask for windows of each symbol's own; BadInputError says what is wrong."""
    if not windows or not all(windows):
        raise BadInputError("No symbol was given, or an empty one: name at least one, such as BTC/USD.")
    unknown = [name for name in timeframes if name not in REST_TIMEFRAMES]
    if unknown:
        quoted = ", ".join(map(repr, unknown))
        raise BadInputError(f"Kraken has no candles of {quoted}; it has {', '.join(REST_TIMEFRAMES)}.")
    ordered = {name: tuple(sorted(each, key=lambda window: window.start_ns)) for name, each in windows.items()}
    return Request(ordered, tuple(timeframes))


def make_window(start: When, end: When | None, exact: bool) -> Window:
    """Turn the user's bounds into a window, widened to whole UTC days unless `exact`; BadInputError for bad ones."""
    start_ns = to_ns(start, "The start")
    end_ns = None if end is None else to_ns(end, "The end")
    if end_ns is not None and end_ns <= start_ns:
        raise BadInputError(f"The end {show_ns(end_ns)} does not lie after the start {show_ns(start_ns)} (UTC).")
    wide = (start_ns, end_ns) if exact else widen(start_ns, end_ns)
    return Window(*wide, start_ns, end_ns)


class Session:
    """Opened once a load; safe for the threads of several symbols."""

    def __init__(self, settings: KrakenSettings, stop: threading.Event | None = None) -> None:
        """Prepare; nothing is asked before `open`."""
        self.settings = settings
        self.stop = stop or threading.Event()
        self._listed = Listed((), {})
        self.now_ns = 0
        self.is_clock_checked = False
        self.began_at = utc(time.time())
        self._clock: tuple[int, float] | None = None
        self._clients: dict[str, KrakenClient] = {}
        self._all_clients: dict[str, list[KrakenClient]] = {}
        self._idle: dict[str, list[KrakenClient]] = {}
        self._lock = threading.Lock()
        self._told_ends: set[int] = set()

    def open(self, request: Request) -> None:
        """Ask the clock and the markets once, and refuse what the exchange cannot give: future dates, unknown symbols.

        A symbol of which nonsense is listed is not refused here: it ends no other one. Raises BadInputError,
        UnknownSymbolError, NoConnectionError or another ExchangeError.
        """
        with self._lock:
            if not self.markets:
                client = KrakenClient(self.settings, self.stop)
                with closing(client):
                    self.now_ns = client.first_contact()
                    self._clock = client.clock
                    self._listed = client.markets()
        for symbol, windows in request.windows.items():
            for window in windows:
                self.check_past(window)
            error = self.unlisted(symbol)
            if isinstance(error, UnknownSymbolError):
                raise error

    def spelt(self, request: Request) -> Request:
        """Open, and return the request with markets that have no symbol by name instead of by Kraken's other ids."""
        if all("/" in symbol for symbol in request.symbols):
            return request
        self.open(request.part(()))
        names = {symbol: spelt(self._listed, symbol) for symbol in request.symbols}
        return replace(
            request,
            windows={
                symbol if "/" in names[symbol] else names[symbol]: windows
                for symbol, windows in request.windows.items()
            },
        )

    @property
    def markets(self) -> list[Market]:
        """What the exchange lists, by symbol; empty before `open`."""
        return list(self._listed.markets)

    def check_past(self, window: Window) -> None:
        """Raise BadInputError for a start in the exchange's future, or an end after the UTC day that runs there.

        An end later on that day, or within what clocks may differ by, means now, and the log says so once.
        """
        _, last_end_ns = widen(0, self.now_ns + FUTURE_TOLERANCE_NS)
        end_ns = window.asked_end_ns
        if end_ns is not None and self.now_ns < end_ns <= (last_end_ns or 0) and end_ns not in self._told_ends:
            self._told_ends.add(end_ns)
            _log.info(
                "The end %s lies after the exchange's clock, %s (UTC): it means now.",
                show_ns(end_ns),
                show_ns(self.now_ns),
            )
        bounds = (("start", window.asked_start_ns, self.now_ns), ("end", end_ns, last_end_ns or 0))
        for what, time_ns, latest_ns in bounds:
            if time_ns is not None and time_ns > latest_ns:
                raise BadInputError(
                    f"The {what} {show_ns(time_ns)} lies in the future: the exchange's clock says "
                    f"{show_ns(self.now_ns)} (UTC)."
                )

    def market(self, symbol: str) -> Market:
        """Return the market of a symbol; UnknownSymbolError if there is none, BadAnswerError if it is nonsense."""
        return find_market(self._listed, symbol)

    def unlisted(self, symbol: str) -> UnknownSymbolError | BadAnswerError | None:
        """Return the error of a symbol that the exchange does not list (any more), None for one that it does."""
        return unlisted(self._listed, symbol)

    def client(self, symbol: str) -> KrakenClient:
        """Return the symbol's own client: a client is not for several threads at once."""
        with self._lock:
            if symbol not in self._clients:
                self._clients[symbol] = self._made(symbol, self.stop)
            return self._clients[symbol]

    def lend_client(self, symbol: str, stop: Stop) -> KrakenClient:
        """Return a further client for a symbol, whose waits `stop` ends; it is to be given back with its connection."""
        with self._lock:
            idle = self._idle.get(symbol)
            if not idle:
                return self._made(symbol, stop)
            client = idle.pop()
            client.stop = stop
            return client

    def give_back(self, symbol: str, client: KrakenClient) -> None:
        """Take back a lent client that nobody uses any more."""
        with self._lock:
            self._idle.setdefault(symbol, []).append(client)

    def close(self) -> None:
        """Close all connections; a client that is used again opens its own anew."""
        with self._lock:
            for clients in self._all_clients.values():
                for client in clients:
                    client.close()

    def calls(self, symbol: str) -> int:
        """Return how many calls were made for a symbol so far, those that were refused included."""
        with self._lock:
            return sum(client.calls for client in self._all_clients.get(symbol, ()))

    def _made(self, symbol: str, stop: Stop) -> KrakenClient:
        client = KrakenClient(self.settings, stop, self._clock)
        self._all_clients.setdefault(symbol, []).append(client)
        return client


def check_clock(ranges: dict[str, list[Range]], now_ns: int) -> None:
    """Refuse to go on where the warehouse covers what lies in this exchange's future: another exchange filled it."""
    for symbol, known in ranges.items():
        if known and known[-1].to_ns > now_ns + FUTURE_TOLERANCE_NS:
            raise WrongWarehouseError(
                f"{symbol}: the warehouse covers up to {show_ns(known[-1].to_ns)}, but this exchange's clock says "
                f"{show_ns(now_ns)} (UTC): another exchange filled it, which wants another "
                f"KRAKEN_CANDLES_WAREHOUSE, or an answer with a wrong time did. {way_out(symbol, now_ns)}"
            )


def way_out(symbol: str, from_ns: int) -> str:
    """Name the command that replaces what is loaded from the UTC day of `from_ns` on."""
    day = show_ns(from_ns)[:10]
    return f"`kraken-candles repair {symbol} --start {day}` asks anew for all from that day on and replaces it."


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


def other_market(market: Market, known_ids: Mapping[str, int]) -> WrongWarehouseError | None:
    """Return why a load cannot go on where a symbol's trades are those of another of Kraken's ids, else None.

    `known_ids` have the times (ns, UTC) from which on they are loaded.
    """
    others = sorted(set(known_ids) - {market.market_id})
    if not others:
        return None
    return WrongWarehouseError(
        f"{market.symbol}: what is loaded in this warehouse is of Kraken's market {', '.join(others)}, but the symbol "
        f"means {market.market_id}; the two are not mixed. Load it into another KRAKEN_CANDLES_WAREHOUSE, or replace "
        f"the other: {way_out(market.symbol, min(known_ids.values()))}"
    )


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
