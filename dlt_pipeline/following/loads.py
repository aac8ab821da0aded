"""The loads of rounds: one session from round to round; how far symbols are covered, and whose candles are old."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Final

from dlt_pipeline.common.exceptions import BadInputError, KrakenCandlesError, UnknownSymbolError
from dlt_pipeline.following.schedule import FollowSettings, State
from dlt_pipeline.kraken.extract import Progress
from dlt_pipeline.kraken.ledger_store import LedgerStore
from dlt_pipeline.kraken.load import Listener, LoadReport, load_request, tell_committing
from dlt_pipeline.kraken.request import Request, Window, make_windows_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_TIMEFRAMES, KrakenSettings

_TIMEFRAMES_TABLE: Final = "kraken_internal.timeframes"
Progressing = Callable[[], AbstractContextManager[Listener | None]]
# A round comes again by itself: fewer tries than a load that would end for it.
_ATTEMPTS = 3


def old_timeframes(
    path: Path, symbols: Sequence[str], wanted: Sequence[str], settings: FollowSettings
) -> tuple[str, ...]:
    """Return of which timeframes Kraken's own candles are to be fetched anew, for any of the symbols."""
    with LedgerStore.of_file(path) as store:
        rows = store.rows("select symbol, timeframe, max(fetched_at) from {rest_candles} group by 1, 2")
    ages = {(symbol, name): time.time() - (at - at.__class__(1970, 1, 1)).total_seconds() for symbol, name, at in rows}
    return tuple(name for name in wanted if any(_is_old(ages, symbol, name, settings) for symbol in symbols))


def _is_old(ages: Mapping[tuple[str, str], float], symbol: str, name: str, settings: FollowSettings) -> bool:
    longest = min(settings.rest_candles * REST_TIMEFRAMES[name], settings.rest_seconds)
    age = ages.get((symbol, name))
    return age is None or not 0 <= age < longest  # a clock that was set back tells nothing


def finest_ns(path: Path) -> int:
    """Return the size of the finest timeframe that the last build made candles of; a minute before there was one."""
    with LedgerStore.of_file(path) as store:
        rows = store.rows(f"select min(size_ns) from {_TIMEFRAMES_TABLE}")  # noqa: S608 - own names only
    return int(rows[0][0]) if rows and rows[0][0] else 60 * NS_PER_SECOND


def no_progress() -> AbstractContextManager[Listener | None]:
    """Show nothing of a load that takes long."""
    return nullcontext()


class _Heard:
    """Hears how far each symbol came and what the exchange's clock says, and passes it on."""

    def __init__(self, state: State, other: Listener | None) -> None:
        self._state, self._other = state, other
        self.reached: dict[str, int] = {}
        self._lock = threading.Lock()

    def begin(self, session: Session, request: Request) -> None:
        if self._other:
            self._other.begin(session, request)

    def page(self, progress: Progress) -> None:
        with self._lock:
            self.reached[progress.symbol] = progress.covered_to_ns
            if progress.exchange_ns:  # 0 where neither the answer nor the exchange told its time
                self._state.clock.heard(progress.exchange_ns, time.monotonic())
        if self._other:
            self._other.page(progress)

    def committing(self, trades: int) -> None:
        tell_committing(self._other, trades)

    def committed(self, done: set[str]) -> None:
        if self._other:
            self._other.committed(done)


