"""The work of an import: which files are read in which order, how each stands; and the settings of imports."""

import itertools
import logging
import os
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Protocol

import pyarrow.compute
from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.archive.members import Member, Problem, find_members
from dlt_pipeline.archive.reader import ParsedBlock, Reading, look, read_parts
from dlt_pipeline.archive.report import FileReport, Removed, withdrawn
from dlt_pipeline.archive.stored import FoundNames, Stored, edition_id_of, find_names
from dlt_pipeline.archive.symbols import ArchiveRequest, Names
from dlt_pipeline.common.exceptions import ArchiveError, BadInputError, KrakenCandlesError
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.settings import load_settings, resolved

_LIMITS: Final[dict[str, tuple[float, float]]] = {
    "chunk_rows": (1, 100_000_000),
    "batch_rows": (1, 10_000_000),
    "block_bytes": (1_000, 1 << 30),
    "most_unpacked_bytes": (1, 1 << 62),
    "most_ratio": (1, 1_000_000),
    "most_refused_rows": (0, 1_000_000),
    "readers": (0, 64),
}


@configspec
class ImportSettings(BaseConfiguration):
    """Settings of the import; `SOURCES__ARCHIVE__<NAME>` in the environment or `[sources.archive]` in config.toml."""

    # A chunk is what a kill can cost: some five seconds, of which dlt's own steps take less than a tenth.
    chunk_rows: int = 5_000_000
    # Files of a few rows each are put together: dlt takes about as long for a batch of ten rows as of 100,000.
    batch_rows: int = 200_000
    # Read at once, and committed as a part: some 130,000 rows. Memory is some thirty times as much for each reader.
    block_bytes: int = 4 << 20
    # A file of Kraken's has 5 GB unpacked at the most (130 million rows).
    most_unpacked_bytes: int = 64 * 1024**3
    # Kraken's files shrink to a third or a tenth; deflate's limit, which bombs come near to, is 1,032 times.
    most_ratio: int = 200
    # Broken rows in a file of Kraken's are single ones; a file full of them is another one.
    most_refused_rows: int = 10_000
    # Files read side by side; 0: as many as there are cores, up to 4, beyond which one writer is the limit.
    readers: int = 0

    @property
    def reader_count(self) -> int:
        """How many files are read at once."""
        return self.readers or min(4, os.cpu_count() or 1)


def load_import_settings() -> ImportSettings:
    """Resolve the settings from dlt's config; BadInputError if impossible."""
    return resolved(ImportSettings(), "sources", "archive", limits=_LIMITS)


_part_ids = itertools.count(time.time_ns())
_log = logging.getLogger("dlt_pipeline.archive")


def new_part_id() -> int:
    """Return a number that no part has yet; they ascend over time."""
    return next(_part_ids)


class Task:
    """A file and its report; used by one thread at a time."""

    def __init__(
        self,
        member: Member,
        symbol: str,
        request: ArchiveRequest,
        settings: ImportSettings,
        stored: Stored,
    ) -> None:
        """Keep them; the file is not opened yet."""
        self.report = FileReport(member.archive, member.name, member.size_bytes, symbol)
        self.parts: Iterator[ParsedBlock] | None = None
        self.is_over = False
        self.is_failed = False
        self._member, self._symbol, self._request = member, symbol, request
        self._settings, self._stored = settings, stored

    @property
    def key(self) -> tuple[str, int | None]:
        """Market and kind: of files that share it, the later one may replace the earlier one."""
        return self._symbol, self._member.minutes

    def begin(self) -> bool:
        """Look into the file; whether there is anything to read that the warehouse does not have."""
        report, request = self.report, self._request
        kind = look(self._member)
        report.format, report.timeframe = kind
        bounds = request.start_ns, request.end_ns
        report.edition_id = edition_id_of(
            self._symbol, kind, self._member.crc32, self._member.size_bytes, bounds, request.is_whole_days
        )
        known = self._stored.files.get(report.edition_id)
        if known:
            report.rows, report.refused, report.left_out = known.row_count, known.refused_count, known.left_out_count
            report.volume = known.base_volume
            report.first_time_ns, report.last_time_ns = known.first_time_ns, known.last_time_ns
            self.pass_over(self._is_empty)
            return False
        begun = self._stored.begun.get(report.edition_id)
        plan = Reading(
            self._symbol,
            *kind,
            report.edition_id,
            bounds,
            request.is_whole_days,
            begun,
            new_part_id,
            self._settings.most_refused_rows,
            self._settings.block_bytes,
        )
        self.parts = read_parts(self._member, plan)
        return True

    def pass_over(self, is_empty: bool = False) -> None:
        """Leave the file: the warehouse has it, or another one of the same content is being read."""
        self.report.outcome = "empty" if is_empty else "already there"
        self.is_over = True

    def heard(self, taken: ParsedBlock) -> None:
        """Count what a part brought; the file's own row, which comes last, has the last word."""
        report = self.report
        refused = taken.tables.get("archive_refused_rows")
        if refused is not None and refused.num_rows:
            report.refused += refused.num_rows
            first = refused.slice(0, 1).to_pylist()[0]
            report.first_refused = report.first_refused or f"line {first['line_number']:,}: {first['reason']}"
        parts, file = taken.tables.get("archive_parts"), taken.tables.get("archive_files")
        if parts is not None and parts.num_rows:
            report.rows += pyarrow.compute.sum(parts["row_count"]).as_py()
            report.volume += pyarrow.compute.sum(parts["base_volume"]).as_py() or Decimal(0)
            if report.first_time_ns is None:
                report.first_time_ns = parts["first_time_ns"][0].as_py()
            report.last_time_ns = parts["last_time_ns"][-1].as_py()
        if file is not None and file.num_rows:
            (row,) = file.to_pylist()
            report.rows, report.refused, report.left_out = row["row_count"], row["refused_count"], row["left_out_count"]
            report.volume = row["base_volume"]
            report.first_time_ns, report.last_time_ns = row["first_time_ns"], row["last_time_ns"]

    def end(self) -> None:
        """Hear that the file was read to its end."""
        self.report.outcome = "empty" if self._is_empty else "imported"
        self.is_over = True

    @property
    def _is_empty(self) -> bool:
        return not self._member.size_bytes or not (self.report.rows or self.report.refused or self.report.left_out)

    def fail(self, error: KrakenCandlesError) -> None:
        """Hear that the file cannot be read (any further)."""
        self.report.outcome, self.report.problem = "failed", str(error)
        self.is_over = self.is_failed = True


