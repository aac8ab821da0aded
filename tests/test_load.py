"""A load from the local exchange into a real warehouse: whole, once, resumable, and true to the ledger."""

import logging
import shutil
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from dlt_pipeline import kraken_source
from dlt_pipeline.exceptions import BadInputError, NoConnectionError, UnknownSymbolError, WarehouseLockedError
from dlt_pipeline.exchange import Clock, Fault, LocalExchange, ReplayFeed, SyntheticFeed
from dlt_pipeline.kraken.session import Session, make_request
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.kraken.source import Chunk, source_of
from dlt_pipeline.loading import PIPELINE, LoadReport, load, make_pipeline
from dlt_pipeline.warehouse import warehouse_path
from tests.truth import expected_trades, loaded_trades, query

NOW = datetime(2026, 11, 8, 12, 34, 56, tzinfo=timezone.utc)
NOW_NS = int(NOW.timestamp()) * 10**9
DAY_NS = 86_400 * 10**9
START = "2026-11-06"
START_NS = int(datetime(2026, 11, 6, tzinfo=timezone.utc).timestamp()) * 10**9
SYMBOLS = ("BTC/USD", "MINA/GBP", "BONK/USD")


@pytest.fixture(scope="module")
def feed() -> SyntheticFeed:
    return SyntheticFeed(7, Clock(NOW), days=2)


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange], feed: SyntheticFeed) -> LocalExchange:
    return serve(feed, Clock(NOW))


@pytest.fixture
def warehouse() -> Path:
    return warehouse_path()


def quick_load(*symbols: str, **options: Any) -> LoadReport:
    return load(symbols or SYMBOLS, options.pop("start", START), timeframes=options.pop("timeframes", ()), **options)


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
    assert len(trades_calls) == len(SYMBOLS), "a second load asks each symbol for its head alone"


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


def test_a_backfill_leaves_the_live_cursor_alone(exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path) -> None:
    quick_load("BTC/USD", start="2026-11-08")
    cursor = state_cursors()["BTC/USD"]
    quick_load("BTC/USD", start="2026-11-06", end="2026-11-07")
    assert state_cursors()["BTC/USD"] == cursor
    quick_load("BTC/USD", start="2026-11-06")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def state_cursors() -> dict[str, Any]:
    pipeline = dlt.attach(PIPELINE, destination=dlt.destinations.duckdb(str(warehouse_path())))
    return dict(pipeline.state["sources"]["kraken"]["cursors"])


def test_a_failing_symbol_leaves_the_others_alone(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    exchange.faults.add(Fault("wrong_pair", "Trades", pair="BONK/USD", times=None))
    report = quick_load()
    assert list(report.failures) == ["BONK/USD"]
    for symbol in ("BTC/USD", "MINA/GBP"):
        assert loaded_trades(warehouse, symbol) == expected_trades(feed, symbol, NOW_NS)
    exchange.faults.clear()
    quick_load()
    assert loaded_trades(warehouse, "BONK/USD") == expected_trades(feed, "BONK/USD", NOW_NS)


def test_what_came_before_a_failure_is_kept(exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path) -> None:
    exchange.faults.add(Fault("wrong_pair", "Trades", pair="BTC/USD", times=None, skip=2))
    report = quick_load("BTC/USD")
    assert report.trades["BTC/USD"] == 2000 - 1, "two pages, the seam's trade once"
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)[:1999]


def test_a_hole_that_fills_when_asked_again_leaves_no_trace(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BTC/USD", ids={2100, 2101}, times=2))
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)
    assert query(warehouse, "select count(*) from kraken_raw.id_holes") == [(0,)]


