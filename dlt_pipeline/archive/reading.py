"""TEMPORARY thin version until reading is merged."""

import time, zipfile, zlib, hashlib
from dataclasses import dataclass
from decimal import Decimal
import numpy as np, pyarrow as pa, pyarrow.csv as pc, pyarrow.compute as c
from dlt_pipeline.archive.tables import ARCHIVE_SCHEMAS
from dlt_pipeline.exceptions import ArchiveError

D = pa.decimal128(38, 12)
NS = 10**9
TF = {1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 720: "12h", 1440: "1d"}


@dataclass
class Taken:
    tables: dict
    bytes_read: int


@dataclass
class Reading:
    symbol: str
    format: str
    timeframe: str | None
    edition_id: int
    bounds: tuple
    is_whole_days: bool
    begun: object
    new_part_id: object


def look(member):
    with member.open() as f:
        line = f.readline().decode()
    if not line:
        return "candles" if member.minutes else "trades", TF.get(member.minutes)
    n = line.count(",") + 1
    if n == 3:
        return "trades", None
    if n == 7:
        return "candles", TF[member.minutes]
    raise ArchiveError(f"{member.name}: unknown header {line!r}")


def now():
    return int(time.time() * 1e6)


def tab(name, row):
    s = ARCHIVE_SCHEMAS[name]
    return pa.Table.from_arrays([pa.array([row.get(f.name)], f.type) for f in s], schema=s)


def read_parts(member, plan):
    n, vol, first, cov = 0, Decimal(0), None, None
    skip = 0
    if plan.begun:
        n = skip = plan.begun.last_row
        vol = plan.begun.base_volume
        first, cov = plan.begun.first_time_ns, plan.begun.covered_from_ns
        prev_to = plan.begun.covered_to_ns
    last = None
    seen = 0
    names = ["s", "p", "v"]
    blank = member.size_bytes == 0
    try:
        if not blank:
            f = member.open()
            r = pc.open_csv(
                f,
                read_options=pc.ReadOptions(column_names=names, block_size=int(__import__("os").environ.get("SOURCES__ARCHIVE__BLOCK_BYTES", 4 << 20))),
                convert_options=pc.ConvertOptions(column_types={"s": pa.int64(), "p": D, "v": D}),
            )
            pend = None
            batches = iter(r)
            nxt = next(batches, None)
            while nxt is not None:
                b, nxt = nxt, next(batches, None)
                k0 = seen
                seen += b.num_rows
                if seen <= skip:
                    continue
                if k0 < skip:
                    b = b.slice(skip - k0)
                    k0 = skip
                k = b.num_rows
                pid = plan.new_part_id()
                ns = c.multiply(b["s"], NS)
                t = pa.Table.from_arrays(
                    [
                        pa.array([plan.symbol]).take(pa.array(np.zeros(k, dtype="int32"))),
                        pa.array(np.full(k, plan.edition_id)),
                        pa.array(np.full(k, pid)),
                        pa.array(np.arange(k0 + 1, k0 + k + 1)),
                        ns,
                        c.divide(b["s"], 86400).cast(pa.int32()).cast(pa.date32()),
                        b["p"],
                        b["v"],
                    ],
                    schema=ARCHIVE_SCHEMAS["archive_trades"],
                )
                lo, hi = ns[0].as_py(), ns[-1].as_py()
                if first is None:
                    first = lo
                    cov = lo
                    prev_to = lo
                to = hi if nxt is not None else hi + NS
                pv = c.sum(b["v"]).as_py()
                part = dict(
                    edition_id=plan.edition_id,
                    part_id=pid,
                    symbol=plan.symbol,
                    format=plan.format,
                    timeframe=None,
                    first_row=k0 + 1,
                    last_row=k0 + k,
                    row_count=k,
                    idless_count=k,
                    base_volume=pv,
                    first_time_ns=lo,
                    last_time_ns=hi,
                    covered_from_ns=prev_to,
                    covered_to_ns=to,
                    next_row=k0 + k + 1,
                    next_byte=0,
                    taken_at=now(),
                )
                prev_to = to
                last = hi
                n += k
                vol += pv
                tables = {"archive_trades": t, "archive_parts": tab("archive_parts", part)}
                if nxt is None:
                    break
                yield Taken(tables, min(member.size_bytes, seen * 30))
        else:
            tables = {}
    except (zlib.error, zipfile.BadZipFile, EOFError, pa.ArrowInvalid, OSError) as e:
        raise ArchiveError(f"{member.name} is damaged: {e}") from e
    tables["archive_files"] = tab(
        "archive_files",
        dict(
            edition_id=plan.edition_id,
            symbol=plan.symbol,
            altname=member.altname or "",
            format=plan.format,
            timeframe=plan.timeframe,
            archive=str(member.archive),
            member=member.name,
            size_bytes=member.size_bytes,
            crc32=member.crc32,
            content_hash=hashlib.sha256(str(member.crc32).encode()).hexdigest(),
            row_count=n,
            refused_count=0,
            left_out_count=0,
            base_volume=vol,
            first_time_ns=first,
            last_time_ns=last,
            covered_from_ns=cov or 0,
            covered_to_ns=prev_to if first else 0,
            is_ascending=True,
            is_whole_days=plan.is_whole_days,
            imported_at=now(),
        ),
    )
    yield Taken(tables, member.size_bytes)
