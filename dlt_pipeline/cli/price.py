"""The commands that tell the price of a load, and of what is missing."""

from typing import Annotated

import typer

from dlt_pipeline.cli.app import app, configure_logging, out, stop_on_signals


@app.command()
def estimate(
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="ccxt symbols, such as BTC/USD ETH/USD.")],
    start: Annotated[str, typer.Option(help="First day or moment wanted, UTC: 2024-01-01 or 2024-01-01T12:30.")],
    end: Annotated[
        str | None, typer.Option(help="First day or moment not wanted any more; without it, up to now.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Take the bounds as they are, not widened to whole UTC days.")
    ] = False,
    timeframes: Annotated[
        str | None, typer.Option(help="Kraken's own candles that a load would fetch; 'none' for none. Default: all 9.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="A list of objects for machines, and nothing else.")] = False,
) -> None:
    """Tell what a load would cost before it begins: trades, calls, hours and bytes, by two calls a symbol."""
    from dlt_pipeline.jobs.price_commands import run_estimate  # noqa: PLC0415 - dlt and ccxt take seconds to import

    configure_logging()
    raise typer.Exit(run_estimate(out(), stop_on_signals(), symbols, start, end, exact, timeframes, json))


@app.command()
def plan(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A ccxt symbol, such as BTC/USD.")],
    timeframe: Annotated[str, typer.Option(help="The candles wanted, such as 1m, 1h or 12h.")],
    start: Annotated[str, typer.Option(help="First day or moment wanted, UTC: 2024-01-01 or 2024-01-01T12:30.")],
    end: Annotated[
        str | None, typer.Option(help="First day or moment not wanted any more; without it, up to now.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Take the bounds as they are, not widened to whole UTC days.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask the exchange nothing: show what is there, without prices.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="A list of objects for machines, and nothing else.")] = False,
) -> None:
    """Show which time is covered and by what, what is missing, and the cheapest way to fill it with its price."""
    from dlt_pipeline.jobs.price_commands import run_plan  # noqa: PLC0415

    configure_logging()
    raise typer.Exit(run_plan(out(), stop_on_signals(), symbol, timeframe, start, end, exact, offline, json))
