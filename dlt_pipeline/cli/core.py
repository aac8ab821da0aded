"""The commands of a load, a build and a publish, and the local exchange's."""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dlt_pipeline.cli.app import STOPPED, app, configure_logging, out, stop_on_signals


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
    also_archived: Annotated[
        bool, typer.Option("--also-archived", help="Ask for days, too, that imported archives hold.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, whatever the load costs.")] = False,
) -> None:
    """Load raw trades, and Kraken's own candles beside them, into the warehouse; resumes where it stopped."""
    from dlt_pipeline.commands import run_load  # noqa: PLC0415 - dlt and ccxt take seconds to import

    configure_logging()
    stop = stop_on_signals()
    raise typer.Exit(run_load(out(), stop, symbols, start, end, exact, timeframes, yes, also_archived))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def build(
    context: typer.Context,
    always: Annotated[bool, typer.Option("--always", help="Build also where nothing is new.")] = False,
) -> None:
    """Run `dbt build` on the warehouse: models and tests; publish if all is green. Further arguments go to dbt.

    Where nothing is new since the last green build, neither data nor a setting, it says so and ends.
    """
    from dlt_pipeline.publish.unchanged import nothing_new  # noqa: PLC0415
    from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415

    told = None if always or context.args else nothing_new(warehouse_path())
    if told:
        out().print(told, markup=False)
        return
    from dlt_pipeline.commands import run_build  # noqa: PLC0415 - dlt and dbt take seconds to import

    def stop(_number: int, _frame: FrameType | None) -> None:
        os.write(2, b"\nBuild stopped; tables that were built stay. Run the same command again.\n")
        os._exit(STOPPED)  # DuckDB undoes what was not committed; dbt would print a traceback first

    configure_logging()
    signal.signal(signal.SIGINT, stop)
    raise typer.Exit(run_build(out(), context.args))


@app.command()
def publish() -> None:
    """Bring the Parquet files and published.duckdb to the state of the warehouse; only what changed is written."""
    from dlt_pipeline.cli.publish_words import run_publish  # noqa: PLC0415

    def stop(_number: int, _frame: FrameType | None) -> None:
        os.write(2, b"\nPublishing stopped; readers see whole files. Run the same command again to go on.\n")
        os._exit(STOPPED)

    configure_logging()
    signal.signal(signal.SIGINT, stop)
    raise typer.Exit(run_publish(out()))


@app.command()
def summary() -> None:
    """Show what the warehouse holds and proves, by symbol."""
    from dlt_pipeline.summary import print_summary  # noqa: PLC0415
    from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415

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
    from dlt_pipeline.exchange.command import run_exchange_command  # noqa: PLC0415

    run_exchange_command(out(), port, replay or [], seed, clock, days, scale, seconds_per_call, since_inclusive)


@app.command()
def demo() -> None:
    """Run the whole way offline: local exchange, load, build, summary. Fills the warehouse of this folder."""
    from dlt_pipeline.demo import run_demo  # noqa: PLC0415

    configure_logging()
    raise typer.Exit(run_demo(out(), stop_on_signals()))
