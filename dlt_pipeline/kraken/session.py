"""What one load keeps from chunk to chunk: settings, a client a symbol, the markets, the exchange's clock."""

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

from dlt_pipeline.common.exceptions import (
    BadInputError,
    ExchangeError,
    KrakenCandlesError,
    UnknownSymbolError,
    WrongWarehouseError,
)
from dlt_pipeline.common.threads import Stop
from dlt_pipeline.common.time import show_ns, utc, widen
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.markets import (
    DELISTED,
    TOKENIZED,
    Listed,
    Market,
    Seen,
    changed_statuses,
    find_market,
    is_unknown,
    may_be_tokenized,
    symbol_meant,
    unlisted,
)
from dlt_pipeline.kraken.request import Request, Window
from dlt_pipeline.kraken.settings import FUTURE_TOLERANCE_NS, KrakenSettings

_log = logging.getLogger("dlt_pipeline.kraken")


class Session:
    """Opened for a `request`, whose loads go on from chunk to chunk; safe for the threads of several symbols."""

    def __init__(self, settings: KrakenSettings, stop: threading.Event | None = None) -> None:
        """Prepare; nothing is asked before `open`."""
        self.settings = settings
        self.request = Request({}, ())
        self.stop = stop or threading.Event()
        self._listed = Listed((), {})
        self._lister: KrakenClient | None = None  # until it listed all that there is
        self._listing = threading.Lock()
        self._unlistable: ExchangeError | None = None  # why it could not list the tokenised assets
        self._second: list[Listed | None] = []  # empty until it was asked for; None: it could not be
        self.now_ns = 0
        self._clock_checked: set[str] = set()
        self.began_at = utc(time.time())
        self._clock: tuple[int, float] | None = None
        self._clients: dict[str, KrakenClient] = {}
        self._all_clients: dict[str, list[KrakenClient]] = {}
        self._idle: dict[str, list[KrakenClient]] = {}
        self._lock = threading.Lock()
        self._told_ends: set[int] = set()
        self.listed_at = 0.0  # Unix seconds
        self._own_status: list[str | None] = []  # empty until it was asked for
        self.are_statuses_told = False

    def open(self, request: Request) -> "Session":
        """Ask the clock and the markets once, and keep the request as the exchange spells it; return this session.

        A market without a symbol is called by its name instead of by Kraken's other ids. Refused is what the exchange
        cannot give: future dates, unknown symbols; not a symbol of which nonsense is listed, or that may be a tokenised
        asset and could not be looked for among them: it ends no other one.
        Raises BadInputError, UnknownSymbolError, NoConnectionError or another ExchangeError.
        """
        with self._lock:
            if not self.markets:
                client = KrakenClient(self.settings, self.stop)
                with closing(client):
                    self.now_ns = client.first_contact()
                    self._clock = client.clock
                    self._listed = client.markets()
                    self.listed_at = time.time()
                self._lister = client
        windows: dict[str, tuple[Window, ...]] = {}
        for asked, each in request.windows.items():
            for window in each:
                self.check_past(window)
            symbol = self.symbol_of(asked)
            error = self.unlisted(symbol)
            if isinstance(error, UnknownSymbolError):
                raise error
            windows[symbol] = each
        self.request = replace(request, windows=windows)
        return self

    @property
    def markets(self) -> list[Market]:
        """What the exchange lists, by symbol; empty before `open`. Tokenised assets only if they were asked for."""
        return list(self._listed.markets)

    def status_changes(self, known: Mapping[str, Seen]) -> list[dict[str, Any]]:
        """Return the rows of what is not as `known`, none once they are told; asks the exchange's own status once."""
        if self.are_statuses_told:
            return []
        if not self._own_status:
            with closing(KrakenClient(self.settings, self.stop)) as client:
                self._own_status.append(client.system_status())
        changes = changed_statuses(known, self._listed, self._own_status[0], utc(self.listed_at))
        gone = {row["symbol"] for row in changes if row["status"] == DELISTED}
        return [row for row in changes if row["symbol"] not in gone or self._is_missing_again(row["symbol"])]

    def changed_statuses(self, known: Mapping[str, Seen]) -> list[dict[str, Any]]:
        """Return what `status_changes` does, and count it as told."""
        changes = self.status_changes(known)
        self.are_statuses_told = True
        return changes

    def is_delisted(self, symbol: str) -> bool:
        """Whether nothing that the exchange lists has this name; not where it must be looked for and cannot be."""
        try:
            self._list_also(symbol)
        except ExchangeError:
            return False
        return is_unknown(self._listed, symbol) and self._is_missing_again(symbol)

    def _is_missing_again(self, symbol: str) -> bool:
        """Whether a second, fresh list lacks a symbol too: one odd answer delists nothing. Asked for once."""
        if not self._second:
            second = None
            with suppress(ExchangeError), closing(KrakenClient(self.settings, self.stop)) as client:
                second = client.markets()
                if TOKENIZED in {market.asset_class for market in self.markets} or may_be_tokenized(symbol):
                    second = client.tokenized(second)
            self._second.append(second)
        return self._second[0] is not None and is_unknown(self._second[0], symbol)

    def list_tokenized(self) -> None:
        """Ask for the tokenised assets, too, once; raises ExchangeError."""
        with self._listing:
            if self._lister:
                with closing(self._lister):
                    self._listed = self._lister.tokenized(self._listed)
                self._lister = None

    def _list_also(self, name: str) -> None:
        """Ask for the tokenised assets if a name is not among the currencies: it may be of one.

        Raises the ExchangeError of asking for them, also of having asked before.
        """
        if self._lister and is_unknown(self._listed, name):
            if self._unlistable:
                raise self._unlistable
            try:
                self.list_tokenized()
            except ExchangeError as error:
                self._unlistable = error
                raise

    def symbol_of(self, asked: str) -> str:
        """Return the symbol that is stored of what somebody asks for; the name itself where none is known."""
        with suppress(ExchangeError):  # which `unlisted` tells
            self._list_also(asked)
        return symbol_meant(self._listed, asked)

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

    def check_clock(self, ends: Mapping[str, int]) -> None:
        """Refuse a warehouse that covers symbols up to `ends` (ns, UTC) in this exchange's future: another filled it.

        A symbol once: what is loaded since the clock was asked lies later.
        """
        for symbol in ends.keys() - self._clock_checked:
            if ends[symbol] > self.now_ns + FUTURE_TOLERANCE_NS:
                raise WrongWarehouseError(
                    f"{symbol}: the warehouse covers up to {show_ns(ends[symbol])}, but this exchange's clock says "
                    f"{show_ns(self.now_ns)} (UTC): another exchange filled it, which wants another "
                    f"KRAKEN_CANDLES_WAREHOUSE, or an answer with a wrong time did. {way_out(symbol, self.now_ns)}"
                )
        self._clock_checked |= ends.keys()

    def market(self, symbol: str) -> Market:
        """Return the market of a symbol; raises what `unlisted` returns."""
        if error := self.unlisted(symbol):
            raise error
        return find_market(self._listed, symbol)

    def unlisted(self, symbol: str) -> UnknownSymbolError | ExchangeError | None:
        """Return the error of a symbol that the exchange does not list (any more), None for one that it does.

        BadAnswerError where nonsense is listed; another ExchangeError where the symbol may be a tokenised asset, and
        these could not be asked for.
        """
        try:
            self._list_also(symbol)
        except ExchangeError as error:
            if may_be_tokenized(symbol):
                return type(error)(f"{symbol}: {error}")
        return unlisted(self._listed, symbol)

    def refusal(self, symbol: str, known_ids: Mapping[str, int]) -> KrakenCandlesError | None:
        """Return why a symbol is not asked for: it is not listed, or means another market in the warehouse.

        `known_ids` as of `other_market`.
        """
        return self.unlisted(symbol) or other_market(self.market(symbol), known_ids)

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


def way_out(symbol: str, from_ns: int) -> str:
    """Name the command that replaces what is loaded from the UTC day of `from_ns` on."""
    day = show_ns(from_ns)[:10]
    return (
        f"`kraken-candles repair {symbol} --start {day}` asks anew for all from that day on and replaces it; in place "
        "of a lake, load into another."
    )


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
