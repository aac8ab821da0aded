"""Pages of the Trades answer, asked over HTTP."""

import urllib.request

import pytest

from dlt_pipeline.exchange.api import KrakenError, since_to_ns

START = 1_700_000_000
# Three trades share the second time.
TAPE = [
    (f"{START}.1", "100.0", "1.00000000"),
    (f"{START}.2", "100.1", "1.00000000"),
    (f"{START}.2", "100.1", "1.00000000"),
    (f"{START}.2", "100.2", "2.00000000"),
    (f"{START}.3", "100.3", "1.00000000"),
    (f"{START + 5}.4000001", "100.4", "1.00000000"),
]
AT_2 = "1700000000200000000"


def ids(answer):
    return [row[6] for row in answer["result"]["XBTUSDT"]]


@pytest.mark.parametrize(
    ("since_inclusive", "since", "expected"),
    [
        (False, "0", [11, 12, 13, 14, 15, 16]),
        (False, AT_2, [15, 16]),
        (True, AT_2, [12, 13, 14, 15, 16]),
        (False, "1700000000199999999", [12, 13, 14, 15, 16]),
        (True, "1700000000200000001", [15, 16]),
        (False, str(START), [11, 12, 13, 14, 15, 16]),  # whole seconds
        (False, str(START + 1), [16]),
        (False, f"{START}.25", [15, 16]),  # a fraction of seconds
        (False, str(START * 1000), [11, 12, 13, 14, 15, 16]),  # milliseconds are nanoseconds of 1970
    ],
)
def test_since_in_both_meanings(serve_tape, fetch, since_inclusive, since, expected):
    exchange = serve_tape(TAPE, START + 60, since_inclusive=since_inclusive)
    assert ids(fetch(exchange, "Trades", pair="XBTUSDT", since=since)) == expected


def test_a_page_cut_inside_a_nanosecond_loses_the_rest_when_since_is_exclusive(serve_tape, fetch):
    exchange = serve_tape(TAPE, START + 60)
    page = fetch(exchange, "Trades", pair="XBTUSDT", since=0, count=3)
    assert (ids(page), page["result"]["last"]) == ([11, 12, 13], AT_2)
    assert ids(fetch(exchange, "Trades", pair="XBTUSDT", since=AT_2, count=3)) == [15, 16]
    rewound = fetch(exchange, "Trades", pair="XBTUSDT", since=int(AT_2) - 1, count=3)
    assert ids(rewound) == [12, 13, 14]


def test_the_head_is_an_empty_page_that_repeats_since(serve_tape, fetch):
    exchange = serve_tape(TAPE, START + 60)
    last = fetch(exchange, "Trades", pair="XBTUSDT", since=0)["result"]["last"]
    assert last == "1700000005400000100"
    assert fetch(exchange, "Trades", pair="XBTUSDT", since=last)["result"] == {"XBTUSDT": [], "last": last}


def test_without_since_the_newest_trades_come(serve_tape, fetch):
    exchange = serve_tape(TAPE, START + 60)
    assert ids(fetch(exchange, "Trades", pair="XBTUSDT", count=2)) == [15, 16]
    assert len(ids(fetch(exchange, "Trades", pair="XBTUSDT"))) == 6


def test_a_trade_is_there_from_its_true_time_on(serve_tape, fetch):
    exchange = serve_tape(TAPE, START + 1)
    assert ids(fetch(exchange, "Trades", pair="XBTUSDT", since=0)) == [11, 12, 13, 14, 15]
    exchange.clock.advance(4.4000001)
    assert ids(fetch(exchange, "Trades", pair="XBTUSDT", since=0)) == [11, 12, 13, 14, 15, 16]


@pytest.mark.parametrize("count", ["0", "1001", "-1", "x", "1.5", ""])
def test_a_count_out_of_range_is_refused(serve_tape, fetch, count):
    answer = fetch(serve_tape(TAPE, START + 60), "Trades", pair="XBTUSDT", count=count)
    assert answer == {"error": ["EGeneral:Invalid arguments"]}


@pytest.mark.parametrize("since", ["x", "nan", "inf", ""])
def test_a_since_that_is_no_number_is_refused(since):
    with pytest.raises(KrakenError, match="EGeneral:Invalid arguments"):
        since_to_ns(since)


def test_numbers_go_out_digit_for_digit(serve_tape):
    exchange = serve_tape([(f"{START}.9717445", "105433.60000", "0.00027625"), (str(START + 1), "1.0", "2")], START + 9)
    with urllib.request.urlopen(f"{exchange.base_url}/0/public/Trades?pair=XBTUSDT&since=0") as response:
        text = response.read().decode()
    assert text == (
        '{"error":[],"result":{"XBTUSDT":[["105433.60000","0.00027625",1700000000.9717445,"b","l","",11],'
        '["1.0","2",1700000001,"b","l","",12]],"last":"1700000001000000000"}}'
    )
