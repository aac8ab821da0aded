"""One file on its way into the warehouse: what it is, where reading goes on, and what came of it."""

import itertools
import time
from collections.abc import Iterator
from decimal import Decimal

import pyarrow.compute

from dlt_pipeline.archive.edition import edition_id_of
from dlt_pipeline.archive.import_settings import ImportSettings
from dlt_pipeline.archive.members import Member
from dlt_pipeline.archive.reading import Reading, Taken, look, read_parts
from dlt_pipeline.archive.report import FileReport
from dlt_pipeline.archive.request import ArchiveRequest
from dlt_pipeline.archive.stored import Stored
from dlt_pipeline.common.exceptions import KrakenCandlesError

_part_ids = itertools.count(time.time_ns())


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
        self.parts: Iterator[Taken] | None = None
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

    def heard(self, taken: Taken) -> None:
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
