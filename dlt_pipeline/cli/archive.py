"""What `import` does and says."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.archive.importing import import_request
from dlt_pipeline.archive.report import FileReport, ImportReport, shown_files
from dlt_pipeline.archive.symbols import make_archive_request
from dlt_pipeline.cli.console import STOPPED, Console, Rows, print_json, tell_next
from dlt_pipeline.cli.load import place_named
from dlt_pipeline.cli.progress import ImportProgress
from dlt_pipeline.common.threads import beside_main
from dlt_pipeline.common.time import show_ns, utc_of_ns

# As many lines as fit on a screen.
_SHOWN_FILES: Final = 20
_SHOWN_PROBLEMS: Final = 50


def run_import(
    console: Console,
    stop: threading.Event,
    paths: Sequence[Path],
    symbols: Sequence[str] | None,
    start: str | None,
    end: str | None,
    exact: bool,
    symbol_map: Path | None,
    password: str | None,
    whole_days: bool,
    destination: str,
    as_json: bool,
) -> int:
    """Import, say what came of each file, and return the exit code: 0, 1 if there is any problem, 130 if stopped.

    `as_json` also prints an object to stdout, which is then not for the `console`.
    """
    place = place_named(destination)
    request = make_archive_request(paths, symbols, start, end, symbol_map, password, whole_days, exact)
    with ImportProgress(console) as progress:
        report = beside_main(
            lambda: import_request(request, warehouse=place, listener=progress, stop=stop),
            stop,
            lambda: console.print("Stopping after the rows in hand; what is imported will be committed."),
        )
    if as_json:
        print_json(_object(report))
    return tell_import(console, report)


def tell_import(console: Console, report: ImportReport) -> int:
    """Print the files, the problems and the place of the warehouse; return the exit code."""
    if report.files:
        console.print(files_table(report))
        console.print()
    for line in [*report.warnings, *_told_problems(report.problems)]:
        console.print(line, markup=False)
    if report.is_stopped:
        console.print("Stopped. Run the same command again to go on where it stopped.")
        return STOPPED
    if report.problems:
        console.print(f"{report.place.kind}: {report.place}; {_rest(report)}.", markup=False)
        if any(one.outcome in ("imported", "already there") for one in report.files):
            tell_next(console, report.place.build_command, label="So far")
        return 1
    if not report.rows and any(one.outcome == "imported" for one in report.files):
        console.print("Nothing of it lies within the bounds asked for.")
        return 0
    if not report.rows:
        console.print(f"Nothing new; all of it is in {report.place} already.", markup=False)
    else:
        console.print(f"Imported into {report.place}", markup=False)
    tell_next(console, report.place.build_command)
    return 0


def _object(report: ImportReport) -> dict[str, Any]:
    return {
        "place": str(report.place),
        "is_stopped": report.is_stopped,
        "row_count": report.rows,
        "files": [_file_object(one, report) for one in report.files],
        "warnings": report.warnings,
        "problems": report.problems,
    }


def _file_object(one: FileReport, report: ImportReport) -> dict[str, Any]:
    first, last = (None if each is None else utc_of_ns(each) for each in (one.first_time_ns, one.last_time_ns))
    return {
        "archive": str(one.archive),
        "member": one.name,
        "size_bytes": one.size_bytes,
        "symbol": one.symbol,
        "format": one.format,
        "timeframe": one.timeframe,
        "outcome": one.outcome,
        "is_replacing": _is_replacing(one, report),
        "row_count": one.rows,
        "refused_count": one.refused,
        "left_out_count": one.left_out,
        "base_volume": one.volume,
        "first_at": first,
        "last_at": last,
        "problem": one.problem,
    }


def _rest(report: ImportReport) -> str:
    """Say what came of all that no problem is told of."""
    if report.rows:
        return "the rest is imported"
    is_there = any(one.outcome == "already there" for one in report.files)
    return "the rest is there already" if is_there else "nothing was imported"


def files_table(report: ImportReport) -> Rows:
    """Return a table of the files: all if they are few, else those with problems and the largest, and a total."""
    numbers = ("rows", "refused", "volume")
    table = Rows("file", "symbol", "kind", *numbers, "from", "to (UTC)", "", numbers=numbers)
    shown = shown_files(report.files, _SHOWN_FILES)
    for one in shown:
        table.add(
            one.name.rpartition("/")[2],
            one.symbol or "",
            _kind(one),
            f"{one.rows:,}",
            f"{one.refused:,}" if one.refused else "",
            f"{one.volume.normalize():f}",
            "" if one.first_time_ns is None else show_ns(one.first_time_ns)[:10],
            "" if one.last_time_ns is None else show_ns(one.last_time_ns)[:10],
            _what_happened(one, report),
        )
    if len(report.files) > 1:
        left = len(report.files) - len(shown)
        rows, refused = sum(one.rows for one in report.files), sum(one.refused for one in report.files)
        counted = f"{len(report.files):,} files" + (f", {left:,} not shown" if left else "")
        told = [f"{rows:,}", f"{refused:,}" if refused else "", "", "", "", _counts(report)]
        table.add(counted, "", "", *told, is_total=True)
    return table


def _kind(one: FileReport) -> str:
    if one.format == "candles":
        return f"candles {one.timeframe}"
    return {"trades": "trades", "trades_with_ids": "trades with ids"}.get(one.format or "", "")


def _what_happened(one: FileReport, report: ImportReport) -> str:
    return "replaced an older one" if _is_replacing(one, report) else one.outcome


def _is_replacing(one: FileReport, report: ImportReport) -> bool:
    return one.outcome == "imported" and any(pair.newer_id == one.edition_id for pair in report.replaced)


def _counts(report: ImportReport) -> str:
    counts: dict[str, int] = {}
    for one in report.files:
        said = _what_happened(one, report)
        counts[said] = counts.get(said, 0) + 1
    return ", ".join(f"{count:,} {said}" for said, count in counts.items())


def _told_problems(problems: Sequence[str]) -> list[str]:
    shown = list(problems[:_SHOWN_PROBLEMS])
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown):,} problems more of the same kinds.")
    return shown
