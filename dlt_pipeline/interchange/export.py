"""Candles and trades as files that others read, freqtrade's, CSV and Parquet: streamed, each whole or not at all."""

import gzip
import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import filelock
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from dlt_pipeline.common import program
from dlt_pipeline.common.exceptions import BadInputError, DiskFullError, LoadStoppedError, WarehouseError
from dlt_pipeline.common.threads import lock_folder, warehouse_key
from dlt_pipeline.common.time import When, timeframe_seconds, to_ns, utc_datetime, utc_of_ns
from dlt_pipeline.interchange.proven import Proven, UnprovenTime, open_proven
from dlt_pipeline.publishing.files import make_folder, put, sync
from dlt_pipeline.publishing.partitions import PREFIX, write_rows
from dlt_pipeline.publishing.settings import ROW_GROUP
from dlt_pipeline.warehouse.database import sql_digits, warehouse_path
from dlt_pipeline.warehouse.errors import explain

What = Literal["candles", "trades"]
Rows = Iterator[pa.RecordBatch]
FREQTRADE: Final = "freqtrade"
SUFFIXES: Final = {
    FREQTRADE: "feather",
    "freqtrade-json": "json",
    "freqtrade-jsongz": "json.gz",
    "csv": "csv",
    "parquet": "parquet",
}
LIST: Final = "kraken-candles-export.json"
REMOVED: Final = "trades_removed"
# What freqtrade turns into an underscore in a file's name, and all that may stand in one.
UNDERSCORED: Final = re.compile(r"[/ .@$+:]")
_NAME: Final = re.compile(r"[\w-]+")
# freqtrade resamples by weeks that begin on Monday what has 10,000 minutes and more, but for whole months (1M).
_MONDAY_WEEK: Final = "1w_monday"
_MONTH: Final = "1mo"
_LONGEST_SECONDS: Final = 10_000 * 60
# A decimal as text with all its digits, without the zeros behind and never with an exponent; the float64 next to it, by
# way of text, for a cast of the decimal itself rounds twice; and whether that float's shortest text is another decimal,
# which none of 15 digits has.
MACROS: Final = rf"""
    create or replace temp macro exact_text(x) as {sql_digits("x")};
    create or replace temp macro nearest(x) as cast(cast(x as varchar) as double);
    create or replace temp macro is_inexact(x) as case
        when x < 10000000 and x = round(x, 8) then 0
        else cast(cast(cast(nearest(x) as varchar) as decimal(38, 12)) is distinct from x as int)
    end;
    create or replace temp macro quoted(x) as case
        when x = '' or regexp_matches(x, '[",\r\n]') then '"' || replace(x, '"', '""') || '"' else x
    end;
"""
_CANDLE_COLUMNS: Final = (
    *("symbol", "timeframe", "bucket_start", "bucket_end", "open", "high", "low", "close", "base_volume"),
    *("quote_volume", "taker_buy_base_volume", "taker_buy_quote_volume", "vwap", "trade_count", "taker_buy_count"),
    *("first_trade_id", "last_trade_id", "is_empty", "is_closed_market"),
)
_TRADE_COLUMNS: Final = (
    *("symbol", "trade_id", "inferred_trade_id", "time_ns", "traded_at", "price", "volume", "side", "order_type"),
    *("misc", "source"),
)
_PRICES: Final = ("open", "high", "low", "close", "base_volume")
# freqtrade drops trades of one millisecond and id, so that each of those without one needs a name that no other has.
_NAMED_ID: Final = "time_ns || '-' || row_number() over (partition by time_ns, id is null order by price, volume, side)"
_ORDER: Final = {"candles": "bucket_start", "trades": "time_ns, id nulls last, price, volume, side"}


