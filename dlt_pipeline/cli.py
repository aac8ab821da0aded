"""The commands, thin: each calls the Python function of the same name and turns its errors into sentences."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, TypeVar

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")  # dlt logs tracebacks; we say a sentence
os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")

import typer
from rich.logging import RichHandler

from dlt_pipeline.console import Console
from dlt_pipeline.exceptions import (
    BadInputError,
    KrakenCandlesError,
    LoadStoppedError,
    LocalExchangeError,
    UnknownSymbolError,
)
from dlt_pipeline.version import program

app = typer.Typer(
    help="Exact, proven candles from Kraken's raw trades: dlt loads, dbt builds and checks, DuckDB keeps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_T = TypeVar("_T")
STOPPED = 130  # what a shell reports after Ctrl-C


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
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def load(
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="ccxt symbols, such as BTC/USD ETH/USD.")],
    start: Annotated[str, typer.Option(help="First day or moment wanted, UTC: 2026-11-01 or 2026-11-01T12:30.")],
    end: Annotated[
        str | None, typer.Option(help="First day or moment not wanted any more; without it, load up to now.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Take the bounds as they are, not widened to whole UTC days.")
    ] = False,
    timeframes: Annotated[
        str | None, typer.Option(help="Kraken's own candles to fetch, such as 1m,1h; 'none' for none. Default: all 9.")
    ] = None,
) -> None:
    """Load raw trades, and Kraken's own candles beside them, into the warehouse; resumes where it stopped."""
    from dlt_pipeline.commands import run_load  # noqa: PLC0415 - dlt and ccxt take seconds to import

    _configure_logging()
    stop = _stop_on_signals()
    raise typer.Exit(run_load(out(), stop, symbols, start, end, exact, timeframes))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def build(context: typer.Context) -> None:
    """Run `dbt build` on the warehouse: models and tests; publish if all is green. Further arguments go to dbt."""
    from dlt_pipeline.commands import run_build  # noqa: PLC0415

    def stop(_number: int, _frame: FrameType | None) -> None:
        os.write(2, b"\nBuild stopped; tables that were built stay. Run the same command again.\n")
        os._exit(STOPPED)  # DuckDB undoes what was not committed; dbt would print a traceback first

    _configure_logging()
    signal.signal(signal.SIGINT, stop)
    raise typer.Exit(run_build(out(), context.args))


@app.command()
def publish() -> None:
    """Bring the Parquet files and published.duckdb to the state of the warehouse; only what changed is written."""
    from dlt_pipeline.commands import run_publish  # noqa: PLC0415

    def stop(_number: int, _frame: FrameType | None) -> None:
        os.write(2, b"\nPublishing stopped; readers see whole files. Run the same command again to go on.\n")
        os._exit(STOPPED)

    _configure_logging()
    signal.signal(signal.SIGINT, stop)
    raise typer.Exit(run_publish(out()))


@app.command()
def summary() -> None:
    """Show what the warehouse holds and proves, by symbol."""
    from dlt_pipeline.summary import print_summary  # noqa: PLC0415
    from dlt_pipeline.warehouse import warehouse_path  # noqa: PLC0415

    print_summary(out(), warehouse_path())


@app.command()
def exchange(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
    replay: Annotated[
        list[Path] | None, typer.Option(help="Folder of recorded answers; may be given several times.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic trades.")] = 1,
    clock: Annotated[
        str | None,
        typer.Option(help="The exchange's time, UTC; it then stands still. Default: now, or a recording's end."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Days of synthetic history before the clock's day.")] = 3,
    scale: Annotated[float, typer.Option(min=0.001, help="Multiplies the synthetic trades a day.")] = 1.0,
    seconds_per_call: Annotated[
        float, typer.Option(min=0, help="Rate limit: seconds between two calls for a pair; 0 for none.")
    ] = 1.0,
    since_inclusive: Annotated[
        bool, typer.Option("--since-inclusive", help="Let `since` include the trade at that very nanosecond.")
    ] = False,
) -> None:
    """Serve a local, Kraken-compatible exchange on 127.0.0.1: synthetic trades, or recorded answers replayed."""
    from dlt_pipeline.commands import run_exchange_command  # noqa: PLC0415

    run_exchange_command(out(), port, replay or [], seed, clock, days, scale, seconds_per_call, since_inclusive)


@app.command()
def demo() -> None:
    """Run the whole way offline: local exchange, load, build, summary. Fills the warehouse of this folder."""
    from dlt_pipeline.demo import run_demo  # noqa: PLC0415

    _configure_logging()
    raise typer.Exit(run_demo(out(), _stop_on_signals()))


def _configure_logging() -> None:
    """Show our own warnings as lines; dlt's and dbt's chatter stays out."""
    logger = logging.getLogger("dlt_pipeline")
    logger.handlers = [RichHandler(console=Console(stderr=True), show_time=False, show_path=False, markup=False)]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _stop_on_signals() -> threading.Event:
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
