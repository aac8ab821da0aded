"""What goes wrong on purpose: faults that tests order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dlt_pipeline.common.exceptions import LocalExchangeError
from dlt_pipeline.exchange.market import Market

FaultKind = Literal[
    "error",  # a Kraken error text, HTTP 200
    "http_status",  # an HTTP status with an HTML body, as a proxy gives it
    "html",  # an HTML body with HTTP 200
    "drop",  # the connection ends without an answer
    "missing_last",  # the result without `last`
    "hide_ids",  # trades that should be there are not, the page is filled up behind them
    "wrong_pair",  # the result under another pair's key
    "out_of_order",  # the first and the last row change places
    "wrong_date",  # the answer's `Date` is a day ahead
    "change",  # whatever a function makes of the result
    "disconnect",  # a WebSocket connection ends at once, without a word
    "silence",  # a WebSocket connection stays open and sends nothing any more, not even a heartbeat
]
# What calls of the WebSocket go by, as `Trades` does for those of REST.
SOCKET_PATH = "v2"
# They strike a connection that is there, not the answer to a call.
OF_A_CONNECTION = ("disconnect", "silence")
# Instead of an answer; the others spoil an answer that was made.
INSTEAD_OF_AN_ANSWER = ("error", "http_status", "html", "drop")


@dataclass(frozen=True)
class Fault:
    """One rule.

    It strikes calls of `path` (`Trades`, `OHLC`, …; None for all) for `pair` (symbol, key, altname or wsname; None
    for all), `times` times (None: always), after the first `skip` calls it fits have been spared.

    Calls of `v2` are the WebSocket's: a new connection, which "http_status" or "drop" refuses, and each of its messages
    of trades, from which "hide_ids" takes trades. "disconnect" and "silence" strike one connection at once, and no
    other call; with a `pair`, one that subscribed to it.
    """

    kind: FaultKind
    path: str | None = None
    pair: str | None = None
    times: int | None = 1
    skip: int = 0
    error: str = "EService:Busy"
    status: int = 503
    ids: frozenset[int] | set[int] = frozenset()
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that could not do anything."""
        if self.kind == "hide_ids" and not self.ids:
            raise LocalExchangeError('a fault of kind "hide_ids" needs the trade ids in `ids`')
        if self.kind == "change" and self.change is None:
            raise LocalExchangeError('a fault of kind "change" needs a function in `change`')
        if self.kind in OF_A_CONNECTION and self.skip:
            raise LocalExchangeError(f'a fault of kind "{self.kind}" strikes at once: it cannot `skip` calls')

    def fits(self, path: str, market: Market | None) -> bool:
        """Whether the rule speaks of this call."""
        if self.path is not None and self.path != path:
            return False
        return self.pair is None or (market is not None and self.pair in (market.symbol, *market.names))


class _Rule:
    """A fault with what is left of it."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times
        self.spared = 0


class Faults:
    """The rules in force; every method may be called from any thread."""

    def __init__(self) -> None:
        """No rule yet."""
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def add(self, fault: Fault) -> None:
        """Put a rule behind those in force."""
        with self._lock:
            self._rules.append(_Rule(fault))

    def clear(self) -> None:
        """Take every rule away."""
        with self._lock:
            self._rules.clear()

    @property
    def pending(self) -> list[Fault]:
        """The rules still in force; empty once all have struck as often as they should."""
        with self._lock:
            return [rule.fault for rule in self._rules]

    def due(self, path: str, market: Market | None) -> list[Fault]:
        """The faults for one call: a single one that replaces the answer, or all those that spoil it."""
        with self._lock:
            fitting = [
                rule for rule in self._rules if rule.fault.kind not in OF_A_CONNECTION and rule.fault.fits(path, market)
            ]
            struck = []
            for rule in fitting:
                if rule.spared < rule.fault.skip:
                    rule.spared += 1
                else:
                    struck.append(rule.fault)
            instead = [fault for fault in struck if fault.kind in INSTEAD_OF_AN_ANSWER]
            return instead[:1] or struck

    def of_a_connection(self, markets: Sequence[Market]) -> list[Fault]:
        """The first fault, if any, that strikes a connection which subscribed to these markets."""
        with self._lock:
            faults = [rule.fault for rule in self._rules if rule.fault.kind in OF_A_CONNECTION]
        return [fault for fault in faults if any(fault.fits(SOCKET_PATH, market) for market in (None, *markets))][:1]

    def spend(self, fault: Fault) -> None:
        """Count one strike of a fault; called only when it made a difference."""
        with self._lock:
            for rule in self._rules:
                if rule.fault is fault:
                    rule.left = None if rule.left is None else rule.left - 1
                    break
            self._rules = [rule for rule in self._rules if rule.left is None or rule.left > 0]


def spoil(fault: Fault, result: dict[str, Any], key: str | None) -> dict[str, Any]:
    """The result as the fault leaves it; the very same object where there was nothing to spoil."""
    if fault.kind == "missing_last" and "last" in result:
        return {name: value for name, value in result.items() if name != "last"}
    if fault.kind == "wrong_pair" and key in result:
        return {f"{name}X" if name == key else name: value for name, value in result.items()}
    if fault.kind == "out_of_order" and key in result and len(result[key]) > 1:
        first, *middle, last = result[key]
        return {**result, key: [last, *middle, first]}
    if fault.kind == "change" and fault.change is not None:
        return fault.change(result)
    return result


def replace_value(row: int, column: int, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function for `Fault(kind="change", change=...)` that puts a value into one place of the result's rows.

    A `RawNumber` goes out without quotes, digit for digit.
    """

    def change(result: dict[str, Any]) -> dict[str, Any]:
        changed = dict(result)
        for name, rows in result.items():
            if isinstance(rows, Sequence) and not isinstance(rows, str) and rows:
                changed[name] = [list(each) for each in rows]
                changed[name][row][column] = value
        return changed

    return change
