"""An answer that is read all at once gives the rows, the errors and the next cursor that it gives row by row."""

from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.common.exceptions import KrakenCandlesError
from dlt_pipeline.kraken.answers import TradePage, TradeRow, TradeRows, check_page, check_snapshot, plain_answer
from dlt_pipeline.kraken.client import decode_exactly
from dlt_pipeline.kraken.cursor import Cursor, start_at, take
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.raw_tables import page_row, trades_table

ITEM = ['"105433.60000"', '"0.00027625"', "1762795433.9717445", '"b"', '"l"', '""', "10218208"]
# What makes a trade one to look at closer, or wrong, in any place of the list; most of them with and without quotes.
ODD = [
    *("", "0", "0.00", "00.10", "1,2", "1\\n2", "1e5", "1E-3", "-1", "+1", ".5", "5.", "1_0", " 1", "nan", "inf", "x"),
    *("1" * 17, "1" * 18, "1" * 30, "1.123456789012", "1.1234567890120", "1.1234567890123", "\u0661", "\\ud800", "ü"),
    *("9" * 3, "9" * 6, "9" * 9, "9" * 12, "1000", "1000000", "1000000000", "0.000001"),
    *("1378771199.999999999", "1378771200", "8999999999.9", "9000000000", "762795433.9", "1762795433.1234567891"),
    *("buy", "sell", "market", "m", "l", "b", "s", "9223372036854775807", "9223372036854775808", "007"),
    *("null", "[]", "{}", "true", "a]b", "],[", '\\"', "\\\\", "ab"),
]
items = st.lists(st.tuples(st.sampled_from(ODD), st.integers(0, 6), st.booleans()), max_size=2)
lengths = st.sampled_from([0, 5, 6, 7, 7, 7, 7, 8])


def answer(*rows: list[str], market: str = "XXBTZUSD") -> str:
    trades = ",".join(f"[{','.join(row)}]" for row in rows)
    return f'{{"error":[],"result":{{"{market}":[{trades}],"last":"1762795433971744500"}}}}'


def outcome(body: Any) -> Any:
    try:
        return tuple(check_page(body, "XXBTZUSD", None, 1000, 0, "here", 300_000).rows)
    except KrakenCandlesError as error:
        return type(error), str(error)


@given(st.lists(st.tuples(items, lengths), min_size=1, max_size=3), st.booleans())
def test_all_at_once_says_what_one_by_one_says(made: list[Any], is_plain_before: bool) -> None:
    rows = [[*ITEM[:-1], "1"]] if is_plain_before else []
    for number, (odd, length) in enumerate(made):
        row = [*ITEM[:-1], str(10218208 + number), '"more"']
        for value, place, is_quoted in odd:
            row[place] = f'"{value}"' if is_quoted else value
        rows.append(row[:length])
    plain = plain_answer(answer(*rows))
    if plain is None:  # or it is no JSON
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TradeRows, "ascend", False)
        assert outcome(decode_exactly(answer(*rows))) == outcome(plain)
    assert outcome(plain) == outcome(decode_exactly(answer(*rows)))


@pytest.mark.parametrize("text", ["", "{}", "[]", answer(), answer([]), answer(ITEM[:6]), answer([*ITEM, "1"])])
def test_what_is_no_list_of_seven_is_no_plain_answer(text: str) -> None:
    assert plain_answer(text) is None


def test_what_is_read_at_once_says_what_its_json_says() -> None:
    odd = {f'"{value}"' for value in ODD} | set(ODD)
    texts = [answer(ITEM, [*ITEM[:place], value, *ITEM[place + 1 :]]) for value in odd for place in range(7)]
    read = {text: plain for text in texts if (plain := plain_answer(text))}
    assert len(read) > 20
    for text, plain in read.items():
        assert outcome(plain) == outcome(decode_exactly(text)), text


def test_an_ordinary_answer_is_read_at_once() -> None:
    plain = plain_answer(answer(ITEM, ITEM))
    assert plain is not None
    assert outcome(plain) == outcome(decode_exactly(answer(ITEM, ITEM)))
    assert outcome(plain)[0] is not None
    assert plain_answer(answer(ITEM).replace('"last":', '"last": ')) is None


