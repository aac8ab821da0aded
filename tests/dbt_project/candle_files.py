"""OHLCVT files as the importer leaves them in the raw tables."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa

from dlt_pipeline.archive.raw_tables import ARCHIVE_SCHEMAS
from tests.archive.exported import MINUTES, SECOND, Candle
from tests.dbt_project import raw

Rows = dict[str, list[dict[str, Any]]]


@dataclass
class CandleFile:
    """A file of candles of one length; `refused` are row numbers that could not be taken in, `cuts` begin a part."""

    symbol: str
    minutes: int
    candles: Sequence[Candle]
    imported_at: datetime
    number: int  # told apart by it; parts of later files have higher ids
    refused: Collection[int] = ()
    cuts: Collection[int] = ()
    content_hash: str = ""
    altname: str = ""

    def rows(self) -> Rows:
        """Return its rows by raw table, without a load id."""
        taken = [number for number in range(1, len(self.candles) + 1) if number not in self.refused]
        breaks = [at for at, (a, b) in enumerate(pairwise(taken), 1) if b != a + 1 or b in self.cuts]
        borders = [0, *breaks, len(taken)] if taken else [0]
        runs = [taken[a:b] for a, b in pairwise(borders)]
        parts = [self._part(run, self.number * 1000 + place) for place, run in enumerate(runs)]
        return {
            "archive_candles": [
                self._candle(number, part["part_id"]) for run, part in zip(runs, parts, strict=True) for number in run
            ],
            "archive_parts": parts,
            "archive_refused_rows": [self._refused(number) for number in sorted(self.refused)],
            "archive_files": [self._file(parts)],
        }

    @property
    def _size_ns(self) -> int:
        return self.minutes * 60 * SECOND

    def _name(self, kind: str = "candles") -> dict[str, Any]:
        return {"edition_id": self.number, "symbol": self.symbol, "format": kind, "timeframe": MINUTES[self.minutes]}

    def _start_ns(self, number: int) -> int:
        return self.candles[number - 1].bucket_start * SECOND

    def _candle(self, number: int, part_id: int) -> dict[str, Any]:
        candle = self.candles[number - 1]
        return {
            "symbol": self.symbol,
            "edition_id": self.number,
            "part_id": part_id,
            "row_number": number,
            "timeframe": MINUTES[self.minutes],
            "timeframe_seconds": self.minutes * 60,
            "bucket_start": raw.timestamp(self._start_ns(number)),
            "open": Decimal(candle.open),
            "high": Decimal(candle.high),
            "low": Decimal(candle.low),
            "close": Decimal(candle.close),
            "base_volume": Decimal(candle.volume),
            "trade_count": candle.trades,
            "base_volume_text": candle.volume,
        }

    def _part(self, run: Sequence[int], part_id: int) -> dict[str, Any]:
        starts = [self._start_ns(number) for number in run]
        return self._name() | {
            "part_id": part_id,
            "first_row": run[0],
            "last_row": run[-1],
            "row_count": len(run),
            "idless_count": len(run),
            "base_volume": sum((Decimal(self.candles[number - 1].volume) for number in run), Decimal(0)),
            "first_time_ns": min(starts),
            "last_time_ns": max(starts),
            "first_trade_id": None,
            "last_trade_id": None,
            "covered_from_ns": starts[0],
            "covered_to_ns": starts[-1] + self._size_ns,
            "next_row": run[-1] + 1,
            "next_byte": 0,
            "taken_at": self.imported_at,
        }

    def _refused(self, number: int) -> dict[str, Any]:
        texts = {"archive": "ohlcvt.zip", "member": "x.csv", "reason": "broken", "line": "?"}
        place = {"row_number": number, "line_number": number, "refused_at": self.imported_at}
        return {"edition_id": self.number, "symbol": self.symbol} | texts | place

    def _file(self, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        starts = [self._start_ns(number) for number in range(1, len(self.candles) + 1)]
        return self._name() | {
            "altname": self.altname or self.symbol.replace("/", ""),
            "archive": "ohlcvt.zip",
            "member": f"{self.symbol.replace('/', '')}_{self.minutes}.csv",
            "size_bytes": 1,
            "crc32": self.number,
            "content_hash": self.content_hash or str(self.number),
            "row_count": sum(part["row_count"] for part in parts),
            "refused_count": len(self.refused),
            "left_out_count": 0,
            "base_volume": sum((part["base_volume"] for part in parts), Decimal(0)),
            "first_time_ns": min((part["first_time_ns"] for part in parts), default=None),
            "last_time_ns": max((part["last_time_ns"] for part in parts), default=None),
            "wanted_from_ns": None,
            "wanted_to_ns": None,
            "covered_from_ns": parts[0]["covered_from_ns"] if parts else 0,
            "covered_to_ns": parts[-1]["covered_to_ns"] if parts else 0,
            "is_ascending": starts == sorted(starts),
            "is_whole_days": False,
            "imported_at": self.imported_at,
        }


def arrow(table: str, rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Return rows of a raw table of archives as the loader has them."""
    return pa.Table.from_pylist(list(rows), schema=ARCHIVE_SCHEMAS[table])