@dataclass
class Exported:
    """A file as it was written; of one without rows, which is not written, `row_count` is 0. Times are naive UTC.

    `gaps` is what it lacks because it is not proven, `inexact_count` how many prices and volumes no float64 tells,
    `named_count` to how many trades without an id a name of ours was given; `is_exact` is false where the candles came
    from published doubles.
    """

    path: Path
    symbol: str
    timeframe: str | None
    is_exact: bool
    gaps: Sequence[UnprovenTime]
    row_count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    inexact_count: int = 0
    named_count: int = 0
    query: str = field(default="", repr=False)

    def take(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Count the rows, and return them without the columns that are for counting."""
        if rows.num_rows:
            times = rows.column("at_ns")
            self.first_at = self.first_at or utc_of_ns(times[0].as_py())
            self.last_at = utc_of_ns(times[-1].as_py())
        self.row_count += rows.num_rows
        self.inexact_count += pc.sum(rows.column("inexact")).as_py() or 0
        self.named_count += pc.sum(rows.column("named")).as_py() or 0
        return rows.select(rows.schema.names[:-3])


def export(
    what: What,
    form: str,
    folder: str | Path,
    symbols: str | Sequence[str] = (),
    timeframes: str | Sequence[str] = (),
    start: When | None = None,
    end: When | None = None,
    *,
    overwrite: bool = False,
    warehouse: str | Path | None = None,
    stop: threading.Event | None = None,
) -> list[Exported]:
    """Write proven candles or trades (`what`) of [start, end), UTC, into the folder: a file a symbol and timeframe.

    `form` is freqtrade, freqtrade-json, freqtrade-jsongz (float64), csv or parquet (exact decimals). Without symbols
    (BTC/USD) all are taken, without timeframes (1h) all that are built, and freqtrade knows. `overwrite` replaces
    files, too, that no export wrote or that were changed since. `warehouse` is the DuckDB file (default:
    KRAKEN_CANDLES_WAREHOUSE or warehouse.duckdb here).

    Returns an Exported of each file; one without rows is not written. Nothing is written before all is checked:
    BadInputError for a symbol, timeframe or form that is not there, or a file in the way. LoadStoppedError once `stop`
    is set, DiskFullError, WarehouseError, and what says that nothing is loaded or built; files that stand stay.
    """
    if what not in ("candles", "trades") or form not in SUFFIXES:
        raise BadInputError(f"{what} as {form} cannot be exported: candles or trades as {', '.join(SUFFIXES)}.")
    named, sizes = ([each] if isinstance(each, str) else list(each) for each in (symbols, timeframes))
    if sizes and what == "trades":
        raise BadInputError("Trades have no timeframes: leave them out.")
    path, stopped = warehouse_path(warehouse), stop or threading.Event()
    return list(_export(what, named, sizes, form, Path(folder), start, end, overwrite, path, stopped))


def _export(
    what: What,
    symbols: Sequence[str],
    timeframes: Sequence[str],
    form: str,
    folder: Path,
    start: When | None,
    end: When | None,
    overwrite: bool,
    warehouse: Path,
    stop: threading.Event,
) -> Iterator[Exported]:
    first = None if start is None else utc_datetime(start, "The start").replace(tzinfo=None)
    last = None if end is None else utc_datetime(end, "The end").replace(tzinfo=None)
    if first and last and last <= first:
        raise BadInputError(f"The end {last} does not lie after the start {first} (UTC).")
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"{folder} is a file; name a folder to write into.")
    with (
        _sentences(folder),
        _partial_folder(folder) as beside,
        open_proven(warehouse, beside / "spill", what == "trades") as proven,
    ):
        proven.connection.execute(MACROS)
        found = [proven.spelt(symbol) for symbol in dict.fromkeys(symbols)] or list(proven.timeframes)
        bounds = (first, last)
        jobs = [job for symbol in found for job in _jobs(proven, what, symbol, timeframes, form, folder, bounds)]
        _refuse_same_names(jobs)
        # Another export into the folder may write its files and their list meanwhile.
        lock = filelock.FileLock(lock_folder() / f"export-{warehouse_key(folder.resolve())}.lock")
        with lock:
            _refuse_strange(folder, jobs, overwrite)
        for job in jobs:
            reader = proven.connection.sql(job.query).to_arrow_reader(ROW_GROUP)
            schema = pa.schema(list(reader.schema)[:-3])
            written = beside / job.path.name
            _WRITERS[form](written, _counted(reader, job, stop), schema, _said(job))
            if job.row_count:
                digest = _digest(written)
                with lock:
                    # The list first, and both on the disk before: what is not listed would not be known for ours.
                    put(_list_with(folder, beside, job, digest), folder / LIST)
                    put(written, job.path)
            yield job


def file_name(symbol: str, what: str, suffix: str) -> str:
    """Return what freqtrade calls the file of a symbol (BTC/USD) and a timeframe or `trades`: BTC_USD-1h.feather."""
    name = UNDERSCORED.sub("_", symbol)
    if not _NAME.fullmatch(name):
        raise BadInputError(f"The symbol {symbol!r} cannot be the name of a file; leave it out.")
    return f"{name}-{what}.{suffix}"


def _jobs(
    proven: Proven,
    what: What,
    symbol: str,
    timeframes: Sequence[str],
    form: str,
    folder: Path,
    bounds: tuple[datetime | None, datetime | None],
) -> Iterator[Exported]:
    suffix, is_freqtrade = SUFFIXES[form], form.startswith(FREQTRADE)
    if what == "trades":
        start_ns, end_ns = (None if at is None else to_ns(at, "The bound") for at in bounds)
        rows = proven.trades(symbol, proven.spans(symbol, start_ns or 0, end_ns or 2**62))
        gaps = [*proven.gaps(symbol, *bounds), *_days(proven.removed_days(symbol), bounds)]
        path = folder / file_name(symbol, "trades", suffix)
        yield Exported(path, symbol, None, True, gaps, query=_trades_query(proven, rows, form))
        return
    for name in timeframes or [each for each in proven.timeframes[symbol] if not is_freqtrade or _freqtrades(each)]:
        taken = _freqtrades(name) if is_freqtrade else name
        if taken is None:
            raise BadInputError(
                f"freqtrade cannot read candles of {name}: it takes all that are so long for weeks or months."
            )
        proven.check_timeframe(symbol, taken)
        called = {_MONDAY_WEEK: "1w", _MONTH: "1Mo"}.get(taken, taken) if is_freqtrade else name
        gaps = [*proven.gaps(symbol, *bounds), *_days(proven.absent_days(symbol, taken), bounds)]
        path = folder / file_name(symbol, called, suffix)
        query = _candles_query(proven, proven.candles(symbol, taken, *bounds), form)
        yield Exported(path, symbol, name, proven.is_exact, gaps, query=query)


def _freqtrades(timeframe: str) -> str | None:
    """Return which of our timeframes freqtrade takes for this one, None where it has none."""
    if timeframe in ("1w", _MONDAY_WEEK):
        return _MONDAY_WEEK
    if timeframe in (_MONTH, "1M", "1Mo"):
        return _MONTH
    with suppress(BadInputError):
        return timeframe if timeframe_seconds(timeframe) < _LONGEST_SECONDS else None
    return None


def _days(days: Sequence[date], bounds: tuple[datetime | None, datetime | None]) -> Iterator[UnprovenTime]:
    """Yield the days within the bounds, those that follow one another as one."""
    first: datetime | None = None
    starts = [datetime(day.year, day.month, day.day) for day in days]  # noqa: DTZ001 - naive UTC as in the warehouse
    day = timedelta(days=1)
    inside = [at for at in starts if (not bounds[0] or at + day > bounds[0]) and (not bounds[1] or at < bounds[1])]
    for at, following in zip(inside, [*inside[1:], None], strict=False):
        first = first or at
        if following != at + day:
            yield UnprovenTime(first, at + day, REMOVED)
            first = None


def _candles_query(proven: Proven, rows: str, form: str) -> str:
    counts = "epoch_ns(bucket_start) as at_ns, {} as inexact, 0 as named"
    if not form.startswith(FREQTRADE):
        picked = _plain(proven, rows, _CANDLE_COLUMNS, form)
        return f"select {picked}, {counts.format(0)} from ({rows}) as rows order by {_ORDER['candles']}"  # noqa: S608
    inexact = counts.format(" + ".join(f"is_inexact({name})" for name in _PRICES))
    numbers = [f"nearest({name})" for name in _PRICES]
    if form == FREQTRADE:
        names = ("open", "high", "low", "close", "volume")
        picked = ", ".join(f"{each} as {name}" for each, name in zip(numbers, names, strict=True))
        picked = f"cast(bucket_start as timestamp_ms) as date, {picked}"
    else:
        texts = [f"cast({each} as varchar)" for each in numbers]
        picked = f"concat('[', concat_ws(',', epoch_ms(bucket_start), {', '.join(texts)}), ']') as line"
    # Empty buckets without prices are left out, as freqtrade's own files leave them out.
    query = f"select {picked}, {inexact} from ({rows}) as rows where open is not null"  # noqa: S608
    return f"{query} order by {_ORDER['candles']}"


def _trades_query(proven: Proven, rows: str, form: str) -> str:
    counts = "time_ns as at_ns, {} as inexact, {} as named"
    if not form.startswith(FREQTRADE):
        picked = _plain(proven, rows, _TRADE_COLUMNS, form)
        return f"select {picked}, {counts.format(0, 0)} from ({rows}) as rows order by {_ORDER['trades']}"  # noqa: S608
    has_nameless = proven.connection.execute(f"select 1 from ({rows}) as rows where id is null limit 1").fetchall()  # noqa: S608
    name = f"case when id is null then {_NAMED_ID} else cast(id as varchar) end" if has_nameless else "id::varchar"
    values = {
        "timestamp": "time_ns // 1000000",
        "id": name,
        "type": "order_type",
        "side": "side",
        "price": "nearest(price)",
        "amount": "nearest(volume)",
        "cost": "nearest(price * volume)",
    }
    if form == FREQTRADE:
        picked = ", ".join(f"{value} as {column}" for column, value in values.items())
    else:
        texts = [
            f"to_json({value})" if column in ("id", "type", "side") else f"cast({value} as varchar)"
            for column, value in values.items()
        ]
        picked = (
            f"concat('[', concat_ws(',', {', '.join(f'coalesce({text}, $$null$$)' for text in texts)}), ']') as line"
        )
    inexact = counts.format("is_inexact(price) + is_inexact(volume)", "cast(id is null as int)")
    return f"select {picked}, {inexact} from ({rows}) as rows order by {_ORDER['trades']}"  # noqa: S608


def _plain(proven: Proven, rows: str, names: Sequence[str], form: str) -> str:
    """Return the columns as they are, or for CSV as a line of plain text, which the header names."""
    if form != "csv":
        return ", ".join(names)
    described = proven.connection.sql(rows)
    kinds = {name: str(kind) for name, kind in zip(described.columns, described.types, strict=True)}
    texts = {"DECIMAL": "exact_text({0})", "TIMESTAMP": "strftime({0}, '%Y-%m-%dT%H:%M:%SZ')", "VARCHAR": "quoted({0})"}
    forms = {name: texts.get(kinds[name].partition("(")[0], "cast({0} as varchar)") for name in names}
    forms["traded_at"] = "strftime({0}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    values = (f"coalesce({forms[name].format(name)}, '')" for name in names)
    return f"""concat_ws(',', {", ".join(values)}) as "{",".join(names)}\""""


def _counted(reader: pa.RecordBatchReader, job: Exported, stop: threading.Event) -> Rows:
    for rows in reader:
        if stop.is_set():
            raise LoadStoppedError(f"Stopped; files that were finished stay, {job.path.name} was not.")
        yield job.take(rows)


def _said(job: Exported) -> dict[str, str]:
    values = {"version": program(), "symbol": job.symbol, "timeframe": job.timeframe or "trades"}
    return {PREFIX + name: value for name, value in values.items()}


def _write_parquet(path: Path, rows: Rows, schema: pa.Schema, said: dict[str, str]) -> None:
    write_rows(path, rows, schema, said)


def _write_feather(path: Path, rows: Rows, schema: pa.Schema, said: dict[str, str]) -> None:
    kinds = [pa.field(each.name, pa.timestamp("ms", "UTC")) if each.name == "date" else each for each in schema]
    schema = pa.schema(kinds, said)
    options = ipc.IpcWriteOptions(compression="lz4")
    with ipc.new_file(path, schema, options=options) as writer:
        for batch in rows:
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))


