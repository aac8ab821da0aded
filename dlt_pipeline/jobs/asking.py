"""The question before a costly load, on the terminal: Ctrl-C there means no."""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from dlt_pipeline.common.exceptions import ExchangeError, LoadStoppedError
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.console import Console
from dlt_pipeline.estimate.estimate import price_of
from dlt_pipeline.estimate.price import Estimate
from dlt_pipeline.jobs.confirm import confirm
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.warehouse.database import warehouse_path
from dlt_pipeline.warehouse.errors import when_unlocked


def may_begin(
    console: Console, request: Request, session: Session, yes: bool, warehouse: str | Path | None = None
) -> bool:
    """Price what the request lacks in the warehouse, and ask if it costs much; False if the user does not want it.

    A warehouse in use is waited for, as by the load. Raises LoadStoppedError if the user stopped it, BadInputError
    where nobody can be asked, or what `price_of` does.
    """

    def leave_it_to_the_load(_symbol: str, _error: ExchangeError) -> None:
        """One symbol's failure is its own: the load will meet it too, and report it."""

    def price() -> list[Estimate]:
        return price_of(request, warehouse, session, leave_it_to_the_load)

    path = warehouse_path(warehouse)
    estimates = beside_main(lambda: when_unlocked(price, path, session.stop), session.stop, lambda: None)
    return may_begin_at(console, estimates, session, yes)


def may_begin_at(console: Console, estimates: Sequence[Estimate], session: Session, yes: bool) -> bool:
    """Ask if the prices are high, as `may_begin` does."""
    is_terminal = console.is_terminal and sys.stdin.isatty()
    return confirm(console, estimates, yes, is_terminal, now_ns=session.now_ns, ask=_ask)


def _ask(question: str) -> bool:
    with _ctrl_c_is_no():
        try:
            return typer.confirm(question)
        except (KeyboardInterrupt, typer.Abort, EOFError):
            raise LoadStoppedError("\nNothing was loaded.") from None


@contextmanager
def _ctrl_c_is_no() -> Iterator[None]:
    """Let Ctrl-C end the question, which the handlers of a running load would not do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