CANDLE = ["1762790400", '"2"', '"3.5"', '"1.00"', '"2"', '"0.0"', '"0.00000000"', "0"]


def candles(*rows: list[str], last: str = "1762797600") -> str:
    listed = ",".join(f"[{','.join(row)}]" for row in rows)
    return f'{{"error":[],"result":{{"XXBTZUSD":[{listed}],"last":{last}}}}}'


def snapshot(body: Any) -> Any:
    try:
        return check_snapshot(body, "XXBTZUSD", "1h", 3600, "here")
    except KrakenCandlesError as error:
        return type(error), str(error)


def test_candles_read_at_once_say_what_their_json_says() -> None:
    starts = [str(1762790400 + step) for step in (-3600, 0, 1, 3600, 7200, 10800)] + ["0", "1378771199", "8998750000"]
    odd = {f'"{value}"' for value in ODD} | {*ODD, *starts}
    row = ["1762794000", *CANDLE[1:]]
    texts = [candles(CANDLE, [*row[:place], value, *row[place + 1 :]]) for value in odd for place in range(8)]
    texts += [candles(CANDLE[:length]) for length in range(8)] + [candles([*CANDLE, "1"]), candles(CANDLE, last='"1"')]
    read = {text: plain for text in texts if (plain := plain_answer(text))}
    assert len(read) > 20
    for text, plain in read.items():
        assert snapshot(plain) == snapshot(decode_exactly(text)), text
        assert "not a list" in outcome(plain)[1], "it is no answer of trades"


def test_an_ordinary_answer_of_candles_is_read_at_once() -> None:
    text = candles(CANDLE, ["1762794000", *CANDLE[1:]])
    plain = plain_answer(text)
    assert plain is not None
    assert len(snapshot(plain).candles) == 2
    assert "not a list" in snapshot(plain_answer(answer(ITEM)))[1], "it is no answer of candles"


SECOND = 10**9
AT = 1_762_795_433 * SECOND
steps = st.sampled_from([0, 1, 1, 1, 1, SECOND // 10_000, SECOND, -SECOND // 10_000])


@given(
    st.lists(st.tuples(st.sampled_from([1, 1, 1, 1, 2, 5]), steps), max_size=6),
    st.integers(-1, 6),
    st.none() | st.integers(-1, 7),
    st.integers(2, 6),
    st.sampled_from([0, SECOND // 5_000]),
    st.sampled_from([0, 2 * SECOND]),
)
def test_a_cursor_moves_as_it_does_by_single_rows(
    made: list[tuple[int, int]], known: int, end: int | None, size: int, step_back_ns: int, margin_ns: int
) -> None:
    rows: list[TradeRow] = []
    trade_id, time_ns = 10, AT
    for jump, step in made:
        trade_id, time_ns = trade_id + jump, time_ns + step
        rows.append(TradeRow(trade_id, time_ns, "1.5", "2", "buy", "market", ""))
    cursor = start_at(AT)
    if known >= 0:
        at_ns = rows[known].time_ns if known < len(rows) else AT
        cursor = Cursor(at_ns - 1, at_ns, at_ns, 0, 10 + known)
    end_ns = None if end is None else AT + end
    market = Market("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD", "XBT", "USD", 1, 8, "online")

    def moved() -> Any:
        page = TradePage(TradeRows.of(rows), None, AT + 3 * SECOND)
        try:
            step = take(cursor, page, size, end_ns, margin_ns, step_back_ns)
        except KrakenCandlesError as error:
            return type(error), str(error)
        told = (tuple(step.trades), tuple(step.fresh), *astuple(step)[2:])
        return told, page_row(market, step, page, cursor, (0, 0), False), trades_table("BTC/USD", step.trades)

    at_once = moved()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TradeRows, "ascend", False)
        assert moved() == at_once


@pytest.mark.parametrize("item", [ITEM, ['"5"', '"5"', *ITEM[2:]], ['"0.5"', '"5.5"', *ITEM[2:]]])
def test_an_answer_that_is_plain_but_for_its_end_takes_no_longer(item: list[str]) -> None:
    assert plain_answer(answer(*[item] * 1000, ['"x"', *ITEM[1:]])) is None
