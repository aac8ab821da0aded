"""The strict check of a Trades answer, on Kraken's own recorded page and on answers that are wrong in one way each."""

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.common.exceptions import BadAnswerError, InexactValueError, TransientExchangeError
from dlt_pipeline.kraken.answers import check_number, check_page, check_snapshot, time_to_ns
from dlt_pipeline.kraken.client import decode_exactly

GOOD: dict[str, Any] = {
    "error": [],
    "result": {
        "XXBTZUSD": [
            ["105433.60000", "0.00027625", "1762795433.9717445", "b", "l", "", "10218208"],
            ["105410.10000", "0.00005000", "1762795457.8467374", "s", "m", "", "10218209"],
        ],
        "last": "1762795457846737412",
    },
}


def checked(body: Any, since: int | None = 1762795433000000000, count: int = 1000) -> Any:
    return check_page(body, "XXBTZUSD", since, count, 0, "BTC/USD: Trades since 1")


def changed(row: int, item: int, value: Any, among: Any = GOOD) -> dict[str, Any]:
    body = copy.deepcopy(among)
    body["result"]["XXBTZUSD"][row][item] = value
    return body


def test_the_recorded_page_keeps_every_digit(recorded_folder: Path) -> None:
    text = (recorded_folder / "xbtusdt" / "trades.json").read_text()
    exact = json.loads(text, parse_float=Decimal)["result"]["XBTUSDT"]
    page = check_page(decode_exactly(text), "XBTUSDT", None, 1000, 0, "BTC/USDT")
    assert len(page.rows) == 1000
    assert [row.time_ns for row in page.rows] == [int(item[2] * 10**9) for item in exact]
    assert any(row.time_ns % 1_000 for row in page.rows), "the recording has times with 7 decimals"
    assert [(row.price, row.volume, row.trade_id) for row in page.rows] == [(i[0], i[1], i[6]) for i in exact]
    assert page.last == 1762820035982277754


def test_through_a_float_the_recorded_times_would_be_wrong(recorded_folder: Path) -> None:
    """Guards the reason for decoding by ourselves: were floats exact, text would not be needed."""
    exact = json.loads((recorded_folder / "xbtusdt" / "trades.json").read_text(), parse_float=Decimal)
    wrong = [item for item in exact["result"]["XBTUSDT"] if int(float(item[2]) * 10**9) != int(item[2] * 10**9)]
    assert len(wrong) > 500


def test_a_good_answer_is_typed() -> None:
    page = checked(GOOD)
    first, second = page.rows
    assert (first.trade_id, first.side, first.order_type) == (10218208, "buy", "limit")
    assert (second.trade_id, second.side, second.order_type) == (10218209, "sell", "market")
    assert page.last == 1762795457846737412


def test_six_items_and_an_id_of_zero_are_trades_without_an_id() -> None:
    body = changed(1, 6, "0")
    body["result"]["XXBTZUSD"][0].pop()
    assert [row.trade_id for row in checked(body).rows] == [0, 0]


def test_items_beyond_the_known_ones_are_kept_as_they_came() -> None:
    body = copy.deepcopy(GOOD)
    body["result"]["XXBTZUSD"][1] += [None, {"fee": ["0.1"]}]
    first, second = checked(body).rows
    assert (first.more_items, second.more_items) == (None, '[null, {"fee": ["0.1"]}]')
    assert second.trade_id == 10218209


def test_last_may_be_missing() -> None:
    body = copy.deepcopy(GOOD)
    del body["result"]["last"]
    assert checked(body).last is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<html>", "has no result"),
        ({"error": []}, "has no result"),
        ({"result": {"XETHZUSD": [], "last": "1"}}, r"is about \['XETHZUSD'\], not about XXBTZUSD"),
        ({"result": {"XXBTZUSD": {}, "last": "1"}}, "not a list of rows"),
        ({"result": {"XXBTZUSD": [["1", "2"]], "last": "1"}}, "6 items or more"),
        (changed(0, 0, 105433.6), "price 105433.6 is not a decimal number in text"),
        (changed(0, 0, "-1"), "price '-1'"),
        (changed(0, 0, "0.00000"), "the price 0.00000 of a trade is not above 0"),
        (changed(0, 0, "100000000000000000"), "of a trade is too large to be one"),
        (
            changed(0, 0, "2000000", changed(0, 1, "500000")),
            r"the price of a trade times its volume is 10\^12 of the quote currency or more, too much for one",
        ),
        (changed(0, 1, "1e17"), "the volume 1e17 of a trade is too large to be one"),
        (changed(0, 2, "0"), "the time 0 of a trade lies before 2013-09-10, when Kraken opened"),
        (changed(1, 2, "9999999999"), "of a trade is not in seconds"),
        (changed(0, 3, []), "side, order type or misc"),
        (changed(1, 6, "9223372036854775808"), "trade id '9223372036854775808' is not a whole number"),
        (changed(0, 0, "٣"), "price '٣'"),
        (changed(0, 1, "NaN"), "volume 'NaN'"),
        (changed(0, 2, "yesterday"), "time 'yesterday'"),
        (changed(0, 3, "x"), "side, order type or misc"),
        (changed(0, 4, "x"), "side, order type or misc"),
        (changed(0, 5, None), "side, order type or misc"),
        (changed(0, 6, "TDH5QO-SM6N5-DHTNC3"), "trade id 'TDH5QO"),
        (changed(1, 2, "1762795433.97"), "pages must ascend"),
        (changed(1, 6, "10218208"), "pages must ascend"),
        (changed(0, 2, "1762795400"), "pages must ascend"),
    ],
)
def test_a_wrong_answer_is_named(body: Any, says: str) -> None:
    with pytest.raises(BadAnswerError, match=f"^BTC/USD: Trades since 1: .*{says}"):
        checked(body)