def _write_csv(path: Path, rows: Rows, schema: pa.Schema, _said: dict[str, str]) -> None:
    with path.open("wb") as file:
        file.write(f"{schema.names[0]}\n".encode())
        for batch in rows:
            file.write("".join(f"{line}\n" for line in batch.column(0).to_pylist()).encode())


def _write_json(path: Path, rows: Rows, _schema: pa.Schema, _said: dict[str, str], is_packed: bool = False) -> None:
    # The same rows are the same bytes: neither a name nor a time stands in the packed file.
    with path.open("wb") as plain, gzip.GzipFile("", "wb", 6, plain, 0) if is_packed else plain as file:
        ahead = b"["
        for batch in rows:
            if batch.num_rows:
                file.write(ahead + ",".join(batch.column(0).to_pylist()).encode())
                ahead = b","
        file.write(b"]")


_WRITERS: Final[dict[str, Any]] = {
    FREQTRADE: _write_feather,
    "freqtrade-json": _write_json,
    "freqtrade-jsongz": partial(_write_json, is_packed=True),
    "csv": _write_csv,
    "parquet": _write_parquet,
}


def _refuse_same_names(jobs: Sequence[Exported]) -> None:
    by_path: dict[Path, Exported] = {}
    for job in jobs:
        other = by_path.setdefault(job.path, job)
        if other is not job:
            both = " and ".join(f"{each.symbol} {each.timeframe or 'trades'}" for each in (other, job))
            raise BadInputError(f"{both} would both be {job.path.name}; write one of them into another folder.")


