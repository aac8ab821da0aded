"""How an import ended, file by file; and what went wrong, each in one sentence. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

from dlt_pipeline.warehouse.pipeline import Place

# `waiting` until it is read; `stopped` files go on where they were when the import is run again.
Outcome = Literal["waiting", "imported", "already there", "empty", "failed", "stopped"]


@dataclass
class FileReport:
    """One file of an import: rows taken in and refused, volume in base units, first and last time in ns UTC."""

    archive: Path
    name: str
    size_bytes: int
    symbol: str | None = None
    edition_id: int = 0
    format: str | None = None
    timeframe: str | None = None
    outcome: Outcome = "waiting"
    rows: int = 0
    refused: int = 0
    first_refused: str | None = None
    left_out: int = 0
    volume: Decimal = Decimal(0)
    first_time_ns: int | None = None
    last_time_ns: int | None = None
    problem: str | None = None

    @property
    def place(self) -> str:
        """The file for people: its name, and the ZIP or folder that it lies in."""
        return self.name if self.archive.name == self.name else f"{self.name} in {self.archive.name}"


@dataclass(frozen=True)
class Pair:
    """An older edition and the newest one that takes its place; `days` are those on which they disagree.

    A day has its UTC date, then trades and volume (base units) of the older and of the newer one.
    """

    older_id: int
    newer_id: int
    older: str
    newer: str
    symbol: str
    days: tuple[tuple[str, int, Decimal, int, Decimal], ...] = ()
    is_removed: bool = False


@dataclass
class Removed:
    """What went with the trades of a removed file: other files by edition, and how many answers of the exchange."""

    files: dict[int, str] = field(default_factory=dict)
    answers: int = 0


def withdrawn(place: str) -> str:
    """Say that a file went with another one, and the way out."""
    return (
        f"{place} has trades that a file before it brought, which was damaged or of another market; they are taken "
        "out, so that this file counts no more: import it again."
    )


@dataclass
class ImportReport:
    """How an import into `place` ended; `problems` make it fail, `warnings` do not. `is_stopped` if the user did it."""

    place: Place
    files: list[FileReport] = field(default_factory=list)
    replaced: list[Pair] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    is_stopped: bool = False

    @property
    def problems(self) -> list[str]:
        """What went wrong, a sentence each: what, where, and the way out."""
        found = list(self.others)
        for one in self.files:
            if one.problem:
                found.append(one.problem)
            elif one.outcome == "empty":
                found.append(
                    f"{one.place} is empty: nothing was imported of it; download it again if it should not be."
                )
            if one.refused and one.outcome != "failed":
                first = f" (the first in {one.first_refused})" if one.first_refused else ""
                rows = _counted(one.refused, "row was", "rows were")
                found.append(
                    f"{one.place}: {rows} refused{first} and {one.rows:,} imported; "
                    "kraken_raw.archive_refused_rows has each line with its reason."
                )
        return found + [disagreement(pair) for pair in self.replaced if pair.days]

    @property
    def is_fine(self) -> bool:
        """Whether all files are in the warehouse, whole."""
        return not self.problems and not self.is_stopped

    @property
    def rows(self) -> int:
        """Rows imported now, of all files."""
        return sum(one.rows for one in self.files if one.outcome == "imported")


def _counted(count: int, singular: str, plural: str) -> str:
    return f"{count:,} {singular if count == 1 else plural}"


def _hint(is_equal: bool) -> str:
    return ", at other prices or times" if is_equal else ""


def disagreement(pair: Pair) -> str:
    """Say on which days two editions differ, and by how much."""
    shown = [
        f"{day} ({older:,} trades of {older_volume.normalize():f} in the older, {newer:,} of "
        f"{newer_volume.normalize():f} in the newer{_hint(older == newer and older_volume == newer_volume)})"
        for day, older, older_volume, newer, newer_volume in pair.days[:3]
    ]
    more = f" and {len(pair.days) - 3:,} more days" if len(pair.days) > 3 else ""
    return (
        f"{pair.symbol}: {pair.newer} replaces {pair.older}, but they disagree on {', '.join(shown)}{more}; the newer "
        "one counts, the rows of both stay stored."
    )


def shown_files(files: Sequence[FileReport], limit: int) -> list[FileReport]:
    """Return the files worth a line: all if they are few, else those with a problem and the largest, in their order."""
    if len(files) <= limit:
        return list(files)
    by_worth = sorted(
        range(len(files)),
        key=lambda place: (not (files[place].problem or files[place].refused), -files[place].rows, place),
    )
    return [files[place] for place in sorted(by_worth[:limit])]
