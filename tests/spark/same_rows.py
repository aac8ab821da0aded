"""A table of the DuckDB warehouse beside the same table as Spark wrote it: columns, types and rows."""

from pathlib import Path

import duckdb

BOOKKEEPING = {"built_at", "revised_at"}  # when a row was written, which no two builds share
# Spark's TIMESTAMP is an instant, DuckDB's shows UTC without saying so.
SAME_TYPE = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMP"}


def compare(warehouse: Path, table: str, spark_rows: Path) -> int:
    """Assert that both have the same columns, types and rows, and return how many rows.

    The order of columns may differ: Spark puts those that partition a table last.
    Decimals are compared as decimals of one scale, NULL equals NULL, rows count as often as they stand.
    """
    assert list(spark_rows.glob("*.parquet")), f"Spark has no table {table}"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        theirs, ours = f"read_parquet('{spark_rows}/*.parquet', hive_partitioning = false)", f"kraken.{table}"
        columns = _columns(connection, ours)
        assert _columns(connection, theirs) == columns, f"{table}: columns of Spark beside those of DuckDB"
        names = [name for name in columns if name not in BOOKKEEPING]
        selected = ", ".join(f"{name}::{columns[name]} as {name}" for name in names)
        rows, spark = f"(select {selected} from {ours})", f"(select {selected} from {theirs})"
        differing = f"""
            (select 'DuckDB only' as engine, * from (from {rows} except all from {spark}))
            union all
            (select 'Spark only' as engine, * from (from {spark} except all from {rows}))
        """
        found = connection.execute(f"select * from ({differing}) order by all limit 20").fetchall()
        assert not found, f"{table} differs in {names}:\n" + "\n".join(map(str, found))
        (count,) = connection.execute(f"select count(*) from {ours}").fetchone() or (0,)
        return int(count)


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    described = connection.execute(f"describe from {relation}").fetchall()
    return {name: SAME_TYPE.get(kind, kind) for name, kind, *_ in described}