class ImportListener(Protocol):
    """Hears how an import goes; called from the threads that read."""

    def begin(self, files: list[FileReport]) -> None:
        """Hear which files will be read."""

    def read(self, file: FileReport, bytes_read: int) -> None:
        """Hear how far a file is read."""


class Work:
    """Safe for the threads of several files. Those of one market and kind are read one after another, in order."""

    def __init__(
        self, request: ArchiveRequest, listener: ImportListener | None = None, stop: threading.Event | None = None
    ) -> None:
        """Prepare; nothing is opened before `prepare`."""
        self.request, self.listener = request, listener
        self.stop = stop or threading.Event()
        self.settings = load_import_settings()
        self._kraken = load_settings()
        self._kraken.first_contact_attempts = 1  # nothing fails for want of it
        self.base_url = self._kraken.base_url
        self.files: list[FileReport] = []
        self.warnings: list[str] = []
        self.problems: list[str] = []
        self.asked_markets: tuple[Market, ...] = ()
        self.is_prepared = self.has_begun = False
        self._waiting: list[Task] = []
        self._in_hand: list[Task] = []
        self._editions: set[int] = set()
        self._merging: dict[str, Task] = {}
        self._stored = Stored()
        self._told_failed: set[int] = set()
        self._withdrawn: dict[int, str] = {}
        self._lock = threading.Lock()

    def prepare(self, stored: Stored) -> None:
        """List the files, learn their symbols and what the warehouse has of them; BadInputError if none is meant."""
        self._stored = stored
        found = find_members(self.request.paths, self.settings, self.request.password)
        members = [one for one in found if isinstance(one, Member)]
        self.problems += [one.reason for one in found if isinstance(one, Problem)]
        if not found:
            shown = ", ".join(str(path) for path in self.request.paths)
            self.problems.append(f"There is no CSV file in {shown}; name Kraken's ZIPs, or the folder of their files.")
        altnames = {one.altname for one in members if one.altname is not None}
        named = find_names(stored, altnames, self.request.symbol_map, self._kraken, self.stop)
        self.asked_markets = named.asked
        chosen = [(one, symbol) for one in members if (symbol := self._symbol_of(one, named.names)) is not None]
        if members and not chosen and not self.problems:
            shown = ", ".join(sorted(altnames)[:5])
            raise BadInputError(f"None of the files is of {', '.join(self.request.symbols)}; there are {shown}.")
        self._warn_of_unknown(named, [one for one, _ in chosen])
        for one, symbol in chosen:
            task = Task(one, symbol, self.request, self.settings, stored)
            self._waiting.append(task)
            self.files.append(task.report)
        if self.listener:
            self.listener.begin(self.files)
        self.is_prepared = True

    def failed_now(self) -> list[int]:
        """Return the editions of files that turned out to be damaged since it was last asked: nothing may stay."""
        failed = self._failed_editions - self._told_failed
        self._told_failed |= failed
        return sorted(failed)

    @property
    def _failed_editions(self) -> set[int]:
        return {one.edition_id for one in self.files if one.outcome == "failed" and one.edition_id}

    def withdraw(self, removed: Removed) -> None:
        """Hear that files went with another one's trades: those that were read are to be imported again."""
        for edition_id, name in removed.files.items():
            self._stored.files.pop(edition_id, None)
            self._stored.begun.pop(edition_id, None)
            self._editions.discard(edition_id)
            self._withdrawn[edition_id] = name
            for one in self.files:
                if one.edition_id == edition_id and one.outcome in ("imported", "already there"):
                    one.outcome, one.problem = "failed", withdrawn(one.place)
        if removed.answers:
            self.warnings.append(
                f"Answers of the exchange ({removed.answers:,}) have trades that a file brought, which was damaged or "
                "of another market; they are taken out, so that these answers count no more: load their time again."
            )

    def withdrawn_before(self) -> list[str]:
        """Say which files of imports before this one went with another one's trades."""
        ours = {one.edition_id for one in self.files}
        return [withdrawn(name) for edition_id, name in self._withdrawn.items() if edition_id not in ours]

    @property
    def is_done(self) -> bool:
        """Whether nothing waits any more."""
        return self.is_prepared and not self._waiting

    def take(self) -> Task | None:
        """Return the next file to read on; None if those that wait have to wait for others. What is there is passed."""
        while True:
            with self._lock:
                busy = {task.key for task in self._in_hand}
                task = next((one for one in self._waiting if one.key not in busy and self._may_merge(one)), None)
                if task is None:
                    return None
                self._waiting.remove(task)
                self._in_hand.append(task)
            is_to_read = task.parts is not None or self._begin(task)
            with self._lock:
                if is_to_read and self._may_merge(task):
                    if task.report.format == "trades_with_ids":
                        self._merging[task.report.symbol or ""] = task
                    return task
            self.put_down(task)

    def begin_chunk(self) -> None:
        """Hear that a new commit begins."""
        self._merging.clear()

    def put_down(self, task: Task) -> None:
        """Let a file go for now; one that is not at its end is the first to be taken again."""
        with self._lock:
            self._in_hand.remove(task)
            if not task.is_over:
                self._waiting.insert(0, task)

    def read(self, task: Task) -> Iterator[ParsedBlock]:
        """Yield what a file brings, part by part, until its end or its error, which is the file's own."""
        try:
            assert task.parts is not None  # noqa: S101 - taken in hand
            for taken in task.parts:
                task.heard(taken)
                if self.listener:
                    self.listener.read(task.report, taken.bytes_read)
                yield taken
            task.end()
        except KrakenCandlesError as error:
            self._fail(task, error)
        if self.listener:
            self.listener.read(task.report, task.report.size_bytes)

    def _may_merge(self, task: Task) -> bool:
        """Whether a file may come into this commit: dlt keeps out ids that are there, not ids that come in twice.

        One that nobody looked into waits, too: should the other be damaged, what is there of this one may go with it.
        """
        if task.report.format not in (None, "trades_with_ids"):
            return True
        return self._merging.get(task.report.symbol or "", task) is task

    def _begin(self, task: Task) -> bool:
        """Look into a file; False if there is nothing to read in it."""
        try:
            is_to_read = task.begin()
        except KrakenCandlesError as error:
            self._fail(task, error)
            is_to_read = False
        with self._lock:
            if is_to_read and task.report.edition_id in self._editions:
                if task.report.edition_id in self._failed_editions:
                    task.fail(ArchiveError(f"{task.report.place} is the same file as a damaged one; import it alone."))
                else:
                    task.pass_over()
                is_to_read = False
            self._editions.add(task.report.edition_id)
        if not is_to_read and self.listener:
            self.listener.read(task.report, task.report.size_bytes)
        return is_to_read

    def _fail(self, task: Task, error: KrakenCandlesError) -> None:
        _log.warning("%s", error)
        task.fail(error)

    def _symbol_of(self, member: Member, names: Names) -> str | None:
        """Return the symbol of a file that is wanted, None for one that is not."""
        wanted = self.request.symbols
        if member.altname is None:
            if len(wanted) == 1:
                return names.spelt(wanted[0])
            self.problems.append(
                f"{member.archive.name}: the market of {member.name} cannot be told from its name; name the one symbol "
                "that it is of with --symbols."
            )
            return None
        if wanted and not names.wants(member.altname, wanted):
            return None
        return names.symbol_of(member.altname) or member.altname

    def _warn_of_unknown(self, named: FoundNames, members: list[Member]) -> None:
        unknown = sorted({one.altname for one in members if one.altname and named.names.symbol_of(one.altname) is None})
        if unknown:
            why = "Kraken does not list them (any more)" if named.asked else "no market in this warehouse is called so"
            why = f"nobody could be asked ({named.trouble})" if named.trouble else why
            more = f" and {len(unknown) - 5:,} more" if len(unknown) > 5 else ""
            self.warnings.append(
                f"Imported under their altnames, for {why}: {', '.join(unknown[:5])}{more}. --symbol-map says how they "
                "are called, or import them again after a load: what comes later takes their place."
            )
