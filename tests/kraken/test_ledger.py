"""What the ledger proves from some time on does not depend on what it says of earlier."""

from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.kraken.cursor import Cursor
from dlt_pipeline.kraken.ledger import LedgerRow, link_of, merge, missing
from dlt_pipeline.kraken.settings import STEP_BACK_LIMIT_NS

# Rows shorter and longer than what only the row before proves.
UNIT_NS = STEP_BACK_LIMIT_NS // 4


def units(most: int) -> st.SearchStrategy[int]:
    return st.tuples(st.integers(0, most), st.integers(-1, 1)).map(lambda drawn: drawn[0] * UNIT_NS + drawn[1])


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerRow]:
    """Rows that follow each other or not, overlap, touch, or leave gaps."""
    rows: list[LedgerRow] = []
    for place, length, follows in draw(
        st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12), st.booleans()), max_size=25)
    ):
        from_ns = place * UNIT_NS
        before = draw(st.sampled_from(rows)) if rows and follows else None
        start = before.cursor.covered_to_ns if before else from_ns
        end = start + length * UNIT_NS
        asked = link_of(before.cursor) if before else (start, 0, None if place % 2 else from_ns)
        rows.append(LedgerRow(start, asked, Cursor(since=end, covered_to_ns=end, tail_time_ns=end, known_trade_id=end)))
    return rows


@given(ledgers(), units(60), st.none() | units(70))
def test_rows_that_end_well_before_a_window_change_nothing_of_what_it_lacks(
    rows: list[LedgerRow], start_ns: int, end_ns: int | None
) -> None:
    newer = [row for row in rows if row.cursor.covered_to_ns >= start_ns - STEP_BACK_LIMIT_NS - 1]
    assert missing(merge(newer), start_ns, end_ns) == missing(merge(rows), start_ns, end_ns)
