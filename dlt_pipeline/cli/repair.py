"""The command `repair`: shows what it will ask for, does it, and tells what came of it."""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dlt_pipeline.cli.app import STOPPED, app, configure_logging, out, stop_on_signals
from dlt_pipeline.common.exceptions import BadInputError


@app.command()
def repair(
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL...]", help="Only these, such as BTC/USD; all without it.")
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option("--from", help="A CSV of symbol,start,end (UTC, end exclusive) to repair instead of kraken.gaps."),
    ] = None,
    timeframe: Annotated[
        str | None,
        typer.Option(help="Of which of Kraken's own candles to look for breaks. Default: the finest stored."),
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option(
            help="Only gaps for this reason: never_loaded, archive_ends, rows_refused, ids_missing, trades_lost or "
            "rest_hole; repeatable."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="First UTC day of a window to ask for anew, and to replace as a whole; symbols are needed."),
    ] = None,
    end: Annotated[str | None, typer.Option(help="First day after that window; without it, up to now.")] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Ask also for what was tried too often or too lately, and for all of a list."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before loading.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be asked for, and change nothing.")
    ] = False,
) -> None:
    """Load what the last build found missing, build and check it: gaps, breaks in Kraken's candles, or a list.

    With --start, replace what is loaded of these days, rows and ledger, by answers that prove all of it, and build.
    """
    from dlt_pipeline.cli.repair_words import (  # noqa: PLC0415 - dlt and ccxt take seconds to import
        carry_out,
        confirm,
        supersede_window,
        tell_plan,
    )
    from dlt_pipeline.repair.plan import plan_repairs  # noqa: PLC0415

    configure_logging()
    console = out()
    if start is not None or end is not None:
        if from_file or timeframe or reason or again:
            raise BadInputError("--start and --end say what to repair: give no list, reason or timeframe beside them.")
        raise typer.Exit(
            supersede_window(
                console, stop_on_signals(), symbols or (), start, end, yes, dry_run, lambda: _end_at_once("build")
            )
        )
    plan = plan_repairs(symbols, from_file, again=again, timeframe=timeframe, reasons=reason)
    tell_plan(console, plan)
    is_wanted = bool(plan.repairs) and not dry_run and (yes or confirm(console))
    if not is_wanted:
        raise typer.Exit(1 if plan.broken or plan.left_out else 0)
    raise typer.Exit(carry_out(console, plan, stop_on_signals(), lambda: _end_at_once("jobs run")))


def _end_at_once(goes_on: str) -> None:
    """End the process at a signal from now on; dbt hears none while it builds. `goes_on` is the command that does."""

    def end_now(_number: int, _frame: FrameType | None) -> None:
        text = f"\nStopped; what was loaded and built stays. `kraken-candles {goes_on}` goes on.\n"
        os.write(2, text.encode())
        os._exit(STOPPED)  # DuckDB undoes what was not committed; dbt would print a traceback first

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end_now)
