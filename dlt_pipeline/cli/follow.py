"""The command that keeps symbols up to date."""

from typing import Annotated

import typer

from dlt_pipeline.cli.app import app, configure_logging, out, stop_on_signals


@app.command()
def follow(
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="ccxt symbols, such as BTC/USD ETH/USD.")],
    start: Annotated[
        str | None,
        typer.Option(help="First day or moment wanted, UTC; without it, go on from what the warehouse covers."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One round with all tests, then end: for cron.")] = False,
    every: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Seconds between rounds. Default: each close of the finest timeframe."),
    ] = None,
    timeframes: Annotated[
        str | None, typer.Option(help="Kraken's own candles to fetch, such as 1m,1h; 'none' for none. Default: all 9.")
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Hear new trades on Kraken's WebSocket too; REST stays the record.")
    ] = False,
) -> None:
    """Keep symbols up to date until Ctrl-C: load, build what changed, publish, sleep; catches up by itself."""
    from dlt_pipeline.following.command import run_follow  # noqa: PLC0415 - dlt, ccxt and dbt take seconds to import

    configure_logging()
    raise typer.Exit(run_follow(out(), stop_on_signals(), symbols, start, once, every, timeframes, stream))
