"""Candles against rows worked out by hand."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlt_pipeline.exchange import ExchangeTrade, api
from dlt_pipeline.exchange.api import CandleBook
from dlt_pipeline.exchange.trade import TradeSeries, candles, text_to_ns

START = 1_700_000_040  # a full minute
TAPE = [
    # 100 x 1 + 102.5 x 2 + 99.5 x 1 = 404.5; / 4 = 101.125
    (f"{START}", "100.0", "1.00000000"),
    (f"{START + 30}.5", "102.5", "2.00000000"),
    (f"{START + 59}.9999998", "99.5", "1.00000000"),
    # on the border, twice the same; 300 + 300 + 101.2 = 701.2; / 7 = 100.171..., which rounding would make 100.2
    (f"{START + 60}", "100.0", "3.00000000"),
    (f"{START + 60}", "100.0", "3.00000000"),
    (f"{START + 61}.25", "101.2", "1.00000000"),
    # two silent minutes
    (f"{START + 299}.9", "98.0", "0.50000000"),
    (f"{START + 300}.1", "97.0", "1.00000000"),
    (f"{START + 340}", "90.5", "1.00000000"),
]
MINUTES = [
    [START, "100.0", "102.5", "99.5", "99.5", "101.1", "4.00000000", 3],
    [START + 60, "100.0", "101.2", "100.0", "101.2", "100.1", "7.00000000", 3],
    [START + 120, "101.2", "101.2", "101.2", "101.2", "0.0", "0.00000000", 0],
    [START + 180, "101.2", "101.2", "101.2", "101.2", "0.0", "0.00000000", 0],
    [START + 240, "98.0", "98.0", "98.0", "98.0", "98.0", "0.50000000", 1],
    [START + 300, "97.0", "97.0", "97.0", "97.0", "97.0", "1.00000000", 1],
]


def ohlc(fetch, exchange, interval=1, **query):
    result = fetch(exchange, "OHLC", pair="XBTUSDT", interval=interval, **query)["result"]
    return result["XBTUSDT"], result["last"]


def test_minutes_with_flat_rows_and_an_open_one(serve_tape, fetch):
    assert ohlc(fetch, serve_tape(TAPE, START + 330)) == (MINUTES, START + 240)


def test_five_minutes(serve_tape, fetch):
    # 701.2 + 98 x 0.5 + 97 = 847.2; / 8.5 = 99.67
    assert ohlc(fetch, serve_tape(TAPE, START + 330), interval=5) == (
        [
            [START - 240, "100.0", "102.5", "99.5", "99.5", "101.1", "4.00000000", 3],
            [START + 60, "100.0", "101.2", "97.0", "97.0", "99.6", "8.50000000", 5],
        ],
        START - 240,
    )


def test_rows_follow_the_clock_on_and_back(serve_tape, fetch):
    exchange = serve_tape(TAPE, START + 330)
    assert ohlc(fetch, exchange)[0][-1][4] == "97.0"
    exchange.clock.advance(10)
    # 97 + 90.5 = 187.5; / 2 = 93.75
    grown = [START + 300, "97.0", "97.0", "90.5", "90.5", "93.7", "2.00000000", 2]
    assert ohlc(fetch, exchange) == ([*MINUTES[:5], grown], START + 240)
    exchange.clock.advance(30)
    flat = [START + 360, "90.5", "90.5", "90.5", "90.5", "0.0", "0.00000000", 0]
    assert ohlc(fetch, exchange) == ([*MINUTES[:5], grown, flat], START + 300)
    exchange.clock.advance(-270)
    assert ohlc(fetch, exchange) == (
        [MINUTES[0], [START + 60, "100.0", "101.2", "100.0", "101.2", "100.1", "7.00000000", 3]],
        START,
    )
    exchange.clock.advance(-39.5)
    opened = [START + 60, "100.0", "100.0", "100.0", "100.0", "100.0", "6.00000000", 2]
    assert ohlc(fetch, exchange) == ([MINUTES[0], opened], START)


def test_no_row_before_the_first_trade(serve_tape, fetch):
    assert ohlc(fetch, serve_tape(TAPE, START - 1))[0] == []


def test_the_shown_time_decides_the_bucket_not_the_true_one(serve_tape, fetch):
    tape = [(f"{START}", "100.0", "1.0"), (f"{START + 60}", "101.0", "1.0")]
    last = (START + 60) * 10**9 - 1  # true time: one nanosecond before the border it is shown on
    rows, _ = ohlc(fetch, serve_tape(tape, START + 61, last=last))
    assert [(row[0], row[7]) for row in rows] == [(START, 1), (START + 60, 1)]


def test_a_trade_that_is_shown_in_the_next_bucket_waits_for_it(serve_tape, fetch):
    last = (START + 60) * 10**9 - 2
    exchange = serve_tape([(f"{START + 60}", "101.0", "1.0")], START, last=last)
    exchange.clock.advance(59)
    exchange.clock.advance(0.999999999)
    assert len(fetch(exchange, "Trades", pair="XBTUSDT")["result"]["XBTUSDT"]) == 1
    assert ohlc(fetch, exchange)[0] == []
    exchange.clock.advance(1)
    assert [row[0] for row in ohlc(fetch, exchange)[0]] == [START + 60]


def tape_series():
    series = TradeSeries("XBTUSDT")
    for number, (seconds, price, volume) in enumerate(TAPE):
        series.extend([ExchangeTrade(number, text_to_ns(seconds), seconds, price, volume, "b", "l", "")])
    return series


@example(clocks=[4000, 2500], minutes=1)  # back into a bucket whose only trade is still to come
@given(clocks=st.lists(st.integers(-60 * 10, 60 * 20 * 10), min_size=2, max_size=6), minutes=st.sampled_from([1, 5]))
def test_kept_candles_are_those_of_a_fresh_start_however_the_clock_moves(clocks, minutes):
    series = tape_series()
    kept = CandleBook(series, minutes, 1)
    for tenths in clocks:
        now_ns = START * 10**9 + tenths * 10**8
        assert kept.rows(now_ns) == CandleBook(series, minutes, 1).rows(now_ns)


def test_closed_candles_are_made_once(monkeypatch):
    made = []
    monkeypatch.setattr(api, "candles", lambda trades, seconds: made.extend(trades) or candles(trades, seconds))
    book = CandleBook(tape_series(), 1, 1)
    for _ in range(3):
        book.rows((START + 400) * 10**9)
    assert len(made) == len(TAPE)


def test_at_most_720_rows_and_the_first_knows_the_close_before(serve_tape, fetch):
    tape = [(f"{START}", "100.5", "1.0"), (f"{START + 800 * 60}", "101.0", "1.0")]
    rows, last = ohlc(fetch, serve_tape(tape, START + 800 * 60 + 1))
    assert (len(rows), last) == (720, START + 799 * 60)
    assert rows[0] == [START + 81 * 60, "100.5", "100.5", "100.5", "100.5", "0.0", "0.00000000", 0]
    assert [row[0] for row in rows] == list(range(START + 81 * 60, START + 801 * 60, 60))


def test_since_leaves_out_older_rows(serve_tape, fetch):
    rows, last = ohlc(fetch, serve_tape(TAPE, START + 330), since=START + 180)
    assert (rows, last) == (MINUTES[4:], START + 240)


def test_weeks_begin_on_thursday(serve_tape, fetch):
    rows, _ = ohlc(fetch, serve_tape(TAPE, START + 330), interval=10080)
    assert rows[0][0] == 1_699_488_000  # Thursday, 2023-11-09 00:00 UTC


@pytest.mark.parametrize("interval", ["2", "0", "x", "720", "-1"])
def test_an_interval_kraken_does_not_have_is_refused(serve_tape, fetch, interval):
    answer = fetch(serve_tape(TAPE, START + 330), "OHLC", pair="XBTUSDT", interval=interval)
    assert answer == {"error": ["EGeneral:Invalid arguments"]}
