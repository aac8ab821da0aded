"""Rows of a built table beside the rows of a golden CSV, both as text in one spelling."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from tests.dbt_project.raw import read_csv


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime | date):
        return str(value)
    return str(value)


def _spelled(text: str) -> str:
    """A decimal loses its trailing zeros, so that a golden file may write a price as Kraken does."""
    try:
        return format(Decimal(text).normalize(), "f") if text else ""
    except ArithmeticError:
        return text


def compare(warehouse: Path, symbol: str, golden: Path) -> None:
    """Assert that the table named like the file holds for the symbol just these rows.

    Only the columns that the file names are compared, and of candles only the timeframes that occur in it.
    """
    expected = read_csv(golden)
    columns = list(expected[0])
    timeframes = sorted({row["timeframe"] for row in expected}) if "timeframe" in columns else None
    query = f"select {', '.join(columns)} from kraken.{golden.stem} where symbol = ?"
    if timeframes:
        query += f" and timeframe in ({', '.join(repr(name) for name in timeframes)})"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(query, [symbol]).fetchall()
    actual = [tuple(map(_as_text, row)) for row in rows]
    assert sorted(actual) == sorted(tuple(map(_spelled, row.values())) for row in expected)
