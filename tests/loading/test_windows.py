"""A range in several windows: loaded in any order, one window failing and loaded again, it is one proven whole."""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from dlt_pipeline.exchange import Clock, Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.ledger_store import LedgerStore
from dlt_pipeline.kraken.load import LoadReport, load_request
from dlt_pipeline.kraken.request import Window, make_windows_request
from dlt_pipeline.kraken.settings import STEP_BACK_LIMIT_NS
from dlt_pipeline.warehouse.pipeline import make_pipeline
from tests.dbt_project.dbt_in_process import DbtProject
from tests.loading.quick import DAY_NS, NOW, NOW_NS, START_NS
from tests.truth import expected_trades, loaded_trades, query

SYMBOL = "BTC/USD"
END_NS = START_NS + 2 * DAY_NS


def split(windows: int, end_ns: int | None = END_NS) -> list[Window]:
    """Windows that meet at instants at which nobody is known to trade, the last one open without an end."""
    length = ((NOW_NS if end_ns is None else end_ns) - START_NS) // windows
    bounds = [*(START_NS + place * length + place for place in range(windows)), end_ns]
    return [Window(start, end, start, end) for start, end in pairwise(bounds)]


def load_window(window: Window, symbol: str = SYMBOL) -> LoadReport:
    return load_request(make_windows_request({symbol: [window]}, ()))


def proven(warehouse: Path, symbol: str = SYMBOL) -> list[tuple[int, int]]:
    with LedgerStore.of_pipeline(make_pipeline(warehouse)) as store:
        return [(known.from_ns, known.to_ns) for known in store.ledger([symbol])[symbol]]


def random_fault(chance: random.Random, ids: list[int]) -> Fault:
    hidden = frozenset(chance.sample(ids, 3))
    return chance.choice(
        [
            Fault("wrong_pair", "Trades", times=None),
            Fault("wrong_pair", "Trades", times=None, skip=len(ids) // 1_000),  # its last page
            Fault("out_of_order", "Trades", times=None),
            Fault("error", "Trades", times=None, error="EGeneral:Invalid arguments"),
            Fault("hide_ids", "Trades", times=None, ids=hidden),
        ]
    )


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.long)])
def test_windows_in_any_order_with_one_that_fails_first_are_one_proven_whole(
    *,
    serve: Callable[..., LocalExchange],
    tmp_path: Path,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    chance: random.Random,
    times: int,
) -> None:
    warehouse = tmp_path
    for number in range(times):
        warehouse = tmp_path / f"{number}" / "warehouse.duckdb"
        warehouse.parent.mkdir()
        monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(warehouse))
        feed = SyntheticFeed(chance.randrange(10**6), Clock(NOW), days=2)
        exchange = serve(feed, Clock(NOW), since_inclusive=chance.random() < 0.5)
        windows = split(chance.randint(2, 6))
        truth = expected_trades(feed, SYMBOL, NOW_NS, START_NS, END_NS)
        bad = chance.choice(windows)
        ids = [row[0] for row in truth if bad.start_ns <= row[1] < (bad.end_ns or NOW_NS)]
        fault = random_fault(chance, ids[1:-1])
        print(f"{len(windows)} windows, the one of {len(ids)} trades meets {fault}")
        for window in chance.sample(windows, len(windows)):
            if window == bad:
                exchange.faults.add(fault)
            report = load_window(window)
            exchange.faults.clear()
            assert bool(report.failures or report.missing_ids.get(SYMBOL)) == (window == bad)
        assert loaded_trades(warehouse, SYMBOL) != truth
        load_window(bad)
        assert loaded_trades(warehouse, SYMBOL) == truth
        assert proven(warehouse) == [(START_NS, END_NS)]
    assert query(warehouse, "select max(n) from (select count(*) as n from kraken_raw.trades group by trade_id)") == [
        (1,)
    ]
    selected = ("--select", "+coverage", "+gaps", "--indirect-selection", "cautious")
    assert DbtProject(target, warehouse, {}).red(warehouse, *selected) == set()
    coverage = "select covered_from_ns, covered_to_ns, trade_count, are_ids_contiguous from kraken.coverage"
    assert query(warehouse, coverage) == [(START_NS, END_NS, len(truth), True)]
    assert query(warehouse, "select count(*) from kraken.gaps") == [(0,)]


def test_a_window_in_the_middle_of_loaded_ones_goes_on_from_the_ids_before_it(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    first, middle, last = split(3)
    for window in (last, first, middle):
        load_window(window)
    assert proven(warehouse) == [(START_NS, END_NS)]
    pages = "select asked_known_trade_id, covered_from_ns from kraken_raw.pages order by covered_from_ns"
    asked, from_ns = next(row for row in query(warehouse, pages) if row[1] >= middle.start_ns)
    assert from_ns <= middle.start_ns + STEP_BACK_LIMIT_NS
    assert asked == max(row[0] for row in expected_trades(feed, SYMBOL, NOW_NS, 0, from_ns))


def test_all_windows_in_one_request_and_the_last_one_open(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    windows = split(4, end_ns=None)
    assert windows[-1].end_ns is None
    load_request(make_windows_request({SYMBOL: windows}, ()))
    assert loaded_trades(warehouse, SYMBOL) == expected_trades(feed, SYMBOL, NOW_NS)
    assert len(proven(warehouse)) == 1


def test_a_trade_lost_just_behind_a_seam_is_noticed_and_found_by_loading_that_window_again(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    first, second = split(2)
    load_window(first)
    lost = min(row[0] for row in expected_trades(feed, SYMBOL, NOW_NS, second.start_ns))
    exchange.faults.add(Fault("hide_ids", "Trades", times=None, ids={lost}))
    assert load_window(second).missing_ids[SYMBOL] == 1
    exchange.faults.clear()
    load_window(second)
    assert loaded_trades(warehouse, SYMBOL) == expected_trades(feed, SYMBOL, NOW_NS, START_NS, END_NS)
