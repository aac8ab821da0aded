"""What holds from row to row of a file: whether times, ids and buckets ascend, and places of equal moments."""

import time
from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.archive.parser import Parsed, Refused, shown

# Kraken's own stamps of neighbours may stand in the wrong order by a little; a row that is further off is broken.
FAR_NS: Final = 60 * 10**9
# For clocks that are wrong, and zones.
_AHEAD_NS: Final = 86_400 * 10**9
_EARLIEST_NS: Final = 1_293_840_000 * 10**9  # 2011-01-01; Kraken was founded in that year


class Order:
    """Goes along with the blocks of one file, from its first row."""

    def __init__(self, kind: str) -> None:
        """Begin before the first row."""
        self._kind = kind
        self.is_ascending = True
        self._last_time_ns = -1
        self._last_key = 0 if kind == "trades_with_ids" else -1  # an id, or of candles the bucket's start
        self._last_idless_ns = -1
        self._last_id = 0
        self._idless_count = 0
        self._latest_ns = time.time_ns() + _AHEAD_NS

    def holds(self, parsed: Parsed) -> bool:
        """Take the rows in; whether ids, buckets and times ascend as they must. If not, nothing was taken in.

        Times may go back by FAR_NS at the most, and none lies in the future or before Kraken. Rows without an id are
        told apart by their time and their place in it, so their times must not go back.
        """
        times = parsed.columns["time_ns"]
        if not len(times):
            return True
        if not self._could_be(pc.min(times).as_py(), pc.max(times).as_py()) or self._goes_far_back(times):
            return False
        keys, idless = self._keys(parsed.columns)
        if len(keys) and (keys[0].as_py() <= self._last_key or not _ascends(keys, strictly=True)):
            return False
        if len(idless) and (idless[0].as_py() < self._last_idless_ns or not _ascends(idless, strictly=False)):
            return False
        self._last_key = keys[-1].as_py() if len(keys) else self._last_key
        self._follow(times)
        return True

    def sifted(self, parsed: Parsed, data: bytes) -> Parsed:
        """Take the rows in that ascend, and refuse the others; `data` are the lines that they were read from."""
        times = parsed.columns["time_ns"].to_pylist()
        trade_ids = parsed.columns.get("trade_id")
        keys = times if trade_ids is None else trade_ids.to_pylist()
        offsets = parsed.offsets if parsed.offsets is not None else list(range(parsed.row_count))
        lines = data.split(b"\n")
        kept: list[int] = []
        refused = list(parsed.refused)
        idless_ns, last_ns = self._last_idless_ns, self._last_time_ns
        for place, (offset, key, time_ns) in enumerate(zip(offsets, keys, times, strict=True)):
            after = slice(place + 1, place + 2)
            reason = self._out_of_order(key, time_ns, idless_ns) or self._leaps(
                (self._last_key, last_ns), (key, time_ns), next(zip(keys[after], times[after], strict=True), None)
            )
            if reason:
                line = parsed.lines[offset]
                refused.append(Refused(offset, line, reason, shown(lines[line])))
                continue
            kept.append(place)
            last_ns = time_ns
            if key or self._kind == "candles":
                self._last_key = key
            else:
                idless_ns = time_ns
        chosen = pa.array(kept, pa.int64())
        columns = {name: column.take(chosen) for name, column in parsed.columns.items()}
        if kept:
            self._follow(columns["time_ns"])
        refused.sort(key=lambda one: one.offset)
        return Parsed(columns, parsed.row_count, [offsets[place] for place in kept], refused, parsed.lines)

    def places(self, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """Return, of rows of which some may have no id, the place among those of the same moment and the id before.

        Both are 0 for a row with an id, as Kraken's Trades endpoint's rows are counted.
        """
        trade_ids, times = columns["trade_id"], columns["time_ns"]
        if not len(trade_ids) or pc.min(trade_ids).as_py() > 0:
            self._last_id = trade_ids[-1].as_py() if len(trade_ids) else self._last_id
            zeros = pa.repeat(pa.scalar(0, pa.int64()), len(trade_ids))
            return {"place": zeros, "after_trade_id": zeros}
        places, after = [], []
        for trade_id, time_ns in zip(trade_ids.to_pylist(), times.to_pylist(), strict=True):
            if trade_id:
                self._last_id = trade_id
                places.append(0)
                after.append(0)
                continue
            self._idless_count = self._idless_count + 1 if time_ns == self._last_idless_ns else 1
            self._last_idless_ns = time_ns
            places.append(self._idless_count)
            after.append(self._last_id)
        return {"place": pa.array(places, pa.int64()), "after_trade_id": pa.array(after, pa.int64())}

    def _keys(self, columns: Mapping[str, pa.Array]) -> tuple[pa.Array, pa.Array]:
        """Return what must ascend strictly, and the times of rows without an id, which must not go back."""
        times = columns["time_ns"]
        if self._kind == "candles":
            return times, times[:0]
        if self._kind == "trades_with_ids":
            has_id = pc.greater(columns["trade_id"], 0)
            return columns["trade_id"].filter(has_id), times.filter(pc.invert(has_id))
        return times[:0], times[:0]

    def _out_of_order(self, key: int, time_ns: int, idless_ns: int) -> str | None:
        if self._kind == "trades":
            return None
        if self._kind == "trades_with_ids" and not key:
            return None if time_ns >= idless_ns else "it has no trade id, and its time goes back"
        if key > self._last_key:
            return None
        what = "bucket" if self._kind == "candles" else "trade id"
        return f"its {what} does not come after the one before it: it stands twice or in the wrong place"

    def _could_be(self, first_ns: int, last_ns: int) -> bool:
        return first_ns >= _EARLIEST_NS and last_ns <= self._latest_ns

    def _goes_far_back(self, times: pa.Array) -> bool:
        if self._kind == "candles":
            return False
        steps = pc.min(pc.subtract(times[1:], times[:-1])).as_py()
        return times[0].as_py() < self._last_time_ns - FAR_NS or (steps is not None and steps < -FAR_NS)

    def _leaps(self, before: tuple[int, int], row: tuple[int, int], after: tuple[int, int] | None) -> str | None:
        """Say why a row (its key and time) is broken though it comes after the one before it, if it is.

        Where the row behind it goes on from the one before it, that one is right and this one leaps ahead.
        """
        (last_key, last_ns), (key, time_ns) = before, row
        if not self._could_be(time_ns, time_ns):
            return "its time lies in the future, or before Kraken"
        if self._kind != "candles" and time_ns < last_ns - FAR_NS:
            return "its time lies far before that of the row before it"
        if after is None:
            return None
        if self._kind != "trades" and last_key < after[0] < key:
            what = "bucket" if self._kind == "candles" else "trade id"
            return f"its {what} lies behind that of the row after it"
        if self._kind != "candles" and last_ns - FAR_NS <= after[1] < time_ns - FAR_NS:
            return "its time lies far behind that of the row after it"
        return None

    def _follow(self, times: pa.Array) -> None:
        if times[0].as_py() < self._last_time_ns or not _ascends(times, strictly=False):
            self.is_ascending = False
        self._last_time_ns = times[-1].as_py()


def _ascends(values: pa.Array, strictly: bool) -> bool:
    compare = pc.greater if strictly else pc.greater_equal
    return len(values) < 2 or bool(pc.all(compare(values[1:], values[:-1])).as_py())