def test_where_ids_rise_times_may_step_back_within_the_bound() -> None:
    back = changed(1, 2, "1762795433.9717435")
    back["result"]["last"] = "1762795433971744512"
    page = check_page(back, "XXBTZUSD", None, 1000, 0, "here", 1_000)
    assert [row.time_ns % 10**9 for row in page.rows] == [971744500, 971743500]
    with pytest.raises(BadAnswerError, match=r"pages must ascend, to 999 ns \(step_back_microseconds\)"):
        check_page(back, "XXBTZUSD", None, 1000, 0, "here", 999)
    del back["result"]["XXBTZUSD"][0][6]
    with pytest.raises(BadAnswerError, match=r"pages must ascend\."):
        check_page(back, "XXBTZUSD", None, 1000, 0, "here", 1_000)


def test_a_trade_later_than_the_exchanges_own_time_is_asked_for_again() -> None:
    """Its stamp would cover time to come, and each later load would be refused for it."""
    newest_ns = 1762795457846737400
    assert len(check_page(GOOD, "XXBTZUSD", None, 1000, newest_ns - 10**9, "here").rows) == 2
    with pytest.raises(
        TransientExchangeError, match=r"trade 10218208 is stamped .* later than the exchange's own time"
    ):
        check_page(GOOD, "XXBTZUSD", None, 1000, newest_ns - 3 * 86_400 * 10**9, "here")


def ohlc(*rows: list[Any], last: str = "7200") -> Any:
    from_ns = 1_762_790_400
    shifted = [[str(from_ns + row[0]), *row[1:]] if row[0] is not None else ["0", *row[1:]] for row in rows]
    body = {"result": {"XXBTZUSD": shifted, "last": str(from_ns + int(last))}}
    return check_snapshot(body, "XXBTZUSD", "1h", 3600, "BTC/USD: OHLC 1h")


CANDLE = ["1", "2", "1", "2", "1.5", "3", "4"]


def test_rows_given_twice_count_once() -> None:
    found = ohlc([0, *CANDLE], [3600, *CANDLE], [0, *CANDLE], [7200, *CANDLE])
    assert [candle.start % 86_400 // 3600 for candle in found.candles] == [16, 17, 18]


def test_rows_given_twice_that_differ_are_named() -> None:
    with pytest.raises(BadAnswerError, match="the candle at 1762790400 comes twice and differs"):
        ohlc([0, *CANDLE], [0, *CANDLE[:-1], "5"])


def test_the_row_of_a_pair_without_data_is_no_candle() -> None:
    nothing = ["0", "0", "0", "0", "0", "0", "0"]
    assert ohlc([None, *nothing]).candles == ()
    assert ohlc([0, *nothing]).candles == (), "nothing has a price of 0"
    assert ohlc([None, *CANDLE]).candles == (), "there was no Kraken then"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (None, "not a list of 8 items"),
        ([0, *CANDLE[:-1]], "not a list of 8 items"),
        ([0, [], *CANDLE[1:]], "is not a decimal number in text"),
        ([0, "1e17", *CANDLE[1:]], "is too large to be one"),
        ([0, *CANDLE[:-1], {}], "is not a whole number"),
        ([10**10 // 3600 * 3600, *CANDLE], "is not in seconds"),
    ],
)
def test_a_row_that_is_no_candle_is_named(row: Any, says: str) -> None:
    shifted = [str(1_762_790_400 + row[0]), *row[1:]] if row else row
    body = {"result": {"XXBTZUSD": [shifted], "last": "99999999999"}}
    with pytest.raises(BadAnswerError, match=f"^here: .*{says}"):
        check_snapshot(body, "XXBTZUSD", "1h", 3600, "here")


def test_more_rows_than_asked_for_are_refused() -> None:
    with pytest.raises(BadAnswerError, match="2 trades came where at most 1"):
        checked(GOOD, count=1)


def test_a_last_that_is_not_the_last_trades_is_refused() -> None:
    body = copy.deepcopy(GOOD)
    body["result"]["last"] = "1762795457946737412"
    with pytest.raises(BadAnswerError, match="is not the time of the page's last trade"):
        checked(body)


@pytest.mark.parametrize("text", ["0.0000000001", "12345678901.5", "1.123456789012", "1.1234567890120", "7"])
def test_a_value_that_fits_is_taken_as_it_is(text: str) -> None:
    assert check_number(text, "the price", "here") == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [("4.1E-7", "0.00000041"), ("1e-10", "0.0000000001"), ("1.5e3", "1500"), ("0E-99", "0"), ("12E+2", "1200")],
)
def test_scientific_notation_that_fits_is_a_number_like_any_other(text: str, plain: str) -> None:
    assert check_number(text, "the volume", "here") == plain


@pytest.mark.parametrize("text", ["0.1234567890123", "1" * 27, "1e-13", "1.5e26", "1e999999999", "1e-999999999"])
def test_a_value_that_does_not_fit_is_an_error_not_a_rounding(text: str) -> None:
    with pytest.raises(InexactValueError, match=r"does not fit DECIMAL\(38, 12\) and is not rounded"):
        check_number(text, "the price", "here")


def test_times_are_exact_to_the_nanosecond() -> None:
    assert time_to_ns("1762795433.9717445", "here") == 1762795433971744500
    assert time_to_ns("1616889746.908", "here") == 1616889746908000000
    assert time_to_ns("1616889746", "here") == 1616889746000000000
