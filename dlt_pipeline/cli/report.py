"""What `report` does: read, write the page, open it where there is a screen, and say what came of it."""

import os
import sys
import time
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dlt_pipeline.cli.console import Console, size
from dlt_pipeline.cli.looking import reading
from dlt_pipeline.common.version import program
from dlt_pipeline.publishing.settings import load_settings
from dlt_pipeline.report.health import read_health
from dlt_pipeline.report.market import read_market
from dlt_pipeline.report.page import write_page


def run_report(
    console: Console, warehouse: Path, output: Path | None, symbols: Sequence[str], is_opened: bool | None
) -> int:
    """Write the report, `report.html` beside the published files without an `output`; return the exit code.

    It is opened in a browser if `is_opened`, and where nothing is said if there is a screen and a person before it.
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
    written = write_page(path, about, market, health)
    seconds = time.monotonic() - began
    many = f"{len(market.symbols):,} symbol{'' if len(market.symbols) == 1 else 's'}"
    console.print(f"Report: {path}, {many}, {size(written)}, in {seconds:.1f} s", markup=False)
    if is_opened is None:
        is_opened = has_screen()
    if is_opened and open_page(path):
        console.print("Opened in the browser. The same command writes it anew.")
    else:
        console.print("Next: open that file in a browser; it needs no network and can be sent as it is.")
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
