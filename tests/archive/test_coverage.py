"""What the parts of a file prove, as a table; seconds stand for their nanoseconds."""

from typing import Any

import pytest

from dlt_pipeline.archive.ledger import DAY_NS, SECOND_NS, Coverage, Others, RowRun

Block = tuple[list[tuple[int, int, float, float]], Others, bool]


def claimed(blocks: list[Block], kind: str = "trades", **how: Any) -> tuple[list[tuple[float, float]], float]:
    """Return from and to of each run of rows, and up to where the file has everything; all in seconds."""
    bounds = tuple(None if one is None else one * SECOND_NS for one in how.pop("bounds", (None, None)))
    coverage = Coverage(kind, 60 * SECOND_NS, bounds, how.pop("whole_days", False))
    found = []
    for runs, others, is_end in blocks:
        stretches = [RowRun(a, b, round(s * SECOND_NS), round(e * SECOND_NS)) for a, b, s, e in runs]
        found += coverage.covers(stretches, others, is_end)
    return [(start / SECOND_NS, end / SECOND_NS) for start, end in found], coverage.end() / SECOND_NS


NONE = Others()


@pytest.mark.parametrize(
    ("blocks", "how", "expected", "end"),
    [
        ([([(1, 5, 10.5, 20.5)], NONE, True)], {}, [(10, 21)], 21),
        # a block's end: its last second goes on in the next one
        ([([(1, 5, 10, 20)], NONE, False), ([(6, 9, 20, 30)], NONE, True)], {}, [(10, 20), (20, 31)], 31),
        ([([(1, 5, 10, 10)], NONE, False), ([(6, 9, 10, 10)], NONE, True)], {}, [(10, 10), (10, 11)], 11),
        # row 6 is refused: it may be of the second before it or behind it
        ([([(1, 5, 10, 20), (7, 9, 25, 30)], Others([6]), True)], {}, [(10, 20), (26, 31)], 31),
        ([([(1, 5, 10, 20)], Others([6]), False), ([(7, 9, 25, 30)], NONE, True)], {}, [(10, 20), (26, 31)], 31),
        ([([(2, 5, 10, 20)], Others([1]), True)], {}, [(11, 21)], 21),
        ([([(1, 5, 10, 20)], Others([6]), True)], {}, [(10, 20)], 20),
        # ... nor does the second behind it belong to the next block
        ([([(2, 2, 10, 10)], Others([1]), False), ([(3, 3, 10, 12)], NONE, True)], {}, [(11, 10), (11, 13)], 13),
        # times that go back: nothing between the latest one and the refused row's neighbour is sure
        ([([(1, 5, 10, 20), (7, 9, 15, 30)], Others([6]), True)], {}, [(10, 20), (21, 31)], 31),
        ([([(1, 5, 10, 20)], NONE, False), ([(6, 9, 5, 15)], NONE, True)], {}, [(10, 20), (20, 21)], 21),
        # bounds are reached only where a row beyond them was seen
        ([([(1, 5, 10, 20)], NONE, True)], {"bounds": (5, 50)}, [(10, 21)], 21),
        ([([(3, 5, 10, 20)], Others([], 2, 6), True)], {"bounds": (5, 50)}, [(5, 50)], 50),
        ([([], Others([], 2), False), ([(3, 5, 10, 20)], NONE, False), ([], Others([], 0, 6), True)],
         {"bounds": (5, 50)}, [(5, 20)], 50),
        ([([(3, 5, 10, 20)], Others([2], 1, 0), True)], {"bounds": (5, 50)}, [(11, 21)], 21),
        ([([(3, 5, 10, 20)], Others([1], 2, 0), True)], {"bounds": (5, 50)}, [(5, 21)], 21),
        ([([(3, 5, 10, 20)], Others([6], 2, 7), True)], {"bounds": (5, 50)}, [(5, 20)], 20),
        ([([(3, 5, 10, 20)], Others([7], 2, 6), True)], {"bounds": (5, 50)}, [(5, 50)], 50),
        ([([(3, 5, 10, 20)], Others([], 2), False), ([], Others([6], 0, 7), True)], {"bounds": (5, 50)}, [(5, 20)], 20),
        # whole UTC days, where the user says so
        ([([(1, 5, 10, 20)], NONE, True)], {"whole_days": True}, [(0, 86_400)], 86_400),
        ([([(1, 5, 10, 86_400)], NONE, True)], {"whole_days": True}, [(0, 2 * 86_400)], 2 * 86_400),
        ([([(1, 5, 10, 20)], Others([6]), True)], {"whole_days": True}, [(0, 20)], 20),
        ([([(2, 5, 10, 20)], Others([1]), True)], {"whole_days": True}, [(11, 86_400)], 86_400),
        # candles: whole buckets
        ([([(1, 5, 60, 300)], NONE, False), ([(6, 9, 420, 600)], NONE, True)], {"kind": "candles"},
         [(60, 360), (360, 660)], 660),
        ([([(1, 5, 60, 300), (7, 9, 420, 600)], Others([6]), True)], {"kind": "candles"}, [(60, 360), (420, 660)], 660),
    ],
)  # fmt: skip
def test_what_parts_prove(
    blocks: list[Block], how: dict[str, Any], expected: list[tuple[float, float]], end: float
) -> None:
    assert claimed(blocks, **how) == (expected, end)


def test_with_ids_a_border_is_a_nanosecond() -> None:
    coverage = Coverage("trades_with_ids", 0, (None, None), False)
    assert coverage.covers([RowRun(1, 3, 100, 200)], NONE, False) == [(100, 200)]
    assert coverage.covers([RowRun(4, 6, 200, 300), RowRun(8, 9, 400, 500)], Others([7]), True) == [
        (200, 300),
        (401, 501),
    ]
    assert DAY_NS == 86_400 * SECOND_NS
