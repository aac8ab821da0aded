"""What `export`, `compare` and `report` say, which write files."""

import os
import shlex
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.cli.console import Console, Rows, print_json, size, tell_next, typed
from dlt_pipeline.cli.looking import reading
from dlt_pipeline.common import program
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.interchange.compare import FIRST, Compared, Comparison, compare
from dlt_pipeline.interchange.export import FREQTRADE, LIST, Exported, What, export
from dlt_pipeline.interchange.formats import HEADER, Table, check_targets, named, write_page
from dlt_pipeline.interchange.proven import UnprovenTime
from dlt_pipeline.publishing.settings import load_settings
from dlt_pipeline.report.health import read_health
from dlt_pipeline.report.market import read_market
from dlt_pipeline.report.page import write_page as write_report

_SHOWN_GAPS: Final = 3
_NOISE: Final = 1e-9  # sums of floats of a candle differ by less, wrong trades by more

_COUNTS: Final = {
    "rows": "rows",
    "equal": "equal",
    "differing": "differ",
    "missing": "missing",
    "doubled": "doubled",
    "surplus": "not ours",
    "not_comparable": "not comparable",
    "before.count": "proven before",
    "after.count": "proven after",
}
_FIELD_NAMES: Final = ("file", "number", "differ", "at most by", "at (UTC)")


