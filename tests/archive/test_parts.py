"""Where an unbroken run of rows ends: at a missing row number, and where trade ids jump."""

import pyarrow as pa
import pytest

from dlt_pipeline.archive.ledger import runs_of


@pytest.mark.parametrize(
    ("numbers", "trade_ids", "expected"),
    [
        ([], None, []),
        ([7], None, [(7, 7)]),
        ([1, 2, 3], None, [(1, 3)]),
        ([1, 2, 4, 7, 8], None, [(1, 2), (4, 4), (7, 8)]),
        ([1, 2, 3], [5, 6, 7], [(1, 3)]),
        ([1, 2, 3, 4], [5, 6, 9, 10], [(1, 2), (3, 4)]),
        ([1, 2, 4, 5], [5, 6, 7, 9], [(1, 2), (4, 4), (5, 5)]),
        ([1, 2, 3], [5, 0, 9], [(1, 3)]),  # a row without an id may have used one up
        (list(range(1, 3_001)), list(range(1, 6_001, 2)), [(1, 3_000)]),  # ids of no one market
    ],
)
def test_runs(numbers: list[int], trade_ids: list[int] | None, expected: list[tuple[int, int]]) -> None:
    runs = runs_of(pa.array(numbers, pa.int64()), None if trade_ids is None else pa.array(trade_ids, pa.int64()))
    assert [(run.first_row, run.last_row) for run in runs] == expected
    assert [place for run in runs for place in range(run.start, run.stop)] == list(range(len(numbers)))
