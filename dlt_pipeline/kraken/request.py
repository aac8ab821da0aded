"""What to load: windows of time of symbols, checked without asking the exchange."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import FOREVER_NS, When, bounds_ns, widen
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, STEP_BACK_LIMIT_NS


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

    @property
    def answered_ns(self) -> tuple[int, int]:
        """From where on an answer ends, and before where one begins, that holds trades of it: times may step back."""
        return self.start_ns - STEP_BACK_LIMIT_NS, FOREVER_NS if self.end_ns is None else self.end_ns


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
    start_ns, end_ns = bounds_ns(start, end)
    wide = (start_ns, end_ns) if exact else widen(start_ns, end_ns)
    return Window(*wide, start_ns, end_ns)
