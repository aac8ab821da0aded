"""Each dispatched primitive gives what its words say; that both engines agree is test_same_tables' part."""

from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import duckdb
import pytest

from tests.dbt_project.raw import read_csv
from tests.spark.conftest import Step
from tests.spark.engines import HERE
from tests.spark.same_rows import compare

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1800)]


def rows_of(step: Step, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(step.warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_products_are_exact_and_quotients_cut(first: Step) -> None:
    with localcontext(prec=80):
        expected = {}
        for row in read_csv(HERE / "project" / "seeds" / "factors.csv"):
            price, volume = Decimal(row["price"]), Decimal(row["volume"])
            product = price * volume
            expected[price, volume] = (product, (product / volume).quantize(Decimal("1e-12")) if volume else None)
    found = rows_of(first, "select price, volume, product, quotient from kraken.exact_products")
    assert {row[:2]: row[2:] for row in found} == expected


def test_a_spark_that_may_lose_precision_cuts_the_product_and_is_caught(first: Step) -> None:
    cut = first.spark.out / "cut_products"
    ((kind,),) = duckdb.sql(f"select distinct typeof(product) from '{cut}/*.parquet'").fetchall()
    assert kind == "DECIMAL(38,6)"
    with pytest.raises(AssertionError, match="columns of Spark"):
        compare(first.warehouse, "exact_products", cut)


def test_what_does_not_fit_is_an_error(first: Step) -> None:
    for engine, words in ((first.duckdb, "Overflow in"), (first.spark, "USER_RAISED_EXCEPTION")):
        assert set(engine.errors) == {"product", "sum", "window"}
        for name, message in engine.errors.items():
            assert message is not None, f"{name}: no error"
            assert words in message


def test_text_is_plain_and_of_full_scale(first: Step) -> None:
    spelled = dict(rows_of(first, "select what, spelling from kraken.text_of_values"))
    assert spelled["decimal(38, 12) 0"] == "0.000000000000"
    assert spelled["decimal(38, 24) 0.000000000001"] == "0.000000000001000000000000"
    assert spelled["decimal(38, 12) 12345678901234567890123456.123456789012"] == (
        "12345678901234567890123456.123456789012"
    )
    assert spelled["decimal(38, 12) -0.5"] == "-0.500000000000"
    assert spelled["of_decimal -0.5"] == "-0.500000000000"
    assert spelled["of_decimal 999999.999999999999"] == "999999.999999999999"
    assert spelled["of_decimal 1000000"] == "1000000.000000000000"
    assert spelled["of_decimal -1000000"] == "-1000000.000000000000"
    assert spelled["bigint -9223372036854775807"] == "-9223372036854775807"
    assert (spelled["boolean true"], spelled["boolean false"]) == ("true", "false")
    assert {text for what, text in spelled.items() if what.endswith("null")} == {""}


def test_texts_are_joined_in_their_order(first: Step) -> None:
    joined = dict(rows_of(first, "select team, joined from kraken.joined_texts"))
    assert joined == {"a": "zyyx", "b": "only", "c": None, "d": "firstsecond"}


def test_days_are_inclusive_and_years_are_utc(first: Step) -> None:
    found = sorted(rows_of(first, "select day, year, year_of_the_last_instant from kraken.days_and_years"))
    assert found == [
        (date(2023, 12, 30), 2023, 2023),
        (date(2023, 12, 31), 2023, 2023),
        (date(2024, 1, 1), 2024, 2023),
        (date(2024, 1, 2), 2024, 2023),
        (date(2024, 2, 28), 2024, 2023),
        (date(2024, 2, 29), 2024, 2023),
        (date(2024, 3, 1), 2024, 2023),
        (date(2024, 5, 5), 2024, 2023),
    ]


def test_touched_days_are_replaced_and_those_without_rows_vanish(first: Step, second: Step) -> None:
    """daily_trades: the later load's days are new, `borders` gets no rows, and no other day is touched."""
    query = "select symbol, traded_on, trade_count, count_before from kraken.daily_trades"
    before, after = ({row[:2]: row[2:] for row in rows_of(step, query)} for step in (first, second))
    gone = {key for key in before if key not in after}
    assert gone == {key for key in before if key[0].startswith("borders")} != set()
    rebuilt = {key for key, row in after.items() if row[1] >= 0}
    late = {key for key in rebuilt if key[0] == "random/'\\=%"}
    assert min(late)[1] == date(2024, 3, 5)
    assert all(after[key] == row for key, row in before.items() if key in after and key not in rebuilt)
    # what stands before was read from the table that was being replaced
    assert after[min(late)][1] == sum(
        row[0] for key, row in before.items() if key[0] == min(late)[0] and key < min(late)
    )
