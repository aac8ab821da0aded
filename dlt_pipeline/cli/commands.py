"""What can be typed: each command with its options. Nothing that takes seconds is imported before it is wanted."""

import os
import signal
import sys
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dlt_pipeline.archive import PASSWORD_NAME
from dlt_pipeline.cli.app import Json, app, examples, out, stop_on_signals
from dlt_pipeline.cli.commands_jobs import (
    BucketSize,
    End,
    Exact,
    Export,
    IncludeTrades,
    Policy,
    Symbols,
    Yes,
    options_of,
)
from dlt_pipeline.cli.console import STOPPED, print_json, tell_next
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import utc_datetime

Destination = Annotated[
    str, typer.Option(help="warehouse, or lake: Parquet in the folder or bucket that KRAKEN_CANDLES_LAKE names.")
]


@app.command(epilog=examples("init my-candles --symbols BTC/USD,ETH/USD --start 2026-11-01"))
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="A new or an empty folder; here without it.")
    ] = Path(),
    symbols: Annotated[str, typer.Option(help="What to load, by commas.")] = "BTC/USD,ETH/USD",
    start: Annotated[str | None, typer.Option(help="The first day to load, UTC. Default: 30 days ago.")] = None,
) -> None:
    """Write a project of your own: settings, a Makefile, and a dbt project with a model on the candles."""
    from dlt_pipeline.cli.init import run_init  # noqa: PLC0415

    first = utc_datetime(start) if start else datetime.now(timezone.utc) - timedelta(days=30)
    run_init(out(), folder, symbols.replace(",", " ").split(), first.date())


@app.command(
    name="import",
    epilog=examples("import Kraken_Trading_History.zip", "import archives --symbols BTC/USD,XDGUSD --start 2020-01-01"),
)
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
        typer.Option(envvar=PASSWORD_NAME, help="Password of encrypted ZIPs.", show_envvar=True),
    ] = None,
    whole_days: Annotated[
        bool,
        typer.Option(
            "--whole-days", help="Believe that each file holds the whole of the UTC days of its first and last trade."
        ),
    ] = False,
    destination: Destination = "warehouse",
    json: Json = False,
) -> None:
    """Import Kraken's downloads, time and sales or OHLCVT, out of ZIPs; a second import of a file adds nothing."""
    from dlt_pipeline.cli.archive import run_import  # noqa: PLC0415 - dlt and ccxt take seconds to import

    wanted = None if not symbols else _names(symbols) or [""]
    raise typer.Exit(
        run_import(
            out(json),
            stop_on_signals(),
            paths,
            wanted,
            start,
            end,
            exact,
            symbol_map,
            password,
            whole_days,
            destination,
            json,
        )
    )


@app.command(
    epilog=examples(
        "load BTC/USD ETH/USD --start 2026-11-01",
        "load BTC/USD --start 2026-11-01 --end 2026-11-08 --timeframes none --yes",
    )
)
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
    destination: Destination = "warehouse",
    json: Json = False,
) -> None:
    """Load raw trades, and Kraken's own candles beside them, into the warehouse; resumes where it stopped."""
    from dlt_pipeline.cli.load import run_load  # noqa: PLC0415 - dlt and ccxt take seconds to import

    stop = stop_on_signals()
    raise typer.Exit(
        run_load(out(json), stop, symbols, start, end, exact, timeframes, yes, also_archived, destination, json)
    )


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog=examples("build", "build --always", "build --target duckdb_lake"),
)
def build(
    context: typer.Context,
    always: Annotated[bool, typer.Option("--always", help="Build all, also where nothing is new.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show dbt's own words in place of a bar.")] = False,
    target: Annotated[
        str, typer.Option("--target", "-t", help="Build on duckdb_lake, spark or spark_thrift instead; not published.")
    ] = "",
    json: Json = False,
) -> None:
    """Run `dbt build` on the warehouse: models and tests; publish if all is green. Further arguments go to dbt.

    Where nothing is new since the last green build, neither data nor a setting, it says so and ends.
    """
    from dlt_pipeline.publishing.unchanged import nothing_new  # noqa: PLC0415
    from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415

    if json and verbose:
        raise BadInputError("--verbose shows dbt's own words where --json has an object alone: leave one of them out.")
    path = warehouse_path()
    stands = None if always or target or context.args else nothing_new(path)
    if stands:
        warnings = f" (warnings: {stands.warned_count:,})" if stands.warned_count else ""
        out(json).print(
            f"Nothing is new in {path}, nor in any setting, since the build of {stands.built_at:%Y-%m-%d %H:%M} UTC, "
            f"which was green{warnings} and is published; `kraken-candles build --always` builds all the same.",
            markup=False,
        )
        if json:
            print_json({"warehouse": str(path), "is_green": True, "is_nothing_new": True, **asdict(stands)})
        return
    from dlt_pipeline.cli.build import run_build  # noqa: PLC0415 - takes a second to import

    _end_at_once("Build stopped; tables that were built stay. Run the same command again.", signal.SIGINT)
    raise typer.Exit(run_build(out(json), context.args, verbose, always, target, json))


