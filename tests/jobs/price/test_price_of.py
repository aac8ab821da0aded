"""Only what the warehouse lacks has a price: it equals what the load then brings."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from dlt_pipeline import price_of
from dlt_pipeline.cli.repair import count_calls
from dlt_pipeline.common.exceptions import WarehouseLockedError, WrongWarehouseError
from dlt_pipeline.exchange import Clock, Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.load import load_request
from dlt_pipeline.kraken.request import Request, Window, make_request, make_window, make_windows_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.repairs.gaps import Repair
from dlt_pipeline.repairs.plan import RepairPlan
from tests.conftest import held
from tests.loading.quick import NOW, NOW_NS, START_NS, SYMBOLS, quick_load
from tests.truth import expected_trades

HOUR_NS = 3_600 * 10**9


def request_of(*symbols: str, start: str = "2026-11-06", end: str | None = None) -> Request:
    return make_request(symbols or SYMBOLS, start, end, (), False)


def test_without_a_warehouse_all_is_priced_and_none_is_made(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    for one in price_of(request_of()):
        assert one.trades == len(expected_trades(feed, one.symbol, NOW_NS))
        assert one.asked_calls == 2
    assert not warehouse.exists()


@pytest.mark.parametrize("since_inclusive", [True, pytest.param(False, marks=pytest.mark.long)])
def test_what_is_loaded_costs_nothing(
    serve: Callable[..., LocalExchange], feed: SyntheticFeed, since_inclusive: bool
) -> None:
    """Loads in a random order leave gaps; price and load agree on what is missing after each."""
    serve(feed, Clock(NOW), since_inclusive=since_inclusive)
    rng = Random(5)
    hours = range(60)
    for _ in range(4):
        start, end = sorted(rng.sample(hours, 2))
        bounds = {"start": _text(start), "end": _text(end)}
        quick_load("BTC/USD", "MINA/GBP", exact=True, **bounds)
    for end in ("2026-11-07T20:00", None):
        request = make_request(("BTC/USD", "MINA/GBP"), "2026-11-06T01:00", end, (), True)
        told = {one.symbol: one for one in price_of(request)}
        report = load_request(request)
        for symbol, one in told.items():
            assert one.trades == report.trades.get(symbol, 0), (symbol, end)
            assert one.asked_calls <= 2, "the seams of what is loaded are known"
    done = price_of(request_of("BTC/USD", start="2026-11-07", end="2026-11-07T20:00"))
    assert done[0].trades == price_of(request_of("BTC/USD", start="2026-11-07", end="2026-11-08"))[0].trades


def _text(hour: int) -> str:
    return f"2026-11-{6 + hour // 24:02}T{hour % 24:02}:00"


def test_nothing_lacking_asks_nothing_and_costs_the_snapshots(exchange: LocalExchange) -> None:
    quick_load("BTC/USD", end="2026-11-08")
    before = len([call for call in exchange.calls if call.path.endswith("Trades")])
    request = make_request(("BTC/USD",), "2026-11-06", "2026-11-08", ("1m", "1h"), False)
    (one,) = price_of(request)
    assert (one.trades, one.calls, one.duckdb_bytes, one.asked_calls) == (0, 2, 0, 0)
    assert len([call for call in exchange.calls if call.path.endswith("Trades")]) == before


def test_windows_that_differ_by_symbol_are_added_up(exchange: LocalExchange, feed: SyntheticFeed) -> None:
    first = make_window("2026-11-06T01:00", "2026-11-06T03:00", True)
    second = make_window("2026-11-07T05:00", "2026-11-07T09:00", True)
    request = make_windows_request({"BTC/USD": (first, second), "MINA/GBP": (second,)}, ())
    both, one = price_of(request)
    spans = [(START_NS + HOUR_NS, START_NS + 3 * HOUR_NS), (START_NS + 29 * HOUR_NS, START_NS + 33 * HOUR_NS)]
    assert both.trades == sum(len(expected_trades(feed, "BTC/USD", NOW_NS, *span)) for span in spans)
    assert one.trades == len(expected_trades(feed, "MINA/GBP", NOW_NS, *spans[1]))
    assert both.calls > one.calls


def test_ids_that_kraken_lacked_are_priced_again_with_explicit_bounds_alone(exchange: LocalExchange) -> None:
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BTC/USD", ids={2100, 2101}, times=None))
    quick_load("BTC/USD")
    (live,) = price_of(request_of("BTC/USD"))
    assert (live.trades, live.asked_calls) == (0, 1)
    exchange.faults.clear()
    (bounded,) = price_of(request_of("BTC/USD", end="2026-11-08"))
    assert 0 < bounded.trades < 1100, "the one page that lacked ids"
    report = quick_load("BTC/USD", end="2026-11-08")
    assert bounded.trades == report.trades["BTC/USD"]


def test_a_distrusted_window_is_priced_whole_whatever_the_ledger_says(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    quick_load("BTC/USD", "MINA/GBP")
    span = (START_NS + 29 * HOUR_NS, START_NS + 33 * HOUR_NS)
    request = make_windows_request({"BTC/USD": [Window(*span, *span, True)], "MINA/GBP": [Window(*span, *span)]}, ())
    told, nothing = price_of(request)
    assert told.trades == len(expected_trades(feed, "BTC/USD", NOW_NS, *span)) > 0
    assert (nothing.trades, nothing.calls) == (0, 0)
    repair = Repair("BTC/USD", *span, "listed", (span,), is_distrusted=True)
    assert count_calls(RepairPlan(warehouse, (repair,))) == {repair: told.calls}
    before = len([call for call in exchange.calls if call.path == "Trades"])
    load_request(request)
    assert abs(len([call for call in exchange.calls if call.path == "Trades"]) - before - told.calls) <= 1


def test_the_session_goes_on_into_the_load(exchange: LocalExchange, feed: SyntheticFeed) -> None:
    session = Session(load_settings())
    request = request_of("MINA/GBP")
    (one,) = price_of(request, session=session)
    asked = len([call for call in exchange.calls if call.path.endswith(("Time", "AssetPairs"))])
    assert load_request(request, session=session).trades["MINA/GBP"] == one.trades
    assert len([call for call in exchange.calls if call.path.endswith(("Time", "AssetPairs"))]) == asked


def test_a_locked_warehouse_and_one_of_another_exchange_are_said(exchange: LocalExchange, warehouse: Path) -> None:
    import duckdb

    quick_load("MINA/GBP")
    with held(warehouse) as holder, pytest.raises(WarehouseLockedError, match=f"is in use by .*process {holder.pid}"):
        price_of(request_of("MINA/GBP"))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update kraken_raw.warehouse_versions set exchange = 'live'")
    with pytest.raises(WrongWarehouseError, match="holds trades of a live exchange"):
        price_of(request_of("MINA/GBP"))
