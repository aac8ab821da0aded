"""What all commands share: the application, its console, logging, signals, and errors turned into sentences."""

import difflib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Annotated, Final, TypeVar

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")  # dlt logs tracebacks; we say a sentence
os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")

import typer
from rich.console import ConsoleRenderable
from rich.logging import RichHandler
from rich.text import Text

from dlt_pipeline.cli.console import STOPPED, Console
from dlt_pipeline.common.exceptions import (
    BadInputError,
    KrakenCandlesError,
    LoadStoppedError,
    LocalExchangeError,
    UnknownSymbolError,
)
from dlt_pipeline.common.version import program

app = typer.Typer(
    help="Exact, proven candles from Kraken's raw trades: dlt loads, dbt builds and checks, DuckDB keeps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_T = TypeVar("_T")
_PREFIX: Final = "KRAKEN_CANDLES_"
ENVIRONMENT: Final = (
    *("ARCHIVE_PASSWORD", "EXPORTS", "KEEP_REPLACED_SECONDS", "KEEP_TRADES_DAYS", "PUBLISH_WAIT_SECONDS", "SEEDS"),
    *("SPARK_MASTER", "SPARK_WAREHOUSE", "THREADS", "WAREHOUSE"),
)


def out() -> Console:
    """Return the console for results; made when needed, so that a redirected stdout is respected."""
    return Console()


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if show_version:
        typer.echo(program())
        raise typer.Exit
    _check_environment()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _check_environment() -> None:
    """Refuse a name that is nearly one of ours: it would change nothing. Others of the prefix are somebody else's."""
    for name in os.environ:
        suffix = name.removeprefix(_PREFIX)
        if suffix not in (name, *ENVIRONMENT):
            near = difflib.get_close_matches(suffix, ENVIRONMENT, n=1, cutoff=0.8)
            if near:
                raise BadInputError(f"The variable {name} is unknown; the nearest known one is {_PREFIX}{near[0]}.")


class _Lines(RichHandler):
    """A record is a line, which a terminal wraps; rich would break counts and paths at the width it takes a log for."""

    def render(self, *, record: logging.LogRecord, message_renderable: ConsoleRenderable, **_: object) -> Text:
        return Text.assemble(self.get_level_text(record), " ", str(message_renderable))


def configure_logging() -> None:
    """Show our own warnings as lines; dlt's and dbt's chatter stays out."""
    logger = logging.getLogger("dlt_pipeline")
    logger.handlers = [_Lines(console=Console(stderr=True), show_time=False, show_path=False, markup=False)]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def stop_on_signals() -> threading.Event:
    """Return an event that the first Ctrl-C (or SIGTERM) sets; a second one ends the process at once."""
    stop = threading.Event()

    def hear(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os.write(2, b"\nEnded at once; what was committed stays, and the same command resumes.\n")
            os._exit(STOPPED)
        stop.set()

    signal.signal(signal.SIGINT, hear)
    signal.signal(signal.SIGTERM, hear)
    return stop


def _guarded(run: Callable[[], _T]) -> _T:
    try:
        return run()
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError) and "--help" in sys.argv:
            raise SystemExit(0) from error  # its reader has seen enough, and nothing was left undone
        raise
    except LoadStoppedError as error:
        Console(stderr=True).print(str(error), markup=False)
        raise SystemExit(STOPPED) from error
    except KrakenCandlesError as error:
        Console(stderr=True).print(f"Error: {error}", markup=False)
        is_input = isinstance(error, BadInputError | UnknownSymbolError | LocalExchangeError)
        raise SystemExit(2 if is_input else 1) from error


def main() -> None:
    """Run the command line; exit code 0 done, 1 failed, 2 wrong input, 130 stopped by the user."""
    try:
        _guarded(app)
    finally:
        _flush()


def _flush() -> None:
    """Let go of a stdout whose reader is gone, before Python finds it when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
