"""Two warehouses table by table: the same rows, however often each, in any order."""

from collections.abc import Mapping
from typing import Final

import duckdb
import pyarrow as pa

# What tells how or when a row was built and not what it says: two ways to the same rows may differ in it.
# Which load changed a day last, and what its candles were before, is history: a full refresh knows only the newest
# state.
BOOKKEEPING_COLUMNS: Final = frozenset(
    {"version", "built_at", "marked_at", "kept_at", "counted_at", "load_id", "last_load_id"}
    # counted once, when a file was met, for its trades may be removed later
    | {"trades_in_warehouse", "volume_in_warehouse", "trade_difference", "volume_difference"}
    | {"old_hash", "old_row_count", "revised_at", "revised_version"}
)
# What records the builds themselves: one full refresh has fewer of them than many builds. The last two keep a row of
# each day that lost its coverage, so that it is taken away everywhere; without these rows they are covered_days and
# candle_days, which are compared.
BOOKKEEPING_TABLES: Final = frozenset(
    {"build_marks", "load_versions", "candle_revisions", "day_versions", "certified_days"}
    # what was counted of a file that no longer counts stays until a full refresh
    | {"import_counts"}
    # a stretch for which a file no longer speaks stays; archive_candles, which are made of the others, are compared
    | {"archive_spans"}
)
_SHOWN = 4


def compared(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables that must agree, by schema.name, without the columns that need not."""
    return {
        name: table.drop_columns([column for column in table.column_names if column in BOOKKEEPING_COLUMNS])
        for name, table in tables.items()
        if name.split(".")[1] not in BOOKKEEPING_TABLES
    }


def differences(ours: Mapping[str, pa.Table], theirs: Mapping[str, pa.Table]) -> str:
    """Say, table by table, which rows stand more often on one side; empty if none. Both sides are `compared` tables."""
    assert set(ours) == set(theirs)
    assert all(set(ours[name].column_names) == set(theirs[name].column_names) for name in ours)
    said = []
    with duckdb.connect() as connection:  # one, as each costs 50 ms
        for name in ours:
            if _sum(connection, ours[name], ours[name]) == _sum(connection, theirs[name], ours[name]):
                continue
            for side, left, right in (
                ("only after incremental builds", ours[name], theirs[name]),
                ("only after a full refresh", theirs[name], ours[name]),
            ):
                rows = _more_often(connection, left, right)
                if rows:
                    shown = "".join(f"\n    {row}" for row in rows.slice(0, _SHOWN).to_pylist())
                    said.append(f"{name}: {len(rows)} of {len(left)} rows {side}:{shown}")
    return "\n".join(said)


def _sum(connection: duckdb.DuckDBPyConnection, table: pa.Table, like: pa.Table) -> list[tuple[object, ...]]:
    """A sum of hashes of all rows, in the columns' order of another table: equal for the same rows in any order."""
    connection.register("summed", table.select(like.column_names))
    return connection.execute("select count(*), sum(hash(t)::hugeint), bit_xor(hash(t)) from summed as t").fetchall()


def _more_often(connection: duckdb.DuckDBPyConnection, left: pa.Table, right: pa.Table) -> pa.Table:
    right = right.select(left.column_names)  # a column of a later version stands last in a table of an earlier one
    connection.register("lefts", left)
    connection.register("rights", right)
    return connection.sql("select * from lefts except all select * from rights order by all").to_arrow_table()