def test_a_hole_that_stays_is_recorded_and_the_trades_are_kept(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BTC/USD", ids={2100, 2101}, times=None))
    report = quick_load("BTC/USD")
    assert report.missing_ids["BTC/USD"] == 2
    truth = [row for row in expected_trades(feed, "BTC/USD", NOW_NS) if row[0] not in (2100, 2101)]
    assert loaded_trades(warehouse, "BTC/USD") == truth
    before, after = (next(row[1] for row in truth if row[0] == trade_id) for trade_id in (2099, 2102))
    holes = "select first_missing_id, last_missing_id, from_time_ns, to_time_ns, times_asked from kraken_raw.id_holes"
    assert query(warehouse, holes) == [(2100, 2101, before, after, 3)]
    assert query(warehouse, "select sum(missing_id_count)::bigint from kraken_raw.pages") == [(2,)]


def test_a_deleted_warehouse_is_filled_again_though_dlts_folder_remembers(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    quick_load()
    warehouse.unlink()
    quick_load()
    for symbol in SYMBOLS:
        assert loaded_trades(warehouse, symbol) == expected_trades(feed, symbol, NOW_NS)


def test_a_deleted_dlt_folder_costs_nothing(exchange: LocalExchange, tmp_path: Path, warehouse: Path) -> None:
    quick_load()
    before = query(warehouse, "select * from kraken_raw.trades order by all")
    shutil.rmtree(tmp_path / "dlt")
    report = quick_load()
    assert sum(report.trades.values()) == 0
    assert query(warehouse, "select * from kraken_raw.trades order by all") == before


def test_an_older_copy_of_the_warehouse_is_believed_over_dlts_memory(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exchange.clock.set(NOW - timedelta(hours=20))
    quick_load()
    shutil.copy(warehouse, tmp_path / "older.duckdb")
    exchange.clock.set(NOW)
    quick_load()
    shutil.copy(tmp_path / "older.duckdb", warehouse)
    logging.getLogger("dlt_pipeline").propagate = True
    with caplog.at_level("WARNING"):
        quick_load()
    assert "the remembered cursor is not the warehouse's" in caplog.text
    for symbol in SYMBOLS:
        assert loaded_trades(warehouse, symbol) == expected_trades(feed, symbol, NOW_NS)


def test_two_warehouses_take_turns_with_one_dlt_folder(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.duckdb"
    quick_load("MINA/GBP")
    quick_load("BONK/USD", warehouse=other)
    quick_load("BTC/USD")
    assert query(warehouse, "select distinct symbol from kraken_raw.trades order by 1") == [("BTC/USD",), ("MINA/GBP",)]
    assert query(other, "select distinct symbol from kraken_raw.trades") == [("BONK/USD",)]


@pytest.mark.parametrize("end", ["delete from kraken_raw._dlt_loads", "update kraken_raw._dlt_loads set status = 1"])
def test_a_ledger_whose_load_was_never_completed_proves_nothing(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, end: str
) -> None:
    """A kill between two table commits leaves the ledger without its trades, and no row in _dlt_loads."""
    quick_load("BTC/USD")
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(end)
        connection.execute("delete from kraken_raw.trades where trade_id > 3000")
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def leave_pending(symbol: str, warehouse: Path) -> Path:
    """Fetch a chunk and stop before anything is loaded, as a kill does; returns the waiting package's folder."""
    request = make_request((symbol,), START, None, (), exact=False)
    pipeline = make_pipeline(warehouse)
    pipeline.extract(source_of(Chunk(Session(load_settings()), request)))
    pipeline.set_local_state_val("warehouse", str(warehouse))
    pipeline.normalize()
    (load_id,) = pipeline.list_normalized_load_packages()
    return Path(pipeline.working_dir) / "load" / "normalized" / load_id


def test_a_chunk_that_waits_is_finished_without_asking_again(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    quick_load("BONK/USD")
    leave_pending("BTC/USD", warehouse)
    calls = len(exchange.calls)
    quick_load("BTC/USD")
    assert sum(call.path == "Trades" for call in exchange.calls[calls:]) == 1, "the head alone"
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_chunk_that_waits_for_another_warehouse_does_not_land_in_this_one(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, tmp_path: Path
) -> None:
    quick_load("BONK/USD")
    other = tmp_path / "other.duckdb"
    quick_load("MINA/GBP", warehouse=other)
    leave_pending("BTC/USD", warehouse)
    quick_load("MINA/GBP", warehouse=other)
    assert query(other, "select distinct symbol from kraken_raw.trades") == [("MINA/GBP",)]
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_half_loaded_chunk_is_asked_for_again(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, tmp_path: Path
) -> None:
    """Its trades went into a file that an older copy has replaced since; its ledger must not follow alone."""
    quick_load("BONK/USD")
    package = leave_pending("BTC/USD", warehouse)
    (job,) = (package / "new_jobs").glob("trades.*")
    job.rename(package / "completed_jobs" / job.name)
    quick_load("BTC/USD")
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


def test_stopping_commits_what_is_loaded_and_resumes(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    stop = threading.Event()

    class StopAfterOnePage:
        def begin(self, *_: Any) -> None:
            pass

        def page(self, _: Any) -> None:
            stop.set()

        def committed(self, _: Any) -> None:
            pass

    report = quick_load("BTC/USD", stop=stop, listener=StopAfterOnePage())
    assert report.unfinished == ["BTC/USD"]
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)[:1000]
    assert not quick_load("BTC/USD").unfinished
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_the_source_works_in_anybodys_pipeline(exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path) -> None:
    file = tmp_path / "mine.duckdb"
    pipeline = dlt.pipeline("mine", destination=dlt.destinations.duckdb(str(file)), dataset_name="kraken_raw")
    for _ in range(2):
        pipeline.run(kraken_source(["BTC/USD", "MINA/GBP"], "2026-11-06", timeframes=["1h"]))
    for symbol in ("BTC/USD", "MINA/GBP"):
        assert loaded_trades(file, symbol) == expected_trades(feed, symbol, NOW_NS)


def test_the_source_raises_where_a_symbol_fails(exchange: LocalExchange, tmp_path: Path) -> None:
    exchange.faults.add(Fault("wrong_pair", "Trades", times=None))
    file = tmp_path / "mine.duckdb"
    pipeline = dlt.pipeline("mine", destination=dlt.destinations.duckdb(str(file)), dataset_name="kraken_raw")
    with pytest.raises(Exception, match="the answer is about"):
        pipeline.run(kraken_source(["BTC/USD"], "2026-11-06"))


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


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"start": "yesterday"}, BadInputError, "is not a date"),
        ({"start": "2027-01-01"}, BadInputError, "lies in the future: the exchange's clock says 2026-11-08 12:34:56"),
        ({"end": "2027-01-01"}, BadInputError, "The end .* lies in the future"),
        ({"start": "2026-11-07", "end": "2026-11-06"}, BadInputError, "does not lie after the start"),
        ({"symbols": ()}, BadInputError, "No symbol was given"),
        ({"timeframes": ("7m",)}, BadInputError, "Kraken has no candles of 7m"),
        (
            {"symbols": ("BTC/USD", "BTC/USX")},
            UnknownSymbolError,
            "Unknown symbol BTC/USX; the nearest known ones: BTC/USD",
        ),
    ],
)
def test_bad_input_changes_nothing(
    exchange: LocalExchange, warehouse: Path, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        load(**{"symbols": SYMBOLS, "start": START, **options})
    assert not warehouse.exists()


@pytest.mark.parametrize(("name", "value"), [("PAGE_SIZE", "1"), ("PAGE_SIZE", "1001"), ("SECONDS_PER_CALL", "-1")])
def test_an_impossible_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SOURCES__KRAKEN__{name}", value)
    with pytest.raises(BadInputError, match=f"sources.kraken.{name.lower()} is {value}"):
        load_settings()


def test_no_network_changes_nothing(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(NoConnectionError, match="no connection to"):
        quick_load()
    assert not warehouse.exists()


def test_a_second_load_beside_a_running_one_is_refused(exchange: LocalExchange) -> None:
    class Nested:
        error: Exception | None = None

        def begin(self, *_: Any) -> None:
            try:
                quick_load("MINA/GBP")
            except WarehouseLockedError as error:
                self.error = error

        def page(self, _: Any) -> None:
            pass

        def committed(self, _: Any) -> None:
            pass

    nested = Nested()
    quick_load("MINA/GBP", listener=nested)
    assert "Another load is running" in str(nested.error)