@app.command(epilog=examples("publish"))
def publish(json: Json = False) -> None:
    """Bring the Parquet files and published.duckdb to the state of the warehouse; only what changed is written."""
    from dlt_pipeline.cli.build import run_publish  # noqa: PLC0415

    _end_at_once("Publishing stopped; readers see whole files. Run the same command again to go on.", signal.SIGINT)
    code = run_publish(out(json), json)
    tell_next(out(json), "report", "export --help")
    raise typer.Exit(code)


@app.command(epilog=examples("compact"))
def compact(json: Json = False) -> None:
    """Write the small files that loads left in the lake into one for each symbol's day and ledger.

    A load, build or query that reads the lake meanwhile may have to be run again.
    """
    from dlt_pipeline.archive.raw_tables import ARCHIVE_KEYS  # noqa: PLC0415
    from dlt_pipeline.kraken.raw_tables import KEYS  # noqa: PLC0415
    from dlt_pipeline.warehouse.lake import lake_at  # noqa: PLC0415 - dlt takes a second to import

    _end_at_once("Compacting stopped; every row is there. Run the same command again to go on.", signal.SIGINT)
    lake = lake_at()
    done = lake.compact(KEYS | ARCHIVE_KEYS)
    told = f"{done.replaced:,} files are now {done.made:,}" if done.made else "no day and no ledger is in several files"
    out(json).print(f"Lake {lake}: {told}.", markup=False)
    tell_next(out(json), "build --target duckdb_lake")
    if json:
        print_json({"lake": str(lake), "replaced_count": done.replaced, "made_count": done.made})


@app.command(epilog=examples("summary", "summary --json"))
def summary(json: Json = False) -> None:
    """Show what the warehouse holds and proves, by symbol."""
    from dlt_pipeline.cli.summary import print_summary  # noqa: PLC0415
    from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415

    print_summary(out(), warehouse_path(), json)
    if not json:
        tell_next(out(), "show SYMBOL 1h", "report")


@app.command(epilog=examples("status"))
def status(json: Json = False) -> None:
    """Show how this installation is, and how to help where it needs a hand: exit code 1 if it does, else 0."""
    from dlt_pipeline.cli.status import run_status  # noqa: PLC0415
    from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415

    code = run_status(out(), warehouse_path(), json)
    if not (code or json):  # of all that needs a hand it says the way out
        tell_next(out(), "list", "report")
    raise typer.Exit(code)


