"""Each fault as a client meets it."""

import http.client
import urllib.error
import urllib.request

import pytest

from dlt_pipeline.exchange import Fault, LocalExchangeError, RawNumber, replace_value

START = 1_700_000_000
TAPE = [(f"{START + n}", f"10{n}.0", "1.0") for n in range(6)]  # ids 11 to 16


@pytest.fixture
def exchange(serve_tape):
    return serve_tape(TAPE, START + 60)


def trades(fetch, exchange, count=1000):
    return fetch(exchange, "Trades", pair="XBTUSDT", since=0, count=count)["result"]


def ids(result):
    return [row[6] for row in result["XBTUSDT"]]


def raw(exchange, method="Trades"):
    return urllib.request.urlopen(f"{exchange.base_url}/0/public/{method}?pair=XBTUSDT", timeout=5)


def test_an_error_text_so_many_times(exchange, fetch):
    exchange.faults.add(Fault("error", path="Trades", times=2, error="EService: Throttled: 1700000060"))
    answers = [fetch(exchange, "Trades", pair="XBTUSDT")["error"] for _ in range(3)]
    assert answers == [["EService: Throttled: 1700000060"], ["EService: Throttled: 1700000060"], []]
    assert exchange.faults.pending == []
    assert len(exchange.calls) == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504, 520, 522, 524])
def test_an_http_status(exchange, status):
    exchange.faults.add(Fault("http_status", status=status))
    with pytest.raises(urllib.error.HTTPError) as caught:
        raw(exchange)
    assert (caught.value.code, caught.value.headers.get_content_type()) == (status, "text/html")
    assert raw(exchange).status == 200


def test_html_with_status_200(exchange):
    exchange.faults.add(Fault("html"))
    with raw(exchange) as response:
        assert (response.status, response.headers.get_content_type()) == (200, "text/html")
        assert response.read().startswith(b"<!DOCTYPE html>")


def test_a_dropped_connection(exchange, fetch):
    exchange.faults.add(Fault("drop"))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)) as caught:
        raw(exchange)
    assert not isinstance(caught.value, urllib.error.HTTPError)
    assert len(ids(trades(fetch, exchange))) == 6


def test_last_is_missing(exchange, fetch):
    exchange.faults.add(Fault("missing_last", path="Trades"))
    assert list(trades(fetch, exchange)) == ["XBTUSDT"]
    assert list(trades(fetch, exchange)) == ["XBTUSDT", "last"]


def test_hidden_ids_leave_a_hole_in_a_page_that_is_full(exchange, fetch):
    exchange.faults.add(Fault("hide_ids", ids={12, 13}, times=None))
    assert ids(trades(fetch, exchange, count=3)) == [11, 14, 15]
    assert ids(trades(fetch, exchange, count=2)) == [11, 14]


def test_hidden_ids_count_only_where_they_were_due(exchange, fetch):
    exchange.faults.add(Fault("hide_ids", ids={15}, times=1))
    assert ids(trades(fetch, exchange, count=3)) == [11, 12, 13]
    assert ids(trades(fetch, exchange)) == [11, 12, 13, 14, 16]
    assert ids(trades(fetch, exchange)) == [11, 12, 13, 14, 15, 16]


def test_a_hidden_newest_trade_comes_late(exchange, fetch):
    exchange.faults.add(Fault("hide_ids", ids={16}))
    assert trades(fetch, exchange)["last"] == f"{START + 4}000000000"
    assert trades(fetch, exchange)["last"] == f"{START + 5}000000000"


def test_the_result_of_another_pair(exchange, fetch):
    exchange.faults.add(Fault("wrong_pair"))
    assert list(trades(fetch, exchange)) == ["XBTUSDTX", "last"]


def test_rows_out_of_order(exchange, fetch):
    exchange.faults.add(Fault("out_of_order"))
    assert ids(trades(fetch, exchange)) == [16, 12, 13, 14, 15, 11]
    assert ids(trades(fetch, exchange)) == [11, 12, 13, 14, 15, 16]


def test_a_broken_value_in_one_row(exchange, fetch):
    exchange.faults.add(Fault("change", path="Trades", change=replace_value(1, 0, "abc")))
    exchange.faults.add(Fault("change", path="OHLC", change=replace_value(-1, 5, RawNumber("1.50"))))
    assert trades(fetch, exchange)["XBTUSDT"][1][0] == "abc"
    assert trades(fetch, exchange)["XBTUSDT"][1][0] == "101.0"
    assert fetch(exchange, "OHLC", pair="XBTUSDT")["result"]["XBTUSDT"][-1][5] == "1.50"


def test_a_fault_keeps_to_its_path_and_pair_and_spares_the_first_calls(exchange, fetch):
    exchange.faults.add(Fault("error", path="OHLC"))
    exchange.faults.add(Fault("error", pair="ETH/USD"))
    exchange.faults.add(Fault("error", path="Trades", pair="BTC/USDT", skip=2))
    errors = [fetch(exchange, "Trades", pair="XBTUSDT")["error"] for _ in range(4)]
    assert errors == [[], [], ["EService:Busy"], []]
    assert [fault.path or fault.pair for fault in exchange.faults.pending] == ["OHLC", "ETH/USD"]
    exchange.faults.clear()
    assert fetch(exchange, "OHLC", pair="XBTUSDT")["error"] == []


def test_a_fault_instead_of_an_answer_goes_before_one_that_spoils_it(exchange, fetch):
    exchange.faults.add(Fault("missing_last"))
    exchange.faults.add(Fault("error"))
    assert fetch(exchange, "Trades", pair="XBTUSDT") == {"error": ["EService:Busy"]}
    assert list(trades(fetch, exchange)) == ["XBTUSDT"]
    assert list(trades(fetch, exchange)) == ["XBTUSDT", "last"]


def test_a_rule_that_could_do_nothing_is_refused():
    with pytest.raises(LocalExchangeError, match="needs the trade ids"):
        Fault("hide_ids")
    with pytest.raises(LocalExchangeError, match="needs a function"):
        Fault("change")
