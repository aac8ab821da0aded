"""pandas, polars, DuckDB and pyarrow read the tree as one dataset, and all see what the warehouse has."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest

from dlt_pipeline import publish
from tests.pages import blocks
from tests.publishing.made import Made

Row = dict[str, Any]


def by_pandas(made: Made) -> list[Row]:
    frame = pd.read_parquet(made.tree)
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def by_polars(made: Made) -> list[Row]:
    return pl.scan_parquet(made.tree, hive_partitioning=True).collect().to_dicts()


def by_duckdb(made: Made) -> list[Row]:
    with duckdb.connect() as connection:
        tree = f"read_parquet('{made.tree}/**/*.parquet', hive_partitioning = true)"
        return connection.sql(f"from {tree}").to_arrow_table().to_pylist()


def by_pyarrow(made: Made) -> list[Row]:
    return ds.dataset(made.tree, partitioning="hive").to_table().to_pylist()


READERS = [by_pandas, by_polars, by_duckdb, by_pyarrow]


def comparable(rows: list[Row], names: list[str]) -> list[tuple[Any, ...]]:
    """Rows in order, with NULL the same whatever a reader has for it, and times as text."""

    def plain(value: Any) -> Any:
        if pd.isna(value):
            return None
        return pd.Timestamp(value).isoformat() if hasattr(value, "timestamp") else value

    return sorted((tuple(plain(row[name]) for name in names) for row in rows), key=repr)


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("read", READERS)
def test_a_reader_sees_every_row_of_the_warehouse(made: Made, read: Callable[[Made], list[Row]], numbers: str) -> None:
    made.build(numbers=numbers)
    publish(made.path)
    with duckdb.connect(str(made.path), read_only=True) as connection:
        relation = connection.sql("select * replace (replace(symbol, '/', '-') as symbol) from kraken.exported_candles")
        table = relation.to_arrow_table()
    expected = table.to_pylist()
    assert len(expected) == 2 * 2 * (180 + 3)
    assert comparable(read(made), table.column_names) == comparable(expected, table.column_names)


@pytest.mark.parametrize("read", READERS)
def test_a_reader_sees_the_keys_as_columns(published: Made, read: Callable[[Made], list[Row]]) -> None:
    keys = {tuple(str(row[name]) for name in ("source", "symbol", "timeframe", "year")) for row in read(published)}
    assert keys == {
        (source, symbol, timeframe, year)
        for source in ("trades", "rest")
        for symbol in ("BTC-USD", "ETH-USD")
        for timeframe in ("1m", "1h")
        for year in ("2025", "2026")
    }


def test_one_source_alone_is_a_dataset_too(published: Made) -> None:
    trades = ds.dataset(published.tree / "source=trades", partitioning="hive")
    rest = ds.dataset(published.tree / "source=rest", partitioning="hive")
    assert trades.schema.equals(rest.schema)
    assert trades.count_rows() == rest.count_rows() == 2 * (180 + 3)


def test_the_lines_for_readers_run(published: Made) -> None:
    (code,) = [block for block in blocks("python") if "exports/" in block]
    shown = "print(len(hour), len(rest), tree.fetchall(), last)"
    done = subprocess.run(
        [sys.executable, "-c", code + shown], cwd=published.path.parent, capture_output=True, text=True
    )
    assert done.stdout == "3 366 [(732,)] [(datetime.datetime(2026, 1, 1, 1, 0),)]\n", done.stderr