class Loads:
    """Loads the symbols of a round; keeps what is asked of the exchange once."""

    def __init__(
        self,
        state: State,
        settings: KrakenSettings,
        window: Window | None,
        timeframes: tuple[str, ...],
        stop: threading.Event,
        progress: Progressing,
    ) -> None:
        """`window` is what the user asked for; None: each symbol goes on from where it is covered."""
        self._state, self._settings, self._stop = state, settings, stop
        self._settings.retry_attempts = min(settings.retry_attempts, _ATTEMPTS)
        self._first_attempts = settings.first_contact_attempts
        self._window, self._timeframes, self._progress = window, timeframes, progress
        self._firsts: dict[str, Window] = {}
        self._whole: set[str] = set()  # symbols of which all that was asked for has been there once
        self._session: Session | None = None
        self._known: frozenset[str] = frozenset()  # symbols that the warehouse held before the first load
        self.delisted: frozenset[str] = frozenset()

    def newest(self, symbols: Sequence[str]) -> tuple[LoadReport, Mapping[str, int]]:
        """Load what came since the symbols were loaded; return the report and how far each is covered (ns).

        Right after a close, what a trade behind it does not prove is asked once more when silence will be believed.
        """
        report, reached = self._go_on(symbols)
        late, seconds = self._state.unproven(reached)
        if late and not self._stop.wait(seconds):
            again, more = self._go_on(late)
            report, reached = _both(report, again), {**reached, **more}
        return report, reached

    def _go_on(self, symbols: Sequence[str]) -> tuple[LoadReport, dict[str, int]]:
        ends = self._ends(symbols)
        windows = {
            name: _from(ends[name]) if name in ends and name in self._whole else self._firsts[name] for name in symbols
        }
        return self._load(windows, (), nullcontext())

    def _ends(self, symbols: Sequence[str]) -> dict[str, int]:
        with LedgerStore.of_file(self._state.path) as store:
            return store.covered_ends(symbols)

    def spell(self) -> None:
        """Call the symbols as loads store them, AAPLx/USD where AAPLX/USD was asked for; what is covered is called so.

        Raises an ExchangeError where the exchange cannot be asked.
        """
        self._end_session()  # markets come and go
        symbols = self._state.symbols
        if self._ends(symbols).keys() >= set(symbols):
            return
        session = Session(self._settings, self._stop)
        try:
            session.open(Request({}, ()))
        except Exception:
            session.close()
            self._settings.first_contact_attempts = 1  # as of a load
            raise
        self._session = session
        names = {name: session.symbol_of(name) for name in symbols}
        self._state.rename(names)
        self._firsts = {names[name]: window for name, window in self._firsts.items()}

    def all(self) -> tuple[LoadReport, Mapping[str, int]]:
        """Load all that was asked for, by `spell`, wherever it is missing, and Kraken's own candles that are old."""
        symbols = self._state.symbols
        if not self._firsts:
            ends = self._ends(symbols)
            self._known, self._firsts = frozenset(ends), self._first_windows(ends)
        timeframes = old_timeframes(self._state.path, symbols, self._timeframes, self._state.settings)
        # The first may have much to catch up with.
        progress = nullcontext() if self._state.has_begun else self._progress()
        return self._load(self._firsts, timeframes, progress)

    def _load(
        self,
        windows: Mapping[str, Window],
        timeframes: Sequence[str],
        progress: AbstractContextManager[Listener | None],
    ) -> tuple[LoadReport, dict[str, int]]:
        request = make_windows_request({name: (window,) for name, window in windows.items()}, timeframes)
        session = self._session or Session(self._settings, self._stop)
        failures: dict[str, KrakenCandlesError] = {}
        try:
            request = self._listed(session, request, failures)
            with progress as listener:
                heard = _Heard(self._state, listener)
                report = load_request(request, warehouse=self._state.path, listener=heard, session=session)
            if any(isinstance(error, UnknownSymbolError) for error in report.failures.values()):
                session.close()
                session = Session(self._settings, self._stop)  # what the other one listed is old
                with suppress(KrakenCandlesError):  # then it is a failure like others, and tried again
                    self._listed(session, request, {})
                report.failures = {name: why for name, why in report.failures.items() if name not in self.delisted}
        except Exception:
            session.close()
            self._session = None
            self._settings.first_contact_attempts = 1  # one sentence a round is enough while nobody answers
            raise
        report.failures.update(failures)
        # After any failure the exchange is asked anew, by a first contact that soon says that nobody answers.
        self._session = session
        if report.failures:
            self._end_session()
        self._settings.first_contact_attempts = self._first_attempts
        left = report.failures.keys() | self.delisted
        self._whole |= windows.keys() - left - set(report.unfinished)
        return report, {name: at for name, at in heard.reached.items() if name not in left}

    def _end_session(self) -> None:
        if self._session:
            self._session.close()
        self._session = None

    def _listed(self, session: Session, request: Request, failures: dict[str, KrakenCandlesError]) -> Request:
        """Leave out what the exchange lists no more, and after the beginning what it lists as nonsense.

        Neither ends another symbol. At the beginning a symbol that the warehouse does not hold may be misspelt: it is
        left in, and refused.
        """
        session.open(request.part(()))
        held = request.symbols if self._state.has_begun else self._known.intersection(request.symbols)
        delisted = {name for name in held if session.is_delisted(name)}
        self.delisted = self.delisted.difference(request.symbols) | delisted
        if self._state.has_begun:
            asked = [name for name in request.symbols if name not in delisted]
            failures.update((name, error) for name in asked if (error := session.unlisted(name)))
        return request.part([name for name in request.symbols if name not in delisted and name not in failures])

    def _first_windows(self, ends: Mapping[str, int]) -> dict[str, Window]:
        if self._window is not None:
            return dict.fromkeys(self._state.symbols, self._window)
        unknown = [name for name in self._state.symbols if name not in ends]
        if unknown:
            raise BadInputError(
                f"The warehouse {self._state.path} holds nothing of {', '.join(unknown)} to go on from; say the first "
                "day wanted with --start."
            )
        return {name: _from(ends[name]) for name in self._state.symbols}


def _both(first: LoadReport, second: LoadReport) -> LoadReport:
    """Add what a second load of some of the symbols brought to the report of the first."""
    for name, count in second.trades.items():
        first.trades[name] = first.trades.get(name, 0) + count
    for name, count in second.missing_ids.items():
        first.missing_ids[name] = first.missing_ids.get(name, 0) + count
    first.failures.update(second.failures)
    first.unfinished += second.unfinished
    return first


def _from(start_ns: int) -> Window:
    """Go on from there; nobody asked for that very moment, so it is not compared with the exchange's clock."""
    return Window(start_ns, None, 0, None)