@app.command(epilog=examples("report", "report --symbols BTC/USD,ETH/USD --output candles.html"))
def report(
    output: Annotated[
        Path | None, typer.Option(help="The file to write. Default: report.html beside published.duckdb.")
    ] = None,
    symbols: Annotated[
        list[str] | None, typer.Option(help="Only these, by commas or repeated: BTC/USD,ETH/USD. Default: all.")
    ] = None,
    open_: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open it in a browser, or not. Default: where there is a screen."),
    ] = None,
    json: Json = False,
) -> None:
    """Write one HTML file that shows the candles and how far they can be trusted; it works without a network."""
    from dlt_pipeline.cli.files import run_report  # noqa: PLC0415
    from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415

    raise typer.Exit(run_report(out(json), warehouse_path(), output, _names(symbols), open_, json))


@app.command(name="list", epilog=examples("list", "list --json"))
def list_(json: Json = False) -> None:
    """Show the candles that are here: by symbol and timeframe from when to when, and up to when they are proven."""
    from dlt_pipeline.cli.looking import run_list  # noqa: PLC0415
    from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415

    code = run_list(out(), warehouse_path(), json)
    if not json:
        tell_next(out(), "show SYMBOL TIMEFRAME", "summary")
    raise typer.Exit(code)


@app.command(epilog=examples("show BTC/USD 1h --rows 48"))
def show(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A symbol that `list` shows, such as BTC/USD.")],
    timeframe: Annotated[str, typer.Argument(metavar="TIMEFRAME", help="Of which candles, such as 1m, 1h or 1d.")],
    rows: Annotated[int, typer.Option(min=1, help="How many candles, the newest ones.")] = 24,
    json: Json = False,
) -> None:
    """Show the newest candles of a symbol, and their closes as a line."""
    from dlt_pipeline.cli.show import run_show  # noqa: PLC0415
    from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415

    raise typer.Exit(run_show(out(), warehouse_path(), symbol, timeframe, rows, json))


@app.command(epilog=examples("symbols btc"))
def symbols(
    text: Annotated[
        str,
        typer.Argument(metavar="[TEXT]", help="Only markets with this in one of their names, such as btc or XBTUSD."),
    ] = "",
    json: Json = False,
) -> None:
    """Show the markets that Kraken lists: symbol, names, status, decimals, and up to when they are loaded here."""
    from dlt_pipeline.cli.symbols import run_symbols  # noqa: PLC0415 - dlt and ccxt take seconds to import
    from dlt_pipeline.warehouse.database import warehouse_path  # noqa: PLC0415

    raise typer.Exit(run_symbols(out(), stop_on_signals(), warehouse_path(), text, json))


@app.command(epilog=examples("exchange --port 8080 --clock 2026-11-08T12:00 --seconds-per-call 0"))
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
    from dlt_pipeline.cli.demo import run_exchange_command  # noqa: PLC0415

    run_exchange_command(out(), port, replay or [], seed, clock, days, scale, seconds_per_call, since_inclusive)


@app.command(epilog=examples("demo"))
def demo() -> None:
    """Run the whole way offline: local exchange, load, build, summary. Fills the warehouse of this folder."""
    from dlt_pipeline.cli.demo import run_demo  # noqa: PLC0415

    raise typer.Exit(run_demo(out(), stop_on_signals()))


@app.command(
    epilog=examples(
        "follow BTC/USD ETH/USD --start 2026-11-01", "follow BTC/USD --stream", "follow BTC/USD ETH/USD --once --json"
    )
)
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
    json: Annotated[
        bool,
        typer.Option("--json", help="JSON for machines on stdout, an object a round; without --once in a line each."),
    ] = False,
) -> None:
    """Keep symbols up to date until Ctrl-C: load, build what changed, publish, sleep; catches up by itself."""
    from dlt_pipeline.cli.follow import run_follow  # noqa: PLC0415 - dlt, ccxt and dbt take seconds to import

    raise typer.Exit(run_follow(out(json), stop_on_signals(), symbols, start, once, every, timeframes, stream, json))


