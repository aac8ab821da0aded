"""What can be typed of jobs: the queue they lie in. Nothing that takes seconds is imported before it is wanted."""

from typing import Annotated

import typer

from dlt_pipeline.cli.app import Json, app, examples, out, stop_on_signals

jobs_app = typer.Typer(
    help="The queue of jobs: loads, rebuilds and repairs that survive the end of a process.", no_args_is_help=True
)
app.add_typer(jobs_app, name="jobs")

Symbols = Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="ccxt symbols, such as BTC/USD ETH/USD.")]
Ids = Annotated[list[int], typer.Argument(metavar="JOB...", help="Ids of jobs, as `jobs list` shows them.")]
Start = Annotated[str | None, typer.Option(help="First day or moment wanted, UTC: 2026-11-01 or 2026-11-01T12:30.")]
End = Annotated[str | None, typer.Option(help="First day or moment not wanted any more; without it, up to now.")]
Exact = Annotated[bool, typer.Option("--exact", help="Take the bounds as they are, not widened to whole UTC days.")]
BucketSize = Annotated[str | None, typer.Option(help="Timeframe to build besides the project's own, 1s to 15d.")]
IncludeTrades = Annotated[
    bool | None,
    typer.Option(
        "--include-trades/--no-include-trades",
        help="Keep the raw trades, or remove those of whole days once their candles are closed, proven and kept.",
    ),
]
Policy = Annotated[
    str | None, typer.Option(help="What empty buckets of the symbol show there: null, carry_forward or omit.")
]
Export = Annotated[bool | None, typer.Option("--export/--no-export", help="Publish afterwards, or not.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask, whatever it costs.")]


@jobs_app.command(
    "add",
    epilog=examples(
        "jobs add trade_rebuild BTC/USD --start 2020-01-01",
        "jobs add archive_import Kraken_Trading_History.zip --symbols BTC/USD",
    ),
)
def add(
    job_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="trade_rebuild, trade_load, rest_snapshot, repair or archive_import.")
    ],
    symbols: Annotated[
        list[str], typer.Argument(metavar="SYMBOL...", help="ccxt symbols; of an archive_import, paths of archives.")
    ],
    start: Start = None,
    end: End = None,
    bucket_size: BucketSize = None,
    include_trades: IncludeTrades = None,
    empty_bucket_policy: Policy = None,
    export: Export = None,
    exact: Exact = False,
    only: Annotated[
        str | None, typer.Option("--symbols", help="Of an archive_import, only these: BTC/USD,XDGUSD.")
    ] = None,
    symbol_map: Annotated[
        str | None, typer.Option(help="Of an archive_import, a CSV of altname,symbol that has the last word.")
    ] = None,
    whole_days: Annotated[
        bool | None, typer.Option("--whole-days", help="Of an archive_import: its files hold whole UTC days.")
    ] = None,
    json: Json = False,
) -> None:
    """Queue a job a symbol, or an archive_import a path; nothing is asked yet, and `jobs run` does them."""
    from dlt_pipeline.cli.queue import run_add  # noqa: PLC0415

    options = {
        **options_of(bucket_size, include_trades, empty_bucket_policy, export),
        "symbols": only,
        "symbol_map": symbol_map,
        "whole_days": whole_days,
    }
    raise typer.Exit(run_add(out(json), job_type, symbols, start, end, options, exact, json))


@jobs_app.command("list", epilog=examples("jobs list --status failed", "jobs list --json"))
def list_(
    status: Annotated[
        str | None, typer.Option(help="Only these: queued, running, succeeded, failed or cancelled.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the jobs of the warehouse, with what they brought of what was estimated."""
    from dlt_pipeline.cli.queue import run_list  # noqa: PLC0415

    raise typer.Exit(run_list(out(), status, json))


@jobs_app.command(epilog=examples("jobs show 3"))
def show(job: Annotated[int, typer.Argument(help="Id of a job, as `jobs list` shows it.")], json: Json = False) -> None:
    """Show one job and everything that happened to it."""
    from dlt_pipeline.cli.queue import run_show  # noqa: PLC0415

    raise typer.Exit(run_show(out(), job, json))


@jobs_app.command(epilog=examples("jobs run --yes"))
def run(yes: Yes = False, json: Json = False) -> None:
    """Run queued jobs, and what a killed process left behind, until none waits."""
    from dlt_pipeline.cli.jobs import run_queue  # noqa: PLC0415

    raise typer.Exit(run_queue(out(json), stop_on_signals(), yes, json))


@jobs_app.command(epilog=examples("jobs cancel 3 4"))
def cancel(jobs: Ids, json: Json = False) -> None:
    """Cancel queued jobs; a running one ends after the step in hand. What was loaded stays."""
    from dlt_pipeline.cli.queue import run_cancel  # noqa: PLC0415

    raise typer.Exit(run_cancel(out(json), jobs, json))


@jobs_app.command(epilog=examples("jobs retry 3"))
def retry(jobs: Ids, json: Json = False) -> None:
    """Queue failed or cancelled jobs again; what they loaded is not loaded again."""
    from dlt_pipeline.cli.queue import run_retry  # noqa: PLC0415

    raise typer.Exit(run_retry(out(json), jobs, json))


def options_of(
    bucket_size: str | None, include_trades: bool | None, policy: str | None, export: bool | None
) -> dict[str, str | bool | None]:
    """Return what a job's options are called."""
    return {
        "bucket_size": bucket_size,
        "include_trades": include_trades,
        "empty_bucket_policy": policy,
        "export": export,
    }
