"""A stream beside real loads: what it heard is proven from the warehouse and recorded there."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.exchange import Clock, Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.load import load
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.stream import StreamWaiter
from dlt_pipeline.stream import client as stream_module
from dlt_pipeline.warehouse.database import warehouse_path
from tests.conftest import held
from tests.loading.quick import NOW
from tests.truth import query

BTC, MINA = "BTC/USD", "MINA/GBP"
HOUR = 3_600
NEVER = threading.Event()
COUNTS = "heard_count, missing_in_stream, completed_from_rest, not_loaded_yet, outside_load, not_in_rest"


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange]) -> LocalExchange:
    clock = Clock(NOW)
    return serve(SyntheticFeed(7, clock, days=1), clock)


@pytest.fixture
def begin(exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., StreamWaiter]]:
    """Begin to follow some symbols with a stream; it has heard of each."""
    monkeypatch.setattr(stream_module, "_FIRST_PAUSE_SECONDS", 0.1)
    running = []

    def start(*symbols: str, **settings: Any) -> StreamWaiter:
        given = {"stream_gather_seconds": 0.2, "stream_record_seconds": 0.0} | settings
        waiter = StreamWaiter(load_settings(**given), symbols)
        running.append(waiter.__enter__())
        until(lambda: waiter.stream.is_connected and all(waiter.stream.newest(symbol) for symbol in symbols))
        return waiter

    yield start
    for waiter in running:
        waiter.__exit__(None, None, None)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def hear_all(exchange: LocalExchange, waiter: StreamWaiter, hours: float, symbol: str = BTC) -> int:
    """Let time pass until the stream has told of the newest trade; gives its id."""
    exchange.clock.advance(hours * HOUR)
    newest = exchange.feed.trades(symbol, exchange.clock.now_ns())[-1].trade_id or 0
    until(lambda: waiter.stream.newest(symbol)[0] == newest)
    return newest


def load_after(waiter: StreamWaiter, *symbols: str) -> list[Any]:
    load(symbols, "2026-11-08", timeframes=())
    return waiter.after_load(warehouse_path(), symbols)


def rows(columns: str = COUNTS) -> list[Any]:
    return query(warehouse_path(), f"select {columns} from kraken_ops.streamed_stretches order by first_trade_id")


def test_what_a_disconnect_and_dropped_ids_left_out_comes_from_rest(
    exchange: LocalExchange, begin: Callable[..., StreamWaiter]
) -> None:
    waiter = begin(BTC)
    first = waiter.stream.stretches(BTC)[0].first_trade_id
    assert load_after(waiter, BTC) == []  # a stretch that goes on is not recorded yet
    dropped = {waiter.stream.newest(BTC)[0] + each for each in (3, 4, 9)}
    exchange.faults.add(Fault("hide_ids", path="v2", ids=dropped, times=None))
    hear_all(exchange, waiter, 1)
    exchange.faults.add(Fault("disconnect"))
    until(lambda: not waiter.stream.is_connected)
    exchange.clock.advance(3 * HOUR)  # more than the 50 trades of a snapshot
    until(lambda: waiter.stream.is_connected)
    newest = hear_all(exchange, waiter, 0.5)
    load_after(waiter, BTC)
    waiter.finish(warehouse_path())
    found = rows()
    assert [row[1] for row in found][:2] == [0, 3]
    assert found[2][1] > 100
    assert sum(row[0] + row[1] for row in found) == newest - first + 1
    assert [row[2:] for row in found] == [(row[1], 0, 0, 0) for row in found]
    assert [row[0] for row in rows("disconnected_at is not null")] == [
        False,
        True,
        True,
    ]  # the first was cut while its connection went on
    assert rows("distinct on (symbol) symbol, connected_at <= first_heard_at and last_heard_at < proven_at") == [
        (BTC, True)
    ]


def test_a_trade_that_rest_does_not_give_is_said_once_and_recorded(
    exchange: LocalExchange, begin: Callable[..., StreamWaiter], caplog: pytest.LogCaptureFixture
) -> None:
    waiter = begin(BTC)
    lost = waiter.stream.newest(BTC)[0] - 7
    exchange.faults.add(Fault("hide_ids", path="Trades", ids={lost}, times=None))
    load_after(waiter, BTC)
    load_after(waiter, BTC)
    waiter.finish(warehouse_path())
    assert rows("not_in_rest, first_not_in_rest, last_not_in_rest, not_loaded_yet") == [(1, lost, lost, 0)]
    said = [line for line in caplog.messages if "heard on the stream" in line]
    assert len(said) == 1
    assert said[0].startswith(f"BTC/USD: trade {lost} was heard on the stream, but REST gave only later ones")
    assert query(warehouse_path(), "select first_missing_id from kraken_raw.id_holes") == [(lost,)]


def test_trades_from_before_the_load_are_no_fault(exchange: LocalExchange, begin: Callable[..., StreamWaiter]) -> None:
    waiter = begin(MINA)  # its 50 newest trades reach into the day before
    load_after(waiter, MINA)
    waiter.finish(warehouse_path())
    ((heard, *others),) = rows("heard_count, outside_load > 0, outside_load < heard_count, not_in_rest, not_loaded_yet")
    assert (heard, others) == (50, [True, True, 0, 0])


def test_who_has_not_traded_since_the_load_begins_need_not_be_asked(begin: Callable[..., StreamWaiter]) -> None:
    waiter = begin(MINA)
    assert load([MINA], "2026-11-08T12:34", exact=True, timeframes=()).trades == {MINA: 0}
    waiter.after_load(warehouse_path())
    assert waiter.quiet() == {MINA}
    waiter.finish(warehouse_path())
    assert rows("heard_count, outside_load, not_loaded_yet") == [(50, 50, 0)]


def test_who_need_not_be_asked(exchange: LocalExchange, begin: Callable[..., StreamWaiter]) -> None:
    waiter = begin(BTC, MINA, stream_quiet_seconds=600)
    assert waiter.wait(20, NEVER) == {BTC, MINA}
    assert waiter.quiet() == set()  # heard, and not loaded yet
    load_after(waiter, BTC, MINA)
    assert waiter.quiet() == {BTC, MINA}
    hear_all(exchange, waiter, 0.1)
    assert waiter.wait(20, NEVER) == {BTC}
    assert waiter.quiet() == {MINA}
    load_after(waiter, BTC)
    assert waiter.quiet() == {BTC, MINA}
    exchange.faults.add(Fault("http_status", path="v2", times=None))
    exchange.faults.add(Fault("disconnect"))
    until(lambda: not waiter.stream.is_connected)
    assert waiter.quiet() == set()  # nobody tells of them any more


def test_a_long_connection_is_recorded_in_pieces_and_the_rest_at_the_end(
    exchange: LocalExchange, begin: Callable[..., StreamWaiter]
) -> None:
    waiter = begin(BTC)
    load_after(waiter, BTC)
    assert len(load_after(waiter, BTC)) == 1
    hear_all(exchange, waiter, 1)
    assert load_after(waiter, BTC) == []
    hear_all(exchange, waiter, 0.2)
    waiter.finish(warehouse_path())
    waiter = begin(BTC)
    waiter.finish(warehouse_path())
    found = sorted(rows("connected_at, first_heard_at, heard_count, not_loaded_yet = 0, disconnected_at is null"))
    # The third piece was not loaded, and a second follower starts over with the 50 of its snapshot.
    assert [row[3:] for row in found] == [(True, True), (True, True), (False, False), (False, False)]
    assert [found[0][2], found[3][2]] == [50, 50]


def test_a_warehouse_in_use_is_proven_after_the_next_load(begin: Callable[..., StreamWaiter], tmp_path: Path) -> None:
    waiter = begin(BTC)
    load_after(waiter, BTC)
    with held(warehouse_path()):
        assert waiter.after_load(warehouse_path()) == []
    assert len(waiter.after_load(warehouse_path())) == 1
