"""What `load` does and says, and how to go on after what failed."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from dlt_pipeline.cli.console import STOPPED, Console, print_json, tell_next
from dlt_pipeline.cli.estimate import may_begin, timeframes_of
from dlt_pipeline.cli.progress import ProgressListener
from dlt_pipeline.common.exceptions import BadAnswerError, BadInputError, KrakenCandlesError, StalledCursorError
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.common.time import NS_PER_DAY, show_ns, utc_of_ns, without
from dlt_pipeline.estimates.price import iso
from dlt_pipeline.kraken.ledger_store import LedgerStore, Proof, place_of
from dlt_pipeline.kraken.load import LoadReport, load_request
from dlt_pipeline.kraken.request import make_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_TIMEFRAMES, load_settings
from dlt_pipeline.warehouse.pipeline import Place, Warehouse


def run_load(
    console: Console,
    stop: threading.Event,
    symbols: Sequence[str],
    start: str,
    end: str | None = None,
    exact: bool = False,
    timeframes: str | None = None,
    yes: bool = False,
    also_archived: bool = False,
    destination: str = "warehouse",
    as_json: bool = False,
) -> int:
    """Load, say what came of it, and return the exit code: 0, 1 if a symbol failed, 130 if stopped.

    What costs much is shown and asked about first, unless `yes`. `as_json` also prints an object to stdout, which is
    then not for the `console`.
    """
    place = place_named(destination)
    request = make_request(symbols, start, end, timeframes_of(timeframes), exact, also_archived)
    session = Session(load_settings(), stop)
    if not may_begin(console, request, session, yes, place):
        console.print("Nothing was loaded.")
        return STOPPED
    with ProgressListener(console) as listener:
        report = beside_main(
            lambda: load_request(session.request, warehouse=place, listener=listener, session=session),
            stop,
            lambda: console.print("Stopping after the page in hand; what is loaded will be committed."),
        )
    return tell_load(console, report, as_json)


def place_named(destination: str) -> Place:
    """Return where a load or import goes to by the word for it: the configured warehouse, or the configured lake."""
    if destination == "warehouse":
        return place_of()
    if destination != "lake":
        raise BadInputError(f"--destination is {destination!r}; it is warehouse or lake.")
    from dlt_pipeline.warehouse.lake import lake_at  # noqa: PLC0415 - pyarrow

    return lake_at()


def tell_load(console: Console, report: LoadReport, as_json: bool = False) -> int:
    """Print what was committed, what is proven of it, and the next command; return the exit code."""
    proofs: Mapping[str, Proof] = {}
    with suppress(KrakenCandlesError), LedgerStore.of(report.place) as store:
        proofs = store.proofs(report.request)  # a build may hold the file already: what was loaded stays true
    console.print("\n".join(_said(report, proofs)), markup=False)
    if any(proof.spans for proof in proofs.values()):
        is_over = not (report.failures or report.unfinished)
        tell_next(console, report.place.build_command, label="Next" if is_over else "So far")
    if as_json:
        print_json(_object(report, proofs, time.time_ns()))
    if report.failures:
        return 1
    return STOPPED if report.unfinished else 0


def _object(report: LoadReport, proofs: Mapping[str, Proof], now_ns: int) -> dict[str, Any]:
    return {
        "place": str(report.place),
        "is_stopped": bool(report.unfinished),
        "symbols": [_symbol_object(report, symbol, proofs.get(symbol), now_ns) for symbol in report.request.symbols],
        "ways_on": list(ways_on(report, now_ns)) if report.failures else [],
    }


def _symbol_object(report: LoadReport, symbol: str, proof: Proof | None, now_ns: int) -> dict[str, Any]:
    """Return what came of a symbol; what is proven of the time that was asked for is None where nobody could look."""
    failure, is_stopped = report.failures.get(symbol), symbol in report.unfinished
    about: dict[str, Any] = {
        "symbol": symbol,
        "trade_count": report.trades.get(symbol, 0),
        "call_count": report.calls.get(symbol, 0),
        "error": None if failure is None else str(failure),
        "may_pass": None if failure is None else failure.may_pass,
        "is_stopped": is_stopped,
        **dict.fromkeys(("is_proven", "coverage", "gaps", "missing_id_count")),
    }
    if proof is not None:
        spans, gaps = proof.spans, []
        for each in report.request.windows[symbol]:
            is_over = each.end_ns is not None and each.end_ns <= now_ns  # else nothing is missing behind the last trade
            end_ns = each.end_ns if is_over else max((end for _, end in spans), default=0)
            gaps += without((each.start_ns, max(each.start_ns, end_ns or 0)), spans)
        is_whole = bool(spans) and not (gaps or proof.missing_ids or failure or is_stopped)
        about |= {
            "is_proven": is_whole,
            "coverage": [{"covered_from": utc_of_ns(start), "covered_to": utc_of_ns(end)} for start, end in spans],
            "gaps": [{"gap_from": utc_of_ns(start), "gap_to": utc_of_ns(end)} for start, end in gaps],
            "missing_id_count": proof.missing_ids,
        }
    return about


def _said(report: LoadReport, proofs: Mapping[str, Proof]) -> Iterator[str]:
    for symbol in report.request.symbols:
        count = report.trades.get(symbol, 0)
        text = f"{symbol}: {count:,} trades loaded" if count else f"{symbol}: nothing new"
        if symbol in report.failures:
            text += f"; FAILED: {report.failures[symbol]}"
        elif symbol in report.unfinished:
            text += "; stopped before the end"
        yield text
        if symbol in proofs:
            yield from _proven(proofs[symbol])
    yield f"{'Loaded into' if any(report.trades.values()) else f'{report.place.kind}:'} {report.place}"
    if report.failures:
        yield from ways_on(report, time.time_ns())
    elif report.unfinished:
        yield "Stopped. Run the same command again to resume where it stopped."


def _proven(proof: Proof) -> Iterator[str]:
    """Say from when to when a symbol's time is proven, and by what, in lines of at most 80 columns."""
    if not proof.spans:
        yield "  nothing of it is proven yet"
        return
    first, last = (show_ns(each).removesuffix(":00") for each in (proof.spans[0][0], proof.spans[-1][1]))
    parts = f" in {len(proof.spans)} parts," if proof.spans[1:] else ""
    if proof.missing_ids or not (proof.has_ids or proof.has_files):
        by = ""
    elif proof.has_files:
        by = ", with files"
    else:
        by = ", also without ids" if proof.idless else ", ids complete"
    yield f"  proven{parts} {first} to {last} UTC{by}"
    if proof.missing_ids:
        yield f"  {proof.missing_ids:,} ids are missing at Kraken's side (kraken_raw.id_holes)"


