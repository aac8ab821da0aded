"""The command that imports Kraken's official archives."""

from pathlib import Path
from typing import Annotated

import typer

from dlt_pipeline.cli.app import app, configure_logging, out, stop_on_signals


@app.command(name="import")
def import_(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Kraken's ZIPs, folders with its files, or single CSVs.")
    ],
    symbols: Annotated[
        list[str] | None,
        typer.Option(help="Only these, by commas or repeated: BTC/USD,XDGUSD. Default: all that is there."),
    ] = None,
    start: Annotated[str | None, typer.Option(help="First day or moment wanted, UTC. Default: all.")] = None,
    end: Annotated[str | None, typer.Option(help="First day or moment not wanted any more, UTC.")] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Take the bounds as they are, not widened to whole UTC days.")
    ] = False,
    symbol_map: Annotated[
        Path | None, typer.Option(help="A CSV of altname,symbol that has the last word on what a file is called.")
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(envvar="KRAKEN_CANDLES_ARCHIVE_PASSWORD", help="Password of encrypted ZIPs.", show_envvar=True),
    ] = None,
    whole_days: Annotated[
        bool,
        typer.Option(
            "--whole-days", help="Believe that each file holds the whole of the UTC days of its first and last trade."
        ),
    ] = False,
) -> None:
    """Import Kraken's downloads, time and sales or OHLCVT, out of ZIPs; a second import of a file adds nothing."""
    from dlt_pipeline.archive.command import run_import  # noqa: PLC0415 - dlt and ccxt take seconds to import

    configure_logging()
    wanted = None if not symbols else [name for each in symbols for name in each.replace(",", " ").split()] or [""]
    raise typer.Exit(
        run_import(out(), stop_on_signals(), paths, wanted, start, end, exact, symbol_map, password, whole_days)
    )
