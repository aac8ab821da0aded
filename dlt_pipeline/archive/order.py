"""What holds from row to row of a file: whether times go back, whether ids and buckets ascend, and places of equal moments."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.archive.columns import Parsed, Refused, shown


class Order:
    """Goes along with the blocks of one file."""

    def __init__(self, kind: str) -> None:
        """Begin before the first row."""
        self._kind = kind
        self.is_ascending = True
        self.last_time_ns = -1
        self._last_key = 0 if kind == "trades_with_ids" else -1  # an id, or of candles the bucket's start
        self._last_id = 0
        self._idless_time_ns, self._idless_count = -1, 0

    def prime(self, columns: Mapping[str, pa.Array]) -> None:
        """Learn what the rows before the first one were."""
        if self._kind == "trades_with_ids":
            self.places(columns["trade_id"], columns["time_ns"])
            with_id = columns["trade_id"].filter(pc.greater(columns["trade_id"], 0))
            self._last_key = with_id[-1].as_py() if len(with_id) else self._last_key
        elif self._kind == "candles" and len(columns["time_ns"]):
            self._last_key = columns["time_ns"][-1].as_py()

    def holds(self, parsed: Parsed) -> bool:
        """Take the rows in; whether ids, or buckets, ascend as they must. If not, nothing was taken in."""
        times = parsed.columns["time_ns"]
        if not len(times):
            return True
        keys = self._keys(parsed)
        if keys is not None and len(keys):
            if keys[0].as_py() <= self._last_key or not _ascends(keys, strictly=True):
                return False
            self._last_key = keys[-1].as_py()
        self._follow(times)
        return True

    def sifted(self, parsed: Parsed, data: bytes) -> Parsed:
        """Take the rows in that ascend, and refuse the others; `data` are the lines that they were read from."""
        keys = parsed.columns["time_ns" if self._kind == "candles" else "trade_id"].to_pylist()
        offsets = parsed.offsets if parsed.offsets is not None else list(range(parsed.row_count))
        lines = data.split(b"\n")
        what = "bucket" if self._kind == "candles" else "trade id"
        kept: list[int] = []
        refused = list(parsed.refused)
        for place, (offset, key) in enumerate(zip(offsets, keys, strict=True)):
            if key > self._last_key or (key == 0 and self._kind == "trades_with_ids"):
                kept.append(place)
                self._last_key = max(key, self._last_key)
            else:
                line = parsed.lines[offset]
                reason = f"its {what} does not come after the one before it: it stands twice or in the wrong place"
                refused.append(Refused(offset, line, reason, shown(lines[line])))
        chosen = pa.array(kept, pa.int64())
        columns = {name: column.take(chosen) for name, column in parsed.columns.items()}
        if kept:
            self._follow(columns["time_ns"])
        refused.sort(key=lambda one: one.offset)
        return Parsed(columns, parsed.row_count, [offsets[place] for place in kept], refused, parsed.lines)

    def places(self, trade_ids: pa.Array, times: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Return, of rows of which some may have no id, the place among those of the same moment and the id before.

        Both are 0 for a row with an id.
        """
        count = len(trade_ids)
        if count and pc.min(trade_ids).as_py() > 0:
            self._last_id = trade_ids[-1].as_py()
            zeros = pa.repeat(pa.scalar(0, pa.int64()), count)
            return zeros, zeros
        places, after = [], []
        for trade_id, time_ns in zip(trade_ids.to_pylist(), times.to_pylist(), strict=True):
            if trade_id:
                self._last_id = trade_id
                places.append(0)
                after.append(0)
                continue
            self._idless_count = self._idless_count + 1 if time_ns == self._idless_time_ns else 1
            self._idless_time_ns = time_ns
            places.append(self._idless_count)
            after.append(self._last_id)
        return pa.array(places, pa.int64()), pa.array(after, pa.int64())

    def _keys(self, parsed: Parsed) -> pa.Array | None:
        if self._kind == "candles":
            return parsed.columns["time_ns"]
        if self._kind == "trades_with_ids":
            ids = parsed.columns["trade_id"]
            return ids.filter(pc.greater(ids, 0))
        return None

    def _follow(self, times: pa.Array) -> None:
        if times[0].as_py() < self.last_time_ns or not _ascends(times, strictly=False):
            self.is_ascending = False
        self.last_time_ns = times[-1].as_py()


def _ascends(values: pa.Array, strictly: bool) -> bool:
    compare = pc.greater if strictly else pc.greater_equal
    return len(values) < 2 or bool(pc.all(compare(values[1:], values[:-1])).as_py())
