"""A load from the local exchange into a real warehouse: whole, exact, once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, ReplayFeed, SyntheticFeed
from dlt_pipeline.warehouse.database import warehouse_path
from dlt_pipeline.warehouse.pipeline import PIPELINE
from tests.loading.quick import DAY_NS, NOW, NOW_NS, START_NS, SYMBOLS, quick_load
from tests.truth import expected_trades, loaded_trades, query


@pytest.mark.parametrize("since_inclusive", [True, False])
def test_everything_arrives_once_also_more_than_a_page_within_a_millisecond(
    serve: Callable[..., LocalExchange], feed: SyntheticFeed, warehouse: Path, since_inclusive: bool
) -> None:
    serve(feed, Clock(NOW), since_inclusive=since_inclusive)
    report = quick_load()
    assert not report.failures
    for symbol in SYMBOLS:
        truth = expected_trades(feed, symbol, NOW_NS)
        assert loaded_trades(warehouse, symbol) == truth
        assert report.trades[symbol] == len(truth)
    per_ms = "select max(n) from (select count(*) as n from kraken_raw.trades group by symbol, time_ns // 1000000)"
    assert query(warehouse, per_ms)[0][0] >= 1500, "the feed has its burst"


def test_a_second_load_adds_nothing(exchange: LocalExchange, warehouse: Path) -> None:
    quick_load()
    before = query(warehouse, "select * from kraken_raw.trades order by all")
    calls = len(exchange.calls)
    report = quick_load()
    assert sum(report.trades.values()) == 0
    assert query(warehouse, "select * from kraken_raw.trades order by all") == before
    trades_calls = [call for call in exchange.calls[calls:] if call.path.endswith("Trades")]
    assert len(trades_calls) == 2 * len(SYMBOLS), "a second load asks each symbol for its head, and whether it is"


def test_new_trades_are_added_as_the_exchange_moves_on(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    exchange.clock.set(NOW - timedelta(hours=5))
    quick_load()
    exchange.clock.set(NOW)
    quick_load()
    for symbol in SYMBOLS:
        assert loaded_trades(warehouse, symbol) == expected_trades(feed, symbol, NOW_NS)


def test_a_long_load_is_a_chain_of_bounded_runs(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "2")
    report = quick_load("BTC/USD")
    runs = query(warehouse, "select _dlt_load_id, count(*) from kraken_raw.pages group by 1 order by 1")
    assert len(runs) >= 3
    assert all(pages <= 2 for _, pages in runs)
    assert not report.unfinished
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_chunk_ends_when_its_time_is_up_but_always_moves(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_SECONDS", "0")
    quick_load("BTC/USD")
    runs = query(warehouse, "select count(*) from kraken_raw.pages group by _dlt_load_id")
    assert len(runs) > 3
    assert set(runs) == {(1,)}
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


@pytest.mark.parametrize("page_size", ["40", "999"])
def test_any_page_size_will_do(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch, page_size: str
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", page_size)
    quick_load("MINA/GBP")
    assert loaded_trades(warehouse, "MINA/GBP") == expected_trades(feed, "MINA/GBP", NOW_NS)


def test_bounds_are_widened_to_whole_days_unless_exact(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    start, end = START_NS + 30 * 60 * 10**9, START_NS + 90 * 60 * 10**9
    quick_load("BTC/USD", start="2026-11-06T00:30", end="2026-11-06T01:30", exact=True)
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS, start, end)
    assert query(warehouse, "select covered_from_ns, max(covered_to_ns) from kraken_raw.pages group by 1") == [
        (start, end)
    ]
    quick_load("BTC/USD", start="2026-11-06T00:30", end="2026-11-06T01:30")
    truth = expected_trades(feed, "BTC/USD", NOW_NS, START_NS, START_NS + DAY_NS)
    assert loaded_trades(warehouse, "BTC/USD") == truth


def state_cursors() -> dict[str, Any]:
    pipeline = dlt.attach(PIPELINE, destination=dlt.destinations.duckdb(str(warehouse_path())))
    return dict(pipeline.state["sources"]["kraken"]["cursors"])


def test_a_backfill_leaves_the_live_cursor_alone(exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path) -> None:
    quick_load("BTC/USD", start="2026-11-08")
    cursor = state_cursors()["BTC/USD"]
    quick_load("BTC/USD", start="2026-11-06", end="2026-11-07")
    assert state_cursors()["BTC/USD"] == cursor
    quick_load("BTC/USD", start="2026-11-06")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_rest_candles_are_snapshots_of_committed_rows(exchange: LocalExchange, warehouse: Path) -> None:
    quick_load("MINA/GBP", timeframes=("1m", "1h"))
    quick_load("MINA/GBP", timeframes=("1h",))
    rows = query(
        warehouse,
        "select timeframe, count(distinct fetched_at), count(*), max(bucket_start) "
        "from kraken_raw.rest_candles group by 1 order by 1",
    )
    last_hour = datetime(2026, 11, 8, 11)  # noqa: DTZ001 - the table is naive UTC
    assert [(name, fetches, last) for name, fetches, _, last in rows if name == "1h"] == [("1h", 2, last_hour)]
    assert next(count for name, _, count, _ in rows if name == "1m") == 719, "720 rows, the last still open"


def test_types_are_exact_and_the_load_id_is_there(exchange: LocalExchange, warehouse: Path) -> None:
    quick_load("BONK/USD")
    types = dict(
        query(
            warehouse,
            "select column_name, data_type from duckdb_columns() "
            "where schema_name = 'kraken_raw' and table_name = 'trades'",
        )
    )
    assert types["price"] == types["volume"] == "DECIMAL(38,12)"
    assert types["time_ns"] == types["trade_id"] == "BIGINT"
    assert types["traded_at"] == "TIMESTAMP"
    assert types["traded_on"] == "DATE"
    assert types["_dlt_load_id"] == "VARCHAR"
    assert query(warehouse, "select count(*) from kraken_raw.trades where volume > 1e10")[0][0] > 0


def test_trades_without_ids_are_loaded_once(
    serve: Callable[..., LocalExchange], warehouse: Path, recorded_folder: Path
) -> None:
    """The recorded GRTETH pages were chained with `last` + 1; ours asks earlier and must neither drop nor double."""
    for inclusive in (True, False):
        feed = ReplayFeed(recorded_folder / "grteth")
        exchange = serve(feed, since_inclusive=inclusive)
        quick_load("GRT/ETH", start="2021-03-28")
        truth = expected_trades(feed, "GRT/ETH", exchange.clock.now_ns())
        assert len(truth) == 6000
        assert loaded_trades(warehouse, "GRT/ETH") == truth
    assert query(warehouse, "select count(distinct (idless_time_ns, place)) from kraken_raw.trades") == [(6000,)]
