"""What the ledger proves from some time on does not depend on what it says of earlier."""

from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.kraken.cursor import Cursor
from dlt_pipeline.kraken.ledger import LedgerRow, merge, missing, place_of


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerRow]:
    """Rows that follow each other or not, overlap, touch, or leave gaps."""
    rows: list[LedgerRow] = []
    for from_ns, length, follows in draw(
        st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12), st.booleans()), max_size=25)
    ):
        before = draw(st.sampled_from(rows)) if rows and follows else None
        start = before.cursor.covered_to_ns if before else from_ns
        end = start + length
        asked = place_of(before.cursor) if before else (start, 0, None if from_ns % 2 else from_ns)
        rows.append(LedgerRow(start, asked, Cursor(since=end, covered_to_ns=end, tail_time_ns=end, known_trade_id=end)))
    return rows


@given(ledgers(), st.integers(0, 60), st.one_of(st.none(), st.integers(0, 70)))
def test_rows_that_end_before_a_window_change_nothing_of_what_it_lacks(
    rows: list[LedgerRow], start_ns: int, end_ns: int | None
) -> None:
    newer = [row for row in rows if row.cursor.covered_to_ns >= start_ns]
    assert missing(merge(newer), start_ns, end_ns) == missing(merge(rows), start_ns, end_ns)
