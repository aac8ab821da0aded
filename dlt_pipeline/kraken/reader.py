"""Where a chunk takes its answers from: straight from the exchange, or from a thread that goes on asking meanwhile."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from dlt_pipeline.kraken.extract import Extracted, SymbolLoad

# How long the end of a chunk, or of a load, may go unheard by a thread that waits for an answer.
_SLICE_SECONDS: Final = 0.1
_LONGEST_JOIN_SECONDS: Final = 1.0


class Reader(Protocol):
    """One symbol's answers, in order."""

    def take(self, is_over: Callable[[], bool]) -> Extracted | None:
        """Return the next answer; None after the last one, or where none is there yet and the chunk `is_over`."""

    @property
    def is_done(self) -> bool:
        """Whether everything was taken, and nothing is missing any more."""


class Direct:
    """Asks when it is asked."""

    def __init__(self, load: SymbolLoad) -> None:
        """Nothing is asked before the first `take`."""
        self._load = load
        self._answers: Iterator[Extracted] = load.answers()

    def take(self, is_over: Callable[[], bool]) -> Extracted | None:  # noqa: ARG002 - each symbol waits for its own answer
        """Ask and return the answer."""
        return next(self._answers, None)

    @property
    def is_done(self) -> bool:
        """Whether nothing is missing any more."""
        return self._load.is_done


class Ahead:
    """Asks in a thread of its own, so that a symbol's pace goes on while dlt commits the chunk before."""

    def __init__(
        self, load: SymbolLoad, cancelled: threading.Event, limit: int, on_end: Callable[[], object] = lambda: None
    ) -> None:
        """Begin to ask; at most `limit` answers wait. `cancelled` ends it, as what `load` itself hears does.

        `on_end` is called once nothing is asked any more.
        """
        self._load, self._cancelled, self._limit, self._on_end = load, cancelled, limit, on_end
        self._waiting: deque[Extracted] = deque()
        self._changed = threading.Condition()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"ask {load.market.symbol}", daemon=True)
        self._thread.start()

    def take(self, is_over: Callable[[], bool]) -> Extracted | None:
        """Return the answer that waits longest, or wait for one; raise what ended the asking, after the last answer."""
        with self._changed:
            while not self._waiting:
                if not self._thread.is_alive():
                    if self._error:
                        raise self._error
                    return None
                if is_over():
                    return None
                self._changed.wait(_SLICE_SECONDS)
            self._changed.notify_all()
            return self._waiting.popleft()

    @property
    def is_done(self) -> bool:
        """Whether everything was asked for and taken."""
        return self._load.is_done and not self._waiting

    @property
    def has_waiting(self) -> bool:
        """Whether answers wait that no chunk has taken."""
        return bool(self._waiting)

    def cancel(self) -> None:
        """Let the page in hand be the last one."""
        self._cancelled.set()

    def join(self) -> None:
        """Wait for the thread, but not for an exchange that does not answer."""
        self._thread.join(_LONGEST_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            for taken in self._load.answers():
                with self._changed:
                    while len(self._waiting) >= self._limit and not self._load.stop.is_set():
                        self._changed.wait(_SLICE_SECONDS)
                    self._waiting.append(taken)
                    self._changed.notify_all()
        except Exception as error:  # noqa: BLE001 - raised by `take`, in the thread that can tell of it
            self._error = error
        finally:
            self._on_end()


class Readers:
    """The readers of one load, by symbol; they outlive its chunks."""

    def __init__(self) -> None:
        """Begin without any."""
        self._ahead: dict[str, Ahead] = {}

    def __enter__(self) -> "Readers":
        """Use them in a `with`, at whose end nobody asks any more."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them all."""
        self.drop(self._ahead)
        for reader in self._ahead.values():
            reader.join()

    def __contains__(self, symbol: str) -> bool:
        """Whether the symbol is being read."""
        return symbol in self._ahead

    def __getitem__(self, symbol: str) -> Ahead:
        """Return the symbol's reader."""
        return self._ahead[symbol]

    def add(
        self, load: SymbolLoad, cancelled: threading.Event, limit: int, on_end: Callable[[], object] = lambda: None
    ) -> None:
        """Begin to read a symbol; `on_end` is called when that is over."""
        self._ahead[load.market.symbol] = Ahead(load, cancelled, limit, on_end)

    def drop(self, symbols: Iterable[str]) -> None:
        """Stop asking for symbols that are not wanted any more."""
        for symbol in symbols:
            if symbol in self._ahead:
                self._ahead[symbol].cancel()

    def have_waiting(self, symbols: Iterable[str]) -> bool:
        """Whether answers of one of the symbols wait to be committed."""
        return any(self._ahead[symbol].has_waiting for symbol in symbols if symbol in self._ahead)
