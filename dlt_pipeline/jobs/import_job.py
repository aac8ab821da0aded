"""An import of an archive as a job: imported as the command does, then built with the others."""

import os
import threading
from pathlib import Path
from typing import Any

from dlt_pipeline.archive.importing import import_request
from dlt_pipeline.archive.report import ImportReport
from dlt_pipeline.archive.symbols import ArchiveRequest, read_symbol_map
from dlt_pipeline.common.exceptions import ArchiveError, LoadStoppedError
from dlt_pipeline.jobs.job import Job
from dlt_pipeline.warehouse.database import open_warehouse, size_of

# As the command's option; a password is not written down with a job.
PASSWORD_NAME = "KRAKEN_CANDLES_ARCHIVE_PASSWORD"  # noqa: S105 - the name of it


def import_of_job(job: Job, path: Path, stop: threading.Event) -> dict[str, Any]:
    """Import the job's archive and return what to write down of the job.

    Raises ArchiveError if any file of it has a problem (the others are in the warehouse), LoadStoppedError if stopped.
    """
    options = job.parsed
    request = ArchiveRequest(
        paths=(Path(job.symbol),),
        symbols=tuple((options.symbols or "").replace(",", " ").split()),
        start_ns=job.start_ns,
        end_ns=job.end_ns,
        symbol_map=read_symbol_map(Path(options.symbol_map)) if options.symbol_map else {},
        password=os.environ.get(PASSWORD_NAME),
        is_whole_days=options.whole_days,
    )
    before = size_of(path)
    report = import_request(request, warehouse=path, stop=stop)
    if report.is_stopped:
        raise LoadStoppedError("Stopped; what is imported stays.")
    if report.problems:
        raise ArchiveError(_told(report.problems))
    return {
        "phase": "building",
        "trades": job.trades + report.rows,
        "bytes": job.bytes + max(0, size_of(path) - before),
        "summary": _summary(report),
    }


def lost_of_import(path: Path, job: Job) -> str | None:
    """Say of which of the archive's files the built tables do not have all; None if they do."""
    query = (
        "select member, trade_difference, volume_difference from kraken.check_import where is_current "
        "and (archive = $archive or starts_with(archive, $archive || '/')) "
        "and (trade_difference <> 0 or volume_difference <> 0) order by member"
    )
    with open_warehouse(path, read_only=True) as connection:
        found = connection.execute(query, {"archive": job.symbol}).fetchall()
    if not found:
        return None
    member, trades, volume = found[0]
    more = f", and {len(found) - 1:,} files more" if len(found) > 1 else ""
    return (
        f"{member} of {job.symbol}: {trades:,} trades with a volume of {volume:f} are in the file and not in the "
        f"warehouse{more} (kraken.check_import)."
    )


def _summary(report: ImportReport) -> str:
    known = sum(one.outcome == "already there" for one in report.files)
    said = f"{report.rows:,} rows imported of {len(report.files) - known:,} file(s)"
    return said + (f", {known:,} there already" if known else "")


def _told(problems: list[str]) -> str:
    more = f" ... and {len(problems) - 3:,} problems more" if len(problems) > 3 else ""
    return " ".join(problems[:3]) + more + " The other files are imported; `kraken-candles build` makes their candles."