def _refuse_strange(folder: Path, jobs: Sequence[Exported], overwrite: bool) -> None:
    """Refuse to replace a file that no export wrote, or that was changed since."""
    known = _listed(folder)
    for job in jobs:
        if job.path.exists() and not overwrite:
            said = known.get(job.path.name, {})
            if not job.path.is_file() or _digest(job.path) not in (said.get("sha256"), said.get("replaces")):
                raise BadInputError(
                    f"{job.path} is there and is not as an export wrote it; nothing was written. Name another folder, "
                    "or say --overwrite to replace it."
                )


def _listed(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _list_with(folder: Path, beside: Path, job: Exported, digest: str) -> Path:
    """Write the folder's list anew: what the file holds and lacks, and by what a later export knows it for ours."""
    said = {
        "symbol": job.symbol,
        "timeframe": job.timeframe,
        "rows": job.row_count,
        "first_at": f"{job.first_at}Z",
        "last_at": f"{job.last_at}Z",
        "gaps": [{"from": f"{gap.starts}Z", "to": f"{gap.ends}Z", "reason": gap.reason} for gap in job.gaps],
        "inexact": job.inexact_count,
        "sha256": digest,
        "replaces": _digest(job.path) if job.path.is_file() else None,  # a kill leaves the file that it replaces
        "written_by": program(),
        "written_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    listed = _listed(folder) | {job.path.name: said}
    written = beside / LIST
    written.write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sync(written)
    return written


@contextmanager
def _partial_folder(folder: Path) -> Iterator[Path]:
    """Give a folder for what is being written, on the same disk; what killed exports left there goes."""
    is_new = not folder.exists()
    make_folder(folder)
    for left in folder.glob(".kraken-candles-*.partial"):
        number = left.name.removeprefix(".kraken-candles-").partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    beside = Path(tempfile.mkdtemp(".partial", f".kraken-candles-{os.getpid()}-", folder))
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        with suppress(OSError):  # something stands in it
            if is_new:
                folder.rmdir()


@contextmanager
def _sentences(folder: Path) -> Iterator[None]:
    """Turn what the system or a library says into a sentence about the folder."""
    try:
        yield
    except (OSError, duckdb.Error, pa.ArrowException) as error:
        if "No space left" in str(error):
            raise DiskFullError(
                f"No space is left to write into {folder}; files that were finished stay. Free some space and run the "
                "same command again."
            ) from error
        first = (str(error).splitlines() or [type(error).__name__])[0]
        known = explain(error, folder, "--output")
        raise known or WarehouseError(
            f"Writing into {folder} failed: {first}. Files that were finished stay."
        ) from error
