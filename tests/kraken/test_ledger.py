"""What the ledger proves: of a part of it, and as a store reads it, chain by chain."""

import random

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.kraken.cursor import Cursor
from dlt_pipeline.kraken.ledger import LEDGER_COLUMNS, LedgerRow, link_of, merge, missing
from dlt_pipeline.kraken.ledger_store import LedgerStore
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


def random_ledger(chance: random.Random) -> list[LedgerRow]:
    """Rows most of which go on where one before them ended, in any order."""
    rows: list[LedgerRow] = []
    is_odd = chance.random() < 0.8

    def moved(value: int) -> int:
        return value + chance.choice([-1, 1]) if is_odd and chance.random() < 0.1 else value

    for _ in range(chance.randint(0, 12)):
        before = Cursor(chance.randint(0, 3), chance.randint(50, 53) * UNIT_NS, 0)
        if rows and chance.random() < 0.9:
            before = (chance.choice(rows) if is_odd and chance.random() < 0.2 else rows[-1]).cursor
        since, tail_count, known = link_of(before)
        asked = moved(since), moved(tail_count), known if known is None else moved(known)
        from_ns = before.covered_to_ns
        end = from_ns + chance.choice([1, 1, 1, 2, 5, 0, -3 if is_odd else 1]) * UNIT_NS
        cursor = Cursor(end // UNIT_NS, end, end, chance.choice([0, 0, 1]), chance.choice([7, 7, 8, None]))
        rows.append(LedgerRow(moved(from_ns // UNIT_NS) * UNIT_NS, asked, cursor))
    chance.shuffle(rows)
    return rows


def test_a_store_reads_of_the_ledger_what_its_rows_prove() -> None:
    chance = random.Random(1)
    ledger = {str(number): random_ledger(chance) for number in range(3_000)}
    values = [[symbol, "1", *values_of(row)] for symbol, rows in ledger.items() for row in rows]
    with duckdb.connect() as connection:
        connection.execute("create schema kraken_raw")
        connection.execute("create table kraken_raw._dlt_loads as select '1' as load_id, 0 as status")
        columns = [pa.array(column) for column in zip(*values, strict=True)]
        connection.register("given", pa.table(columns, names=["symbol", "_dlt_load_id", *LEDGER_COLUMNS]))
        connection.execute("create table kraken_raw.pages as from given")
        store = LedgerStore(lambda query, *given: connection.execute(query.replace("%s", "?"), given).fetchall())
        found = store.ledger(list(ledger))
    for symbol, rows in ledger.items():
        assert found[symbol] == merge(rows), rows


def values_of(row: LedgerRow) -> list[int | None]:
    cursor = row.cursor
    reached = cursor.covered_to_ns, cursor.tail_time_ns, cursor.tail_count, cursor.known_trade_id
    return [row.covered_from_ns, *row.asked_from, cursor.since, *reached, cursor.idless_since_id]