def run_export(
    console: Console,
    stop: threading.Event,
    what: What,
    symbols: Sequence[str],
    timeframes: str | None,
    form: str,
    folder: Path,
    start: str | None,
    end: str | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Write the files, tell what stands in each and what does not, and return the exit code."""
    wanted = [] if timeframes is None else timeframes.replace(",", " ").split()
    if timeframes is not None and not wanted:
        raise BadInputError("--timeframes names none.")
    with console.status(f"Writing into {folder} …") if console.is_terminal else nullcontext():
        done = export(what, form, folder, symbols, wanted, start, end, overwrite=overwrite, stop=stop)
    console.print(exported_table(done))
    console.print()
    for line in _remarks(done, form, what):
        console.print(line, markup=False)
    console.print(f"Written into {folder.absolute()}; {LIST} there says what each file holds and lacks.", markup=False)
    tell_next(console, f"compare {shlex.quote(str(folder))}")
    if as_json:
        print_json({"folder": str(folder.absolute()), "files": [_file_object(one) for one in done]})
    return 0


def _file_object(one: Exported) -> dict[str, Any]:
    """Return it as `kraken.gaps` calls what it lacks, without the query that it came of."""
    gaps = [{"gap_from": each.starts, "gap_to": each.ends, "reason": each.reason} for each in one.gaps]
    about = {name: value for name, value in vars(one).items() if name != "query"}
    return about | {"path": str(one.path.absolute()), "is_written": bool(one.row_count), "gaps": gaps}


def exported_table(done: Sequence[Exported]) -> Rows:
    """Return a row a file."""
    table = Rows("file", "rows", "first (UTC)", "last (UTC)", numbers=("rows",))
    for one in done:
        times = ["" if at is None else f"{at:%Y-%m-%d %H:%M}" for at in (one.first_at, one.last_at)]
        table.add(one.path.name, f"{one.row_count:,}" if one.row_count else "none, not written", *times)
    return table


def _remarks(done: Sequence[Exported], form: str, what: What) -> Iterator[str]:
    for symbol in dict.fromkeys(one.symbol for one in done):
        gaps = dict.fromkeys(gap for one in done if one.symbol == symbol for gap in one.gaps)
        yield from _told_gaps(symbol, sorted(gaps, key=lambda gap: (gap.starts, gap.ends)))
    if not any(one.gaps for one in done):
        yield "Proven without a gap."
    inexact = sum(one.inexact_count for one in done)
    named = sum(one.named_count for one in done)
    if form.startswith(FREQTRADE):
        told = (
            f"{inexact:,} prices or volumes have more digits than these tell" if inexact else "each tells its decimal"
        )
        yield f"freqtrade's numbers are floats: {told}."
        if what == "candles":
            yield "Empty buckets without prices are left out; freqtrade fills what is not there with the close before."
            if any("-1w." in one.path.name for one in done):
                yield "Its weeks begin on Monday."
        else:
            yield "freqtrade's times are milliseconds, in the order of ours; its cost is a float of price times volume."
    if named:
        yield f"{named:,} trades have no id: each got a name, or freqtrade would drop those of one millisecond."
    if any(not one.is_exact for one in done):
        yield "The warehouse is in use: these candles come from published.duckdb, whose numbers are floats."


def _told_gaps(symbol: str, gaps: Sequence[UnprovenTime]) -> Iterator[str]:
    if gaps:
        form = "%Y-%m-%d %H:%M:%S"
        told = [f"{gap.starts:{form}} to {gap.ends:{form}} ({gap.reason})" for gap in gaps[:_SHOWN_GAPS]]
        more = f" and {len(gaps) - _SHOWN_GAPS:,} more" if gaps[_SHOWN_GAPS:] else ""
        yield f"{symbol}: NOT in it, for it is not proven: {', '.join(told)}{more}."


def run_compare(
    console: Console,
    paths: Sequence[Path],
    symbol: str | None,
    timeframe: str | None,
    tolerance: float,
    output: Path | None,
    page: Path | None,
    as_json: bool,
) -> int:
    """Compare the files, tell what differs as tables, a file, a page or JSON; return the exit code, 1 if it does."""
    check_targets(output, page)
    with console.status("Comparing …") if console.is_terminal else nullcontext():
        found = compare(paths, symbol=symbol, timeframe=timeframe, tolerance=tolerance, output=output)
    remarks = list(_told(found))
    if page:
        cells = [attrgetter(*_COUNTS)(one) for one in found.files]
        files = [
            [one.path, one.symbol, one.timeframe or "trades", *row] for one, row in zip(found.files, cells, strict=True)
        ]
        tables: list[Table] = [("Files", ("file", "symbol", "timeframe", *_COUNTS.values()), files)]
        tables.append(("Numbers of candles", _FIELD_NAMES, list(_field_rows(found))))
        shown = f"The first {len(found.first):,} differences" if len(found.first) == FIRST else "All differences"
        tables.append((shown, HEADER, found.first))
        write_page(page, "Files compared with proven trades", remarks, tables)
    if as_json:
        print_json(_as_json(found))
        return 0 if found.is_equal else 1
    console.print(compared_table(found))
    console.print()
    fields = Rows(*_FIELD_NAMES, numbers=_FIELD_NAMES[2:4])
    for row in _field_rows(found):
        fields.add(*map(str, row))
    if any(one.fields for one in found.files):
        console.print(fields)
        console.print()
    for line in remarks:
        console.print(line, markup=False)
    for target in (output, page):
        if target:
            console.print(f"Written: {target.absolute()}", markup=False)
    tell_next(console, *_next_of(found, page))
    return 0 if found.is_equal else 1


def _next_of(found: Comparison, page: Path | None) -> Iterator[str]:
    """Yield what shows the differences, and what writes what is missing."""
    if not found.is_equal and page is None:
        yield typed(more=("--page", "differences.html"))
    lacking = next((one for one in found.files if one.missing), None)
    if lacking:
        what = ["trades", lacking.symbol] if lacking.timeframe is None else ["candles", lacking.symbol]
        more = [] if lacking.timeframe is None else ["--timeframes", lacking.timeframe]
        yield shlex.join(["export", *what, *more, "--format", "csv", "--output", "proven"])
    elif found.is_equal or page:
        yield "report"


def compared_table(found: Comparison) -> Rows:
    """Return a row a file; columns without any count are left out."""
    shown = {
        name: title
        for name, title in _COUNTS.items()
        if name in ("rows", "equal") or any(map(attrgetter(name), found.files))
    }
    table = Rows("file", *shown.values(), numbers=tuple(shown.values()))
    for one in found.files:
        table.add(one.name, *(f"{attrgetter(name)(one):,}" for name in shown))
    return table


def _field_rows(found: Comparison) -> Iterator[tuple[str, str, str, str, str]]:
    for one in found.files:
        for each in one.fields:
            yield (
                one.name,
                each.name,
                f"{each.count:,}",
                each.largest or "no value",
                f"{each.at:%Y-%m-%d %H:%M:%S}",
            )


def _told(found: Comparison) -> Iterator[str]:
    for one in found.files:
        ours = one.compared + one.missing if one.timeframe is None else 0
        if one.missing and ours:
            yield f"{one.name}: {one.missing:,} of {ours:,} proven trades are missing ({one.missing / ours:.1%})."
    yield "All that can be compared is equal." if found.is_equal else "There are differences."
    floats = sum(one.as_floats for one in found.files)
    if floats:
        yield f"{floats:,} candles are equal as floats: the proven decimal rounds to the very float64 that is there."
    tolerated = sum(one.tolerated for one in found.files)
    told = f"up to {found.tolerance:g} of a number; {tolerated:,} candles needed it" if found.tolerance else "none"
    yield f"Tolerance: {told}."
    largest = _largest_part(found)
    if largest:
        yield largest
    outside = sum(one.not_comparable for one in found.files)
    if outside:
        yield f"{outside:,} rows lie outside of proven time and are not comparable (kraken.coverage)."
    yield from _not_reached([one for one in found.files if one.before.count or one.after.count])
    empty = sum(one.left_out for one in found.files)
    if empty:
        yield f"{empty:,} empty candles stand in one of both alone, which is no difference."
    moved = sum(one.restamped for one in found.files)
    if moved:
        yield f"{moved:,} trades are stamped one unit of time later, as rounding leaves them, and count as equal."
    if not found.is_exact:
        yield "The proven candles come from published.duckdb, whose numbers are floats; the warehouse is in use."
    if found.skipped:
        names = ", ".join(named(path).shown for path in found.skipped[:_SHOWN_GAPS])
        yield f"Left out, as their names tell no symbol and timeframe of ours: {len(found.skipped):,} files ({names})."


def _not_reached(files: Sequence[Compared]) -> Iterator[str]:
    """Say how much is proven before the first row of a file and behind its last."""
    for one in files[:_SHOWN_GAPS]:
        what = "trades" if one.timeframe is None else "candles"
        sides = (("before its first row", one.before), ("after its last", one.after))
        told = [
            f"{beyond.count:,} {side} ({beyond.first_at:%Y-%m-%d %H:%M:%S} to {beyond.last_at:%Y-%m-%d %H:%M:%S})"
            for side, beyond in sides
            if beyond.count
        ]
        yield f"{one.name} does not reach all proven {what}: {', '.join(told)}; that is no difference."
    if files[_SHOWN_GAPS:]:
        yield f"Nor do {len(files) - _SHOWN_GAPS:,} more files."


def _largest_part(found: Comparison) -> str | None:
    """Say which tolerance would make all differing candles equal, where it is no more than float sums leave."""
    parts = [each.part for one in found.files for each in one.fields]
    if not parts or None in parts or max(filter(None, parts), default=1.0) > _NOISE:
        return None
    return f"No number differs by more than floats that are added up leave; with --tolerance {_NOISE:g} they are equal."


def _as_json(found: Comparison) -> dict[str, object]:
    files = [asdict(one) | {"path": str(one.path), "is_equal": one.is_equal} for one in found.files]
    skipped = [str(path) for path in found.skipped]
    return {"is_equal": found.is_equal, "tolerance": found.tolerance, "files": files, "skipped": skipped}


def run_report(
    console: Console,
    warehouse: Path,
    output: Path | None,
    symbols: Sequence[str],
    is_opened: bool | None,
    as_json: bool = False,
) -> int:
    """Write the report, `report.html` beside the published files without an `output`; return the exit code.

    It is opened in a browser if `is_opened`, and where nothing is said if there is a screen and a person before it.
    `as_json` also prints an object to stdout, which is then not for the `console`.
    """
    began = time.monotonic()
    path = (output or load_settings(warehouse).database.with_name("report.html")).absolute()
    with reading(warehouse) as (connection, place):
        market = read_market(connection, symbols, place)
        health = read_health(connection, symbols, warehouse, place == warehouse)
    about = {
        "program": program(),
        "place": str(place),
        "isPublished": place != warehouse,
        "madeAt": round(time.time() * 1000),
    }
    written = write_report(path, about, market, health)
    seconds = time.monotonic() - began
    many = f"{len(market.symbols):,} symbol{'' if len(market.symbols) == 1 else 's'}"
    console.print(f"Report: {path}, {many}, {size(written)}, in {seconds:.1f} s", markup=False)
    if is_opened is None:
        is_opened = has_screen() and not as_json
    if is_opened and open_page(path):
        console.print("Opened in the browser. The same command writes it anew.")
    elif console.tells_next:
        console.print("Next: open that file in a browser; it needs no network and can be sent as it is.")
    if as_json:
        names = [symbol.name for symbol in market.symbols]
        about_page = {"path": str(path), "bytes": written, "seconds": round(seconds, 1), "symbols": names}
        print_json(about_page | {"read_from": str(place), "is_published": place != warehouse})
    return 0


def has_screen() -> bool:
    """Whether a browser can show a page to who typed the command."""
    is_shown = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return is_shown and sys.stdin.isatty()


def open_page(path: Path) -> bool:
    """Open the page in the user's browser; False where none could be started."""
    with suppress(webbrowser.Error, OSError):
        return webbrowser.open(path.as_uri())
    return False
