"""The warehouse's ledger decides where a load goes on, whatever dlt's folder remembers."""

import resource
import shutil
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
from dlt.common.storages.load_package import PackageStorage
from dlt.pipeline.exceptions import PipelineStepFailed

from dlt_pipeline.common.exceptions import OutOfFilesError, TransientExchangeError
from dlt_pipeline.exchange import LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.chunk import Chunk
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.load import load_request
from dlt_pipeline.kraken.request import make_request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import load_settings
from dlt_pipeline.kraken.source import source_of
from dlt_pipeline.warehouse.database import open_warehouse
from dlt_pipeline.warehouse.pipeline import make_pipeline
from tests.conftest import held
from tests.loading.quick import NOW, NOW_NS, START, SYMBOLS, Silent, quick_load
from tests.truth import expected_trades, loaded_trades, query


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
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, tmp_path: Path
) -> None:
    exchange.clock.set(NOW - timedelta(hours=20))
    quick_load()
    shutil.copy(warehouse, tmp_path / "older.duckdb")
    exchange.clock.set(NOW)
    quick_load()
    shutil.copy(tmp_path / "older.duckdb", warehouse)
    quick_load()
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
    assert sum(call.path == "Trades" for call in exchange.calls[calls:]) == 2, "the head alone, and whether it is"
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


@pytest.mark.parametrize(
    "leftover",
    [
        "load/normalized/1795353097.4340012/new_jobs/",
        "state.json",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in (
                "normalize/extracted/1795353097.4340012/new_jobs/",
                "load/new/1795353097.4340012/",
                "schemas/kraken.schema.json",
            )
        ),
    ],
)
def test_whatever_a_kill_leaves_in_dlts_folder_the_next_load_goes_on(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, leftover: str
) -> None:
    exchange.clock.set(NOW - timedelta(hours=20))
    quick_load("BTC/USD")
    exchange.clock.set(NOW)
    place = Path(make_pipeline(warehouse).working_dir) / leftover
    if leftover.endswith("/"):
        place.mkdir(parents=True)
    else:
        assert place.exists()
        place.write_text("")
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_load_lost_from_the_middle_is_asked_for_again(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older copy put back, into which a later package went: its rows are gone from the middle of the ledger."""
    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "2")
    quick_load("BTC/USD")
    with duckdb.connect(str(warehouse)) as connection:
        loads = "select load_id from kraken_raw._dlt_loads order by 1 limit 1 offset 1"
        (load_id,) = connection.execute(loads).fetchall()[0]
        for table in ("trades", "pages"):
            connection.execute(f"delete from kraken_raw.{table} where _dlt_load_id = '{load_id}'")
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_warehouse_deleted_while_loading_is_whole_in_the_end(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "2")
    deleted = []

    class Delete(Silent):
        def committed(self, _: Any) -> None:
            if not deleted:
                warehouse.unlink()
                deleted.append(warehouse)

    quick_load("BTC/USD", listener=Delete())
    assert deleted
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def test_a_load_waits_while_another_process_holds_the_warehouse(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path
) -> None:
    """A build in the middle of a load of hours must not end it."""
    quick_load("MINA/GBP")
    holders = []

    class Hold(Silent):
        def page(self, _: Any) -> None:
            if not holders:
                holders.append(kept.enter_context(held(warehouse, "time.sleep(3)")))

    with ExitStack() as kept:
        report = quick_load("BTC/USD", listener=Hold())
    assert not report.failures
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


def test_a_chunk_killed_between_its_commit_and_the_mark_of_it_is_in_the_warehouse_once(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dlt would run the job again, beside the rows that it left in the staging table."""
    quick_load("BONK/USD")
    package = leave_pending("BTC/USD", warehouse)
    with monkeypatch.context() as killed:
        killed.setattr(PackageStorage, "save_pending_transition", lambda *_: None)
        killed.setattr(PackageStorage, "complete_job", kill)
        with pytest.raises(PipelineStepFailed, match="killed"):
            make_pipeline(warehouse).load()
    assert list((package / "started_jobs").glob("trades.*"))
    quick_load("BTC/USD")
    assert loaded_trades(warehouse, "BTC/USD") == expected_trades(feed, "BTC/USD", NOW_NS)


def kill(*_: object) -> None:
    raise RuntimeError("killed")


def test_no_descriptor_is_lost_from_load_to_load(exchange: LocalExchange) -> None:
    """As `follow` loads: with one session, round after round."""
    request = make_request(("BONK/USD", "MINA/GBP"), "2026-11-08", None, (), exact=False)
    counts = []
    with closing(Session(load_settings())) as session:
        for _ in range(3):
            load_request(request, session=session)
            counts.append(psutil.Process().num_fds())
    assert counts[2] <= counts[1], counts


def test_running_out_of_descriptors_is_trouble_that_passes(exchange: LocalExchange, warehouse: Path) -> None:
    with open_warehouse(warehouse):
        pass
    client = KrakenClient(load_settings(first_contact_attempts=1))
    client.first_contact()
    client.close()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Below the limit only the standard streams, which nothing closes: what other threads give back does not help.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        with pytest.raises(TransientExchangeError, match="no file descriptor is left"):
            client.first_contact()
        with pytest.raises(OutOfFilesError), open_warehouse(warehouse):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    client.first_contact()
    client.close()
