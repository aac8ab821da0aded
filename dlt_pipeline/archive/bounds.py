"""Which rows of a block lie within the bounds asked for, and on which side the others stand. Pure; times in ns, UTC."""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from dlt_pipeline.archive.coverage import Bounds


class Within(NamedTuple):
    """The columns and row numbers of the rows within; of the others, how many there are, the last one before the
    bounds, above all of those within, and the first one behind the bounds, below them (0: none)."""

    columns: dict[str, pa.Array]
    numbers: pa.Array
    left_out_count: int = 0
    before: int = 0
    behind: int = 0


def within(columns: dict[str, pa.Array], numbers: pa.Array, bounds: Bounds) -> Within:
    """Take away the rows outside `bounds`."""
    times = columns["time_ns"]
    if bounds == (None, None) or not len(times):
        return Within(columns, numbers)
    spread = pc.min_max(times).as_py()
    start = spread["min"] if bounds[0] is None else bounds[0]
    end = spread["max"] + 1 if bounds[1] is None else bounds[1]
    if start <= spread["min"] and spread["max"] < end:
        return Within(columns, numbers)
    is_before, is_behind = pc.less(times, start), pc.greater_equal(times, end)
    is_inside = pc.invert(pc.or_(is_before, is_behind))
    kept = numbers.filter(is_inside)
    before, behind = numbers.filter(is_before), numbers.filter(is_behind)
    if len(kept):
        before = before.filter(pc.less(before, kept[0]))
        behind = behind.filter(pc.greater(behind, kept[-1]))
    return Within(
        {name: column.filter(is_inside) for name, column in columns.items()},
        kept,
        len(numbers) - len(kept),
        pc.max(before).as_py() or 0,
        pc.min(behind).as_py() or 0,
    )