def ways_on(report: LoadReport, now_ns: int) -> Iterator[str]:
    """Say how to go on after failures: by the same command where it may do, else around what stands in the way."""
    again = [name for name, error in report.failures.items() if error.may_pass]
    again += [name for name in report.unfinished if name not in again]
    go_on = f"; run the same command again to go on with {', '.join(again)}" if again else ""
    yield f"What was loaded stays{go_on}."
    for symbol, error in report.failures.items():
        if isinstance(error, BadAnswerError) and error.timeframe:
            names = ",".join(name for name in report.request.timeframes if name != error.timeframe) or "none"
            yield (
                f"{symbol}: its trades and the other timeframes are loaded. Where that answer stays as it is, "
                f"`--timeframes {names}` leaves it out."
            )
        elif getattr(error, "since_ns", None) or isinstance(error, StalledCursorError):
            yield f"{symbol}: the same command hardly helps, for what was answered once is answered again. " + (
                _way_around(report, symbol, error, now_ns)
            )
        elif not error.may_pass:
            yield f"{symbol}: the same command does not help as long as the cause stays."


def _way_around(report: LoadReport, symbol: str, error: KrakenCandlesError, now_ns: int) -> str:
    """Name the load of what lies behind the trouble: from the next day, or hour, on."""
    first, window = report.request.windows[symbol][0], report.request.windows[symbol][-1]
    end_ns = now_ns if window.end_ns is None else min(window.end_ns, now_ns)
    since_ns = getattr(error, "since_ns", None) or report.reached.get(symbol) or 0
    place_ns = max(since_ns + NS_PER_SECOND, first.start_ns)  # a page is asked for from a moment before its time
    later = [place_ns - place_ns % size + size for size in (NS_PER_DAY, NS_PER_DAY // 24)]
    start_ns = next((each for each in later if each < end_ns), None)
    if start_ns is None:
        return "Of the time that was asked for, hardly anything lies behind it."
    bounds = [start_ns] if window.end_ns is None else [start_ns, window.end_ns]
    are_days = not any(each % NS_PER_DAY for each in bounds)
    shown = [iso(each).removesuffix("Z").removesuffix("T00:00:00") for each in bounds]
    options = f"--start {shown[0]}" + (f" --end {shown[1]}" if shown[1:] else "") + ("" if are_days else " --exact")
    if report.request.timeframes != tuple(REST_TIMEFRAMES):
        options += f" --timeframes {','.join(report.request.timeframes) or 'none'}"
    again = f"`kraken-candles repair {symbol}` asks for after a build"
    if not isinstance(report.place, Warehouse):
        options, again = f"{options} --destination lake", "a load of its days asks for again"
    return f"What lies behind it: `kraken-candles load {symbol} {options}`. Between them stays a gap, which {again}."
