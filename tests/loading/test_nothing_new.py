"""A load of time that is loaded already leaves the warehouse and dlt's folder as they are."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest
from dlt.common.pipeline import get_dlt_pipelines_dir

from dlt_pipeline.exchange import LocalExchange
from dlt_pipeline.warehouse.database import file_state
from tests.loading.quick import quick_load
from tests.loading.test_memory import leave_pending
from tests.truth import query

WINDOW = {"start": "2026-11-06", "end": "2026-11-07"}
STATUS = "select status from kraken_raw.market_statuses where symbol = 'ETH/USD' order by seen_at"


@pytest.fixture
def loaded(exchange: LocalExchange, warehouse: Path) -> Path:
    """A warehouse that holds a day of a market."""
    assert quick_load("MINA/GBP", **WINDOW).trades["MINA/GBP"]
    return warehouse


def packages() -> list[str]:
    return sorted(each.name for each in (Path(get_dlt_pipelines_dir()) / "kraken" / "load" / "loaded").iterdir())


def test_nothing_is_written(exchange: LocalExchange, loaded: Path) -> None:
    before, kept, calls = file_state(loaded), packages(), len(exchange.calls)
    report = quick_load("MINA/GBP", **WINDOW)
    assert (report.trades, report.failures, report.unfinished, report.calls) == ({}, {}, [], {"MINA/GBP": 0})
    assert (file_state(loaded), packages()) == (before, kept)
    assert [call.path for call in exchange.calls[calls:]] == ["Time", "Assets", "AssetPairs", "SystemStatus"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda exchange: exchange.set_status("cancel_only", "ETH/USD"), id="a market's status"),
        # The same load by load: test_statuses.py.
        pytest.param(lambda exchange: exchange.delist("ETH/USD"), id="a market that is gone", marks=pytest.mark.long),
        pytest.param(
            lambda exchange: exchange.set_status("maintenance"), id="the exchange's status", marks=pytest.mark.long
        ),
    ],
)
def test_what_changed_of_the_markets_is_written(
    exchange: LocalExchange, loaded: Path, change: Callable[[LocalExchange], None]
) -> None:
    statuses = "select count(*) from kraken_raw.market_statuses"
    ((before,),) = query(loaded, statuses)
    change(exchange)
    calls = len(exchange.calls)
    quick_load("MINA/GBP", **WINDOW)
    assert query(loaded, statuses) == [(before + 1,)]
    assert sum(call.path == "SystemStatus" for call in exchange.calls[calls:]) == 1


@pytest.mark.parametrize(
    "written",
    [
        "update kraken_raw.markets set fetched_at = fetched_at - interval 25 hour",
        "update kraken_raw.markets set price_decimals = 3 where symbol = 'ETH/USD'",
        "delete from kraken_raw.markets where symbol = 'ETH/USD'",
    ],
    ids=["a day old", "other decimals", "a market that is new"],
)
def test_what_the_warehouse_lacks_of_it_is_written(exchange: LocalExchange, loaded: Path, written: str) -> None:
    markets = "select symbol, price_decimals from kraken_raw.markets order by symbol"
    listed = query(loaded, markets)
    with duckdb.connect(str(loaded)) as connection:
        connection.execute(written)
    began = datetime.now(timezone.utc).replace(tzinfo=None)
    quick_load("MINA/GBP", **WINDOW)
    assert query(loaded, markets) == listed
    assert query(loaded, "select min(fetched_at) from kraken_raw.markets")[0][0] >= began


def test_a_chunk_that_waits_is_finished(exchange: LocalExchange, loaded: Path) -> None:
    leave_pending("BONK/USD", loaded)
    quick_load("MINA/GBP", **WINDOW)
    assert query(loaded, "select count(*) > 0 from kraken_raw.trades where symbol = 'BONK/USD'") == [(True,)]


def test_a_trade_that_is_missing_is_asked_for(exchange: LocalExchange, loaded: Path) -> None:
    count = "select count(*) from kraken_raw.trades"
    before = query(loaded, count)
    with duckdb.connect(str(loaded)) as connection:
        connection.execute("delete from kraken_raw.trades; delete from kraken_raw.pages")
    quick_load("MINA/GBP", **WINDOW)
    assert query(loaded, count) == before


def test_ccxt_is_whole_for_whoever_else_asks_for_it() -> None:
    """In a process of its own: here it may be imported already."""
    code = (
        "import sys, dlt_pipeline.kraken.client as ours\n"
        "assert 'ccxt.binance' not in sys.modules\n"
        "import ccxt, ccxt.pro\n"
        "assert issubclass(ours._TextKraken, ccxt.kraken) and ccxt.binance().id == 'binance'\n"
        "assert ours._errors.BaseError is ccxt.BaseError and ccxt.pro.kraken\n"
        "print(len(ccxt.exchanges) > 50)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
