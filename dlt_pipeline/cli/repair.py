"""What the command `repair` says, and its steps between."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import typer

from dlt_pipeline.cli.app import stop_on_signals
from dlt_pipeline.cli.build import build_and_tell, publish_after_build, publishing_object, tell_publishing
from dlt_pipeline.cli.console import STOPPED, Console, Rows, print_json, tell_next, typed
from dlt_pipeline.cli.progress import ProgressListener
from dlt_pipeline.common.exceptions import BadInputError, KrakenCandlesError
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.common.time import Span, show_ns, utc, utc_of_ns
from dlt_pipeline.estimates.estimate import price_of
from dlt_pipeline.jobs.repair import RepairJobs, RepairReport, finish, load_repairs
from dlt_pipeline.jobs.runner import only_runner
from dlt_pipeline.kraken.load import LoadReport
from dlt_pipeline.kraken.request import Window, make_window, make_windows_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.repairs.attempts import Outcome, Stays
from dlt_pipeline.repairs.gaps import Repair
from dlt_pipeline.repairs.plan import RepairPlan
from dlt_pipeline.repairs.supersede import SupersedeReport, supersede

# What Kraken's answers must have been like for a stretch to stay what it was.
_NOT_PROVEN: Final = "its answers do not prove that all trades of this time came"
_WHY: Final = {
    "never_loaded": _NOT_PROVEN,
    "archive_ends": _NOT_PROVEN,
    "rows_refused": _NOT_PROVEN,
    "ids_missing": "Kraken leaves these ids out",
    "trades_lost": "the trades in the warehouse are still not those that its answers had",
}


def run_repair(
    console: Console,
    plan: RepairPlan,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    on_loaded: Callable[[], None],
) -> int:
    """Say what is planned, do it where it is wanted, say what came of it; return the exit code.

    `as_json` also prints an object to stdout, which is then not for the `console`.
    """
    calls = count_calls(plan) if plan.repairs else {}
    tell_plan(console, plan, calls)
    about: dict[str, Any] = {
        "repairs": [_object(each) | {"call_count": count} for each, count in calls.items()],
        "left_out": [_object(left.repair) | {"why": left.why} for left in plan.left_out],
        "broken": [asdict(line) for line in plan.broken],
        "is_stopped": False,
    }
    code = 1 if plan.broken or plan.left_out else 0
    if plan.repairs and not dry_run and (yes or confirm(console)):
        with only_runner(plan.warehouse):  # jobs that nobody runs are taken over by the next runner
            code, done = _carry_out(console, plan, stop_on_signals(), on_loaded)
        about |= done
    elif plan.repairs:
        tell_next(console, typed(without="--dry-run"))
    else:
        tell_next(console, "status" if code else "summary")
    if as_json:
        print_json(about)
    return code


def _gap_object(gap: Repair | Stays) -> dict[str, Any]:
    return {"gap_from": utc_of_ns(gap.span[0]), "gap_to": utc_of_ns(gap.span[1]), "reason": gap.reason}


def _object(repair: Repair) -> dict[str, Any]:
    return {"symbol": repair.symbol, **_gap_object(repair)}


def _outcome_object(outcome: Outcome) -> dict[str, Any]:
    names = ("first_missing_id", "last_missing_id", "times_asked")
    stays = [_gap_object(each) | {name: getattr(each, name) for name in names} for each in outcome.stays]
    return _object(outcome.repair) | {"outcome": outcome.outcome, "error": outcome.error, "stays": stays}


def count_calls(plan: RepairPlan) -> dict[Repair, int | None]:
    """Return about how many answers each repair takes; where no ids are known beside it, the exchange is asked.

    None where the exchange cannot tell.
    """
    settings = load_settings()
    calls = {each: each.calls(settings.page_size) for each in plan.repairs}
    with closing(Session(settings)) as session:
        for each in [each for each, count in calls.items() if count is None]:
            windows = [Window(*span, *span, each.is_distrusted) for span in each.asked]
            with suppress(KrakenCandlesError):  # the load will meet it and report it
                (price,) = price_of(make_windows_request({each.symbol: windows}, ()), plan.warehouse, session)
                calls[each] = price.calls
    return calls


def tell_plan(console: Console, plan: RepairPlan, calls: Mapping[Repair, int | None]) -> None:
    """Print what will be asked for, what is left out, and the broken lines of a list."""
    if plan.repairs:
        console.print(repairs_table(calls))
        total = sum(count or 0 for count in calls.values())
        told = f"{total:,} call{'' if total == 1 else 's'}"
        more = ", and those that cannot be told (?)" if None in calls.values() else ""
        console.print(f"{len(plan.repairs):,} to repair by about {told}{more}.", markup=False)
    elif not plan.left_out and not plan.broken:
        console.print("There is nothing to repair.")
    for left in plan.left_out:
        console.print(f"Left out: {_say(left.repair)}: {left.why}.", markup=False)
    if any(left.repair.asked for left in plan.left_out):
        console.print("`--again` asks all the same; a line in accepted_gaps.csv accepts a gap for good.", markup=False)
    if plan.broken:
        console.print(f"{len(plan.broken):,} lines of the list cannot be used:")
        for line in plan.broken:
            console.print(f"  line {line.line}: {line.why}", markup=False)


def repairs_table(calls: Mapping[Repair, int | None]) -> Rows:
    """Return a row a repair, with about how many calls it takes."""
    table = Rows("symbol", "from (UTC)", "to", "reason", "calls", numbers=("calls",))
    for each, count in calls.items():
        table.add(*_place(each.symbol, each.span), each.reason, "?" if count is None else f"{count:,}")
    return table


def outcomes_table(outcomes: Iterable[Outcome]) -> Rows:
    """Return a row a repair, with how it ended."""
    table = Rows("symbol", "from (UTC)", "to", "reason", "outcome")
    for each in outcomes:
        table.add(*_place(each.repair.symbol, each.repair.span), each.repair.reason, each.outcome)
    return table


def confirm(console: Console) -> bool:
    """Ask whether to go on where a person can answer; anywhere else the command was wanted as it is."""
    if not (sys.stdin.isatty() and console.is_terminal):
        return True
    return typer.confirm("Repair?", default=True, err=console.stderr)


def supersede_window(
    console: Console,
    stop: threading.Event,
    symbols: Sequence[str],
    start: str | None,
    end: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    on_replaced: Callable[[], None],
) -> int:
    """Replace what is loaded of a window, say what came of it, build and publish; return the exit code.

    `as_json` also prints an object to stdout, which is then not for the `console`.
    """
    if not symbols or start is None:
        raise BadInputError("A window to replace needs its symbols and --start, such as BTC/USD --start 2026-11-01.")
    window = make_window(start, end, exact=False)
    until = "now" if window.end_ns is None else show_ns(window.end_ns)
    console.print(
        f"{', '.join(symbols)}: all from {show_ns(window.start_ns)} to {until} (UTC) is asked for anew, and "
        "replaced if the answers prove it.",
        markup=False,
    )
    is_fine, built = True, None
    replaced: list[dict[str, Any]] = []
    if not dry_run and (yes or confirm(console)):
        report = _supersede(console, stop, symbols, start, end)
        replaced = list(_replaced_objects(report))
        on_replaced()
        if report.done:
            built = build_and_tell(console, report.warehouse)
        is_fine = not report.failures and (built is None or built.is_fine)
    else:
        tell_next(console, typed(without="--dry-run"))
    if as_json:
        bounds = (None if each is None else utc_of_ns(each) for each in (window.start_ns, window.end_ns))
        asked = dict(zip(("asked_from", "asked_to"), bounds, strict=True))
        print_json({"symbols": symbols, **asked, "replaced": replaced, "build": built.as_object() if built else None})
    return 0 if is_fine else 1


def _replaced_objects(report: SupersedeReport) -> Iterator[dict[str, Any]]:
    for each in report.done:
        yield {
            "symbol": each.symbol,
            "replaced_from": utc_of_ns(each.start_ns),
            "replaced_to": None if each.end_ns is None else utc_of_ns(each.end_ns),
            "trade_count_before": each.trades_before,
            "trade_count": each.trades_now,
            "error": None,
        }
    for symbol, error in report.failures.items():
        names = ("replaced_from", "replaced_to", "trade_count_before", "trade_count")
        yield {"symbol": symbol, **dict.fromkeys(names), "error": str(error)}


def _supersede(
    console: Console, stop: threading.Event, symbols: Sequence[str], start: str, end: str | None
) -> SupersedeReport:
    with ProgressListener(console) as listener:
        report = beside_main(
            lambda: supersede(symbols, start, end, stop=stop, listener=listener),
            stop,
            lambda: console.print("Stopping after the page in hand; nothing is replaced."),
        )
    for each in report.done:
        console.print(
            f"{each.symbol}: {each.trades_before:,} trades from {show_ns(each.start_ns)} (UTC) on replaced by "
            f"{each.trades_now:,}.",
            markup=False,
        )
    for symbol, error in report.failures.items():
        console.print(f"{symbol}: FAILED: {error}", markup=False)
    return report


def _carry_out(
    console: Console, plan: RepairPlan, stop: threading.Event, on_loaded: Callable[[], None]
) -> tuple[int, dict[str, Any]]:
    """Do what was planned, each repair as a job of `data_jobs`; return the exit code and what is to be told of it.

    A build cannot be stopped.
    """
    noted = RepairJobs(plan.warehouse, plan.repairs)
    with noted.put_back_if_cut_off():
        load, began_at = _load_planned(console, plan, stop)
        if not load.unfinished:
            noted.loaded()
        on_loaded()
        return _tell_outcomes(console, finish(plan, load, began_at, noted.ids), noted)


def _load_planned(console: Console, plan: RepairPlan, stop: threading.Event) -> tuple[LoadReport, datetime]:
    began_at = utc(time.time())
    with ProgressListener(console) as listener:
        load = beside_main(
            lambda: load_repairs(plan.repairs, warehouse=plan.warehouse, stop=stop, listener=listener),
            stop,
            lambda: console.print("Stopping after the page in hand; what is loaded will be committed."),
        )
    return load, began_at


def _tell_outcomes(console: Console, report: RepairReport, noted: RepairJobs) -> tuple[int, dict[str, Any]]:
    if report.load is None or report.is_stopped:
        console.print("Stopped. `kraken-candles jobs run` goes on; what was loaded is not built yet.")
        return STOPPED, {"is_stopped": True}
    noted.end(report.outcomes, report.load.trades)
    console.print(outcomes_table(report.outcomes))
    for each in report.outcomes:
        for line in _why(each):
            console.print(line, markup=False)
    trades = sum(report.load.trades.values())
    filled = sum(each.outcome == "filled" for each in report.outcomes)
    console.print(f"{filled:,} of {len(report.outcomes):,} filled by {trades:,} trades.")
    publishing = publish_after_build(report.plan.warehouse, (), report.is_green)
    console.print("\n".join(tell_publishing(report.plan.warehouse, publishing)), markup=False)
    about = {"outcomes": list(map(_outcome_object, report.outcomes)), "trade_count": trades}
    about |= {"is_green": report.is_green, **publishing_object(publishing)}
    is_fine = report.is_whole and report.is_green and publishing.is_fine
    tell_next(console, *(("summary", "report") if is_fine else ("status",)))
    return 0 if is_fine else 1, about


def _why(outcome: Outcome) -> list[str]:
    if outcome.outcome == "failed":
        return [f"{_say(outcome.repair)}: FAILED: {outcome.error}"]
    lines = []
    for stays in outcome.stays:
        start, end = (show_ns(bound) for bound in stays.span)
        ids = ""
        if stays.first_missing_id is not None:
            ids = f", ids {stays.first_missing_id} to {stays.last_missing_id}"
        lines.append(
            f"{outcome.repair.symbol}: {start} to {end} is still {stays.reason}{ids}, after asking "
            f"{'once' if stays.times_asked == 1 else f'{stays.times_asked} times'}: "
            f"{_WHY.get(stays.reason, _WHY['never_loaded'])}; kraken.gaps counts the attempts."
        )
    return lines


def _say(repair: Repair) -> str:
    symbol, start, end = _place(repair.symbol, repair.span)
    return f"{symbol} {start} to {end} ({repair.reason})"


def _place(symbol: str, span: Span) -> tuple[str, str, str]:
    """The end is shown in whole seconds too, so a window of nanoseconds shows the second after it begins."""
    start, end = span
    return symbol, show_ns(start), show_ns(end + 999_999_999)