@app.command(epilog=examples("rebuild BTC/USD --start 2020-01-01 --bucket-size 10s --yes"))
def rebuild(
    symbols: Symbols,
    start: Annotated[str, typer.Option(help="First day or moment wanted, UTC: 2026-11-01 or 2026-11-01T12:30.")],
    end: End = None,
    bucket_size: BucketSize = None,
    include_trades: IncludeTrades = None,
    empty_bucket_policy: Policy = None,
    export: Export = None,
    exact: Exact = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Rebuild a history as jobs: price, load, build, check against Kraken's candles, publish; resumed if cut off."""
    from dlt_pipeline.cli.jobs import run_rebuild  # noqa: PLC0415 - dlt, ccxt and dbt take seconds to import

    options = options_of(bucket_size, include_trades, empty_bucket_policy, export)
    raise typer.Exit(run_rebuild(out(json), stop_on_signals(), symbols, start, end, options, exact, yes, json))


@app.command(epilog=examples("estimate BTC/USD ETH/USD --start 2020-01-01"))
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
    json: Json = False,
) -> None:
    """Tell what a load would cost before it begins: trades, calls, hours and bytes, by two calls a symbol."""
    from dlt_pipeline.cli.estimate import run_estimate  # noqa: PLC0415 - dlt and ccxt take seconds to import

    raise typer.Exit(run_estimate(out(), stop_on_signals(), symbols, start, end, exact, timeframes, json))


@app.command(
    epilog=examples(
        "plan BTC/USD --timeframe 1h --start 2024-01-01", "plan BTC/USD --timeframe 1m --start 2026-11-01 --offline"
    )
)
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
    json: Json = False,
) -> None:
    """Show which time is covered and by what, what is missing, and the cheapest way to fill it with its price."""
    from dlt_pipeline.cli.estimate import run_plan  # noqa: PLC0415

    raise typer.Exit(run_plan(out(), stop_on_signals(), symbol, timeframe, start, end, exact, offline, json))


@app.command(
    epilog=examples(
        "repair --dry-run",
        "repair BTC/USD --reason ids_missing --yes",
        "repair BTC/USD --start 2026-11-03 --end 2026-11-04",
    )
)
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
    json: Json = False,
) -> None:
    """Load what the last build found missing, build and check it: gaps, breaks in Kraken's candles, or a list.

    With --start, replace what is loaded of these days, rows and ledger, by answers that prove all of it, and build.
    """
    from dlt_pipeline.cli.repair import run_repair, supersede_window  # noqa: PLC0415 - dlt and ccxt take seconds to import
    from dlt_pipeline.repairs.plan import plan_repairs  # noqa: PLC0415

    console = out(json)
    if start is not None or end is not None:
        if from_file or timeframe or reason or again:
            raise BadInputError("--start and --end say what to repair: give no list, reason or timeframe beside them.")
        raise typer.Exit(
            supersede_window(
                console, stop_on_signals(), symbols or (), start, end, yes, dry_run, json, lambda: _go_on_with("build")
            )
        )
    plan = plan_repairs(symbols, from_file, again=again, timeframe=timeframe, reasons=reason)
    raise typer.Exit(run_repair(console, plan, yes, dry_run, json, lambda: _go_on_with("jobs run")))


def _names(symbols: list[str] | None) -> list[str]:
    """Return the names of an option that takes them by commas or repeated."""
    return [name for each in symbols or () for name in each.replace(",", " ").split()]


def _go_on_with(command: str) -> None:
    said = f"Stopped; what was loaded and built stays. `kraken-candles {command}` goes on."
    _end_at_once(said, signal.SIGINT, signal.SIGTERM)


def _end_at_once(said: str, *signals: signal.Signals) -> None:
    """Say this and end the process at a signal from now on; dbt hears none while it builds."""

    def end_now(_number: int, _frame: FrameType | None) -> None:
        os.write(2, f"\n{said}\n".encode())
        os._exit(STOPPED)  # DuckDB undoes what was not committed; dbt would print a traceback first

    # Python's process that clears up behind dbt's semaphores, which ends with us, would print a warning below.
    sys.warnoptions.append("ignore:resource_tracker")
    for number in signals:
        signal.signal(number, end_now)
