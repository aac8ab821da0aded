"""What can be typed of files of other programs: `export` and `compare`."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from dlt_pipeline.cli.app import Json, app, examples, out, stop_on_signals


class What(str, Enum):
    """What is exported."""

    candles = "candles"
    trades = "trades"


class Format(str, Enum):
    """As whom the files are written."""

    freqtrade = "freqtrade"
    freqtrade_json = "freqtrade-json"
    freqtrade_jsongz = "freqtrade-jsongz"
    csv = "csv"
    parquet = "parquet"


@app.command(
    epilog=examples(
        "export candles BTC/USD --timeframes 1h,1d --format csv --output files",
        "export trades --format freqtrade --output user_data/data/kraken",
    )
)
def export(
    what: Annotated[What, typer.Argument(metavar="candles|trades", help="What to write: candles or trades.")],
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL...]", help="Only these, such as BTC/USD; all without it.")
    ] = None,
    *,
    file_format: Annotated[
        Format, typer.Option("--format", help="freqtrade's feather, json or json.gz; CSV; or Parquet, exact decimals.")
    ],
    output: Annotated[Path, typer.Option(help="Folder to write into: a file a symbol and timeframe.")],
    timeframes: Annotated[
        str | None, typer.Option(help="Of which candles, such as 1m,1h,2h. Default: all that are built.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="First day or moment wanted, UTC. Default: all.")] = None,
    end: Annotated[str | None, typer.Option(help="First day or moment not wanted any more, UTC.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files, too, that no export wrote, or that were changed since.")
    ] = False,
    json: Json = False,
) -> None:
    """Write proven candles or trades as files for freqtrade, as CSV or as Parquet; each is whole or not there."""
    from dlt_pipeline.cli.files import run_export  # noqa: PLC0415 - it imports pyarrow

    raise typer.Exit(
        run_export(
            out(json),
            stop_on_signals(),
            what.value,
            symbols or (),
            timeframes,
            file_format.value,
            output,
            start,
            end,
            overwrite,
            json,
        )
    )


@app.command(
    epilog=examples(
        "compare user_data/data/kraken", "compare XBTUSD_60.csv --output differences.csv --page compared.html"
    )
)
def compare(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="freqtrade's files, CSV or Parquet of candles or trades, or folders, as exports/candles.",
        ),
    ],
    symbol: Annotated[str | None, typer.Option(help="Of which symbol they are, where their names do not say.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="Of which timeframe, where their names do not say.")] = None,
    tolerance: Annotated[
        float, typer.Option(help="Part of our number by which another may differ and count as equal, as 1e-9.")
    ] = 0.0,
    output: Annotated[Path | None, typer.Option(help="File for all differences: .csv or .parquet.")] = None,
    page: Annotated[Path | None, typer.Option(help="File for a page that shows them: .html.")] = None,
    json: Json = False,
) -> None:
    """Compare files with what is proven: exit code 0 if all is equal, 1 if there are differences, 2 for bad input."""
    from dlt_pipeline.cli.files import run_compare  # noqa: PLC0415 - it imports pyarrow

    raise typer.Exit(run_compare(out(json), paths, symbol, timeframe, tolerance, output, page, json))
