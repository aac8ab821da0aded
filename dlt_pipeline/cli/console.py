"""The console of the commands, that outlives its reader so that `| head` does not end a load; tables, figures, JSON."""

import json
import re
import shlex
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import rich.console
from rich import box
from rich.cells import cell_len
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

STOPPED: Final = 130  # what a shell reports after Ctrl-C
# Those of the terminal, those that turn the direction of text, and halves of a character, which cannot be written.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Console(rich.console.Console):
    """A rich console that falls silent when what it writes to is gone or full."""

    def __init__(self, stderr: bool = False) -> None:
        """Write to stdout or stderr; long lines are left to the terminal."""
        super().__init__(stderr=stderr, soft_wrap=True, highlight=False, emoji=False)
        self.tells_next = not stderr  # there it stands beside an object for machines

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.quiet = True

    def render(
        self, renderable: rich.console.RenderableType, options: rich.console.ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Render as rich does, without what a name from elsewhere could tell the terminal."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(_CONTROL.sub("?", segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Fall silent instead of ending the program."""
        self.quiet = True


class Rows:
    """Rows under names, for a console: a table where all of it fits, else each row as text; no cell is ever cut.

    `numbers` are the names whose cells stand to the right. Cells are plain text, whatever brackets they hold.
    """

    def __init__(self, *names: str, numbers: Collection[str] = ()) -> None:
        """Begin without rows; a cell under an empty name speaks for itself."""
        self._names, self._numbers = names, numbers
        self._rows: list[tuple[str, ...]] = []
        self._totals: set[int] = set()

    def add(self, *cells: str, is_total: bool = False) -> None:
        """Add a row, as many cells as there are names; a line sets a total off."""
        self._rows.append(tuple(_CONTROL.sub("?", cell) for cell in cells))  # measured as it will be shown
        if is_total:
            self._totals.add(len(self._rows) - 1)

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> rich.console.RenderResult:
        """Render for the width at hand."""
        if self.fits(options):
            yield self._table()
        else:
            yield from (Text(self._as_text(place, options.max_width)) for place in range(len(self._rows)))

    def fits(self, options: rich.console.ConsoleOptions) -> bool:
        """Whether the width at hand is enough for a table; two blanks stand between columns."""
        columns = zip(self._names, *self._rows, strict=True)
        return sum(max(map(cell_len, cells)) + 2 for cells in columns) - 2 <= options.max_width

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for name in self._names:
            table.add_column(Text(name), justify="right" if name in self._numbers else "left", no_wrap=True)
        for place, cells in enumerate(self._rows):
            if place in self._totals:
                table.add_section()
            table.add_row(*map(Text, cells))
        return table

    def _as_text(self, row: int, width: int) -> str:
        """Return `symbol BTC/USD: trades 1,057; calls 3`; a line ends between two cells, or else between two words.

        What a total is called needs no name before it.
        """
        indent, glue = "  ", "\N{NO-BREAK SPACE}"
        names = ("", *self._names[1:]) if row in self._totals else self._names
        told = [f"{name} {cell}".strip() for name, cell in zip(names, self._rows[row], strict=True) if cell]
        told = [f"{one}{';' if place else ':'}" for place, one in enumerate(told)]
        told[-1] = told[-1][:-1]
        text = " ".join(one.replace(" ", glue) if len(one) <= width - len(indent) else one for one in told)
        lines = textwrap.wrap(
            text, max(width, 1), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        return "\n".join(lines).replace(glue, " ")


def tell_next(console: Console, *commands: str, label: str = "Next", setting: str = "") -> None:
    """Say in a line what can be done now, by the words behind `kraken-candles`; not beside `--json`.

    `setting` is what the shell is to set for it, such as `KRAKEN_CANDLES_WAREHOUSE=lake.duckdb`.
    """
    if commands and console.tells_next:
        program = f"{setting} kraken-candles".lstrip()
        console.print(f"{label}: {', '.join(f'`{program} {each}`' for each in commands)}.", markup=False)


def typed(*instead: str, without: str = "", more: Sequence[str] = ()) -> str:
    """Return the command that was typed, to type it once more: under another name, without a word, or with more."""
    name, *rest = sys.argv[1:]
    return shlex.join([*(instead or (name,)), *(word for word in rest if word != without), *more])


def print_json(found: Mapping[str, Any] | Iterable[Mapping[str, Any]], in_a_line: bool = False) -> None:
    """Print an object, or a list of them, to stdout: times as ISO 8601 UTC, decimals as exact text."""
    shown = found if isinstance(found, Mapping) else list(found)
    Console().print(json.dumps(shown, indent=None if in_a_line else 2, default=_as_text), markup=False)


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return exact(value) if isinstance(value, Decimal) else str(value)


def exact(value: Decimal) -> str:
    """Return all digits of a decimal without the zeros behind; `normalize` would round to 28 digits."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: float) -> str:
    """Return seconds as `45 s`, `12 min`, `3.4 h` or `12 days`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 99.5 * 3_600:
        return f"{seconds / 3_600:.1f} h"
    return f"{seconds / 86_400:.1f} days"


def size(count: float) -> str:
    """Return bytes as `12 kB`, `3.4 MB` or `5.6 GB`, by powers of ten as disks are sold."""
    for name, unit in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1_000:.0f} kB"
