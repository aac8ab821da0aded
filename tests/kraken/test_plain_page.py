"""A page that is checked all at once gives the rows, and the errors, that its trades give one by one."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlt_pipeline.common.exceptions import KrakenCandlesError
from dlt_pipeline.kraken import answers
from dlt_pipeline.kraken.answers import check_page

ITEM = ["105433.60000", "0.00027625", "1762795433.9717445", "b", "l", "", "10218208"]
# What makes a trade one to look at closer, or wrong; most of them in any place of the list.
ODD: list[Any] = [
    *("", "0", "0.00", "00.10", "1,2", "1\n2", "1e5", "1E-3", "-1", "+1", ".5", "5.", "1_0", " 1", "nan", "inf", "x"),
    *("1" * 17, "1" * 18, "1" * 30, "1.123456789012", "1.1234567890120", "1.1234567890123", "\u0661", "\ud800", "ü"),
    *("1378771199.999999999", "1378771200", "8999999999.9", "9000000000", "762795433.9", "1762795433.1234567891"),
    *("buy", "sell", "market", "m", "l", "b", "s", "9223372036854775807", "9223372036854775808", "007"),
    *(None, 1, 1.5, [], {}, True),
]
items = st.lists(st.sampled_from(ODD), max_size=2).flatmap(
    lambda odd: st.tuples(st.just(odd), st.lists(st.integers(0, 6), min_size=len(odd), max_size=len(odd)))
)
lengths = st.sampled_from([0, 5, 6, 7, 7, 7, 7, 8])


def outcome(rows: list[Any]) -> Any:
    body = {"error": [], "result": {"XXBTZUSD": rows}}
    try:
        return check_page(body, "XXBTZUSD", None, 1000, 0, "here", 300_000).rows
    except KrakenCandlesError as error:
        return type(error), str(error)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(items, lengths), min_size=1, max_size=3), st.booleans())
def test_all_at_once_says_what_one_by_one_says(made: list[Any], is_plain_before: bool) -> None:
    rows: list[Any] = [[*ITEM[:-1], "1"]] if is_plain_before else []
    for number, ((odd, places), length) in enumerate(made):
        row: list[Any] = [*ITEM[:-1], str(10218208 + number), "more"]
        for value, place in zip(odd, places, strict=True):
            row[place] = value
        rows.append(row[:length])
    together = outcome(copy.deepcopy(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "_plain_rows", lambda _: None)
        patch.setattr(answers, "_ascends", lambda *_: False)
        assert outcome(rows) == together


@pytest.mark.parametrize("rows", [[1], ["1234567"], [dict.fromkeys("1234567")], [None], [[*ITEM], "1,2,3"]])
def test_what_is_no_list_is_no_plain_trade(rows: list[Any]) -> None:
    assert answers._plain_rows(rows) is None


def test_an_ordinary_page_is_checked_all_at_once() -> None:
    assert answers._plain_rows([ITEM, ITEM]) == (answers._row(ITEM, ""),) * 2
