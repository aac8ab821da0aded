"""published.duckdb: what analysts open, in their own session and with their own DuckDB."""

import shutil
from pathlib import Path

import duckdb
import pytest

from dlt_pipeline import publish
from dlt_pipeline.common.exceptions import PublishError
from dlt_pipeline.publishing.snapshot import WarehouseRows
from tests.publishing.made import Made


def test_a_query_for_the_warehouse_runs_here_as_it_is(published: Made) -> None:
    with duckdb.connect(str(published.path)) as connection:
        connection.execute(
            "create table kraken.candles as "
            "select symbol, timeframe, * exclude (source, symbol, timeframe, year, is_best), source "
            "from kraken.exported_candles where source = 'trades'"
        )
    for query in ("describe kraken.candles", "from kraken.candles order by all"):
        assert published.read(query) == published.query(query)
    assert published.read("from candles order by all") == published.query("from kraken.candles order by all")


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_kraken_s_own_candles_are_a_view_of_the_same_columns(made: Made, numbers: str) -> None:
    made.build(numbers=numbers)
    publish(made.path)
    assert made.read("describe rest_candles") == made.read("describe candles")
    assert made.read("select distinct source from rest_candles") == [("rest",)]
    kind = {"float64": "DOUBLE", "decimal": "DECIMAL(38,12)"}[numbers]
    assert ("close", kind) in [row[:2] for row in made.read("describe candles")]


def test_it_holds_views_and_nothing_else(published: Made) -> None:
    assert published.read("select count(*) from duckdb_tables()") == [(0,)]
    views = published.read("select schema_name || '.' || view_name from duckdb_views() where not internal order by 1")
    assert [name for (name,) in views] == [
        f"{schema}.{name}"
        for schema in ("kraken", "main")
        for name in ("archive_candles", "candles", "ohlcv", "rest_candles")
    ]
    assert published.leftovers() == []


def test_a_source_without_rows_is_an_empty_view(published: Made) -> None:
    before = published.read("describe rest_candles")
    published.build("delete from made.minutes where source = 'rest'")
    publish(published.path)
    assert published.read("describe rest_candles") == before
    assert published.read("from rest_candles") == []
    published.build("delete from made.minutes")
    publish(published.path)
    assert published.read("from kraken.candles") == []


def test_another_source_is_a_view_of_its_name(published: Made) -> None:
    published.build(
        "insert into made.minutes select 'other', * exclude (source) from made.minutes where source = 'rest'"
    )
    publish(published.path)
    assert published.read("select source, count(*) from other group by all") == [("other", 2 * 183)]


def test_candles_of_archives_are_a_view_of_the_same_columns(published: Made) -> None:
    """It is there, empty, before there is an archive, so that a query for it runs."""
    assert published.read("from archive_candles") == []
    before = published.read("describe archive_candles")
    assert before == published.read("describe candles")
    published.build(
        "insert into made.minutes select 'archive', 'OLD/USD', * exclude (source, symbol) from made.minutes "
        "where source = 'rest' and symbol = 'ETH/USD'; update made.minutes set symbol = 'ETH/USD' "
        "where source = 'archive' and minute < 60"
    )
    publish(published.path)
    assert published.read("describe archive_candles") == before
    query = "select source, symbol, count(*) from {} where timeframe = '1m' group by all order by all"
    found = [("archive", "ETH/USD", 60), ("archive", "OLD/USD", 120)]
    assert published.read(query.format("kraken.archive_candles")) == found
    assert published.read(query.format("ohlcv"))[:1] == found[:1]
    assert (published.tree / "source=archive/symbol=OLD-USD/timeframe=1m/year=2026/candles.parquet").is_file()


def test_ohlcv_has_the_best_rows_of_both_sources(published: Made) -> None:
    rows = published.read("select source, symbol, count(*) from ohlcv group by all order by all")
    assert rows == [("rest", "ETH/USD", 183), ("trades", "BTC/USD", 183), ("trades", "ETH/USD", 183)]
    assert published.read("describe ohlcv") == published.read("describe candles")


def test_it_can_be_attached_under_any_name(published: Made) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published.published}' as other (read_only)")
        assert connection.execute("select count(*) from other.kraken.candles").fetchall() == [(2 * 183,)]
        assert connection.execute("select count(*) from other.rest_candles").fetchall() == [(2 * 183,)]


def test_a_query_opens_only_the_files_of_its_symbol(published: Made) -> None:
    query = "explain analyze select sum(close) from candles where symbol = 'BTC/USD' and timeframe = '1m'"
    ((_, plan),) = published.read(query)
    assert "Total Files Read: 2" in plan


def test_an_older_duckdb_can_open_it(published: Made) -> None:
    """The file's storage version, which stands behind its magic word, is that of DuckDB 1.0."""
    header = published.published.read_bytes()[:64]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64


def test_another_schema_can_be_published(tmp_path: Path) -> None:
    made = Made(tmp_path / "warehouse.duckdb", schema="mine")
    made.build()
    assert len(publish(made.path, schema="mine").written) == 16
    assert made.read("select count(*) from mine.candles") == [(2 * 183,)]


def test_the_exports_folder_is_taken_from_the_environment(
    made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KRAKEN_CANDLES_EXPORTS", str(tmp_path / "lake" / "candles"))
    done = publish(made.path)
    assert done.database == tmp_path / "lake" / "published.duckdb"
    assert done.tree == tmp_path / "lake" / "candles" / "candles"
    assert not made.exports.exists()


def test_somebody_s_own_tables_are_not_overwritten(made: Made) -> None:
    with duckdb.connect(str(made.published)) as connection:
        connection.execute("create table notes as select 1 as x")
    before = made.published.read_bytes()
    with pytest.raises(PublishError, match=r"published\.duckdb holds tables and is not replaced"):
        publish(made.path)
    assert made.published.read_bytes() == before


def test_a_warehouse_called_published_is_not_overwritten(made: Made) -> None:
    shutil.move(made.path, made.published)
    before = made.published.read_bytes()
    with pytest.raises(PublishError, match="holds tables and is not replaced"):
        publish(made.published)
    assert made.published.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"symbol,price\n" * 1000])
def test_a_broken_file_is_replaced(made: Made, content: bytes) -> None:
    made.published.write_bytes(content)
    publish(made.path)
    assert made.read("select count(*) from candles") == [(2 * 183,)]


def test_a_log_left_beside_by_a_careless_reader_does_not_spoil_the_next_state(published: Made) -> None:
    """DuckDB plays a `.wal` into whatever file lies beside it."""
    other = published.path.with_name("other.duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{other}' as other; set checkpoint_threshold = '1GB'")
        connection.execute("create table other.rubbish as from range(10)")
        shutil.copy(f"{other}.wal", f"{published.published}.wal")
    published.build("update made.minutes set volume = volume + 1")
    publish(published.path)
    assert published.leftovers() == []
    assert published.read("select count(*) from candles") == [(2 * 183,)]


def test_a_timeframe_may_be_called_as_in_the_readme(made: Made) -> None:
    made.build()
    named = "select * replace (timeframe || '_monday' as timeframe) from kraken"
    with duckdb.connect(str(made.path)) as connection:
        connection.execute(f"create or replace table kraken.export_partitions as {named}.export_partitions")
        connection.execute(f"create or replace table kraken.made_candles as {named}.made_candles")
    publish(made.path)
    assert made.read("select distinct timeframe from candles order by 1") == [("1h_monday",), ("1m_monday",)]


def test_what_stood_is_read_from_what_is_published_whatever_the_warehouse_is_called(tmp_path: Path) -> None:
    """`kept` ends with the name of this one, and an alias of the macro's begins with it."""
    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        connection.execute("create schema kraken; create schema kraken_kept; use t.kraken")
        keys = "'' as source, '' as symbol, '' as timeframe, 2026 as year"
        connection.execute(
            f"create table export_partitions as select {keys}, 1 as row_count, '' as content_hash limit 0"
        )
        connection.execute(f"create table exported_candles as select {keys}, now() as bucket_start")
        connection.execute("create table t.kraken_kept.replaced_candles as select 1 as symbol, 2 as trades")
        connection.execute(
            """create macro candles_as_of(of_instant) as table select t.symbol, t.trades, of_instant
            from t.kraken_kept.replaced_candles as t, "t"."kraken".export_partitions"""
        )
        read = WarehouseRows(connection, tmp_path / "t.duckdb", "kraken", tmp_path).as_of["replaced_candles"]
    assert " ".join(read.split()) == (
        "SELECT t.symbol, t.trades, of_instant FROM published.kraken_kept.replaced_candles AS t , "
        "published.kraken.export_partitions"
    )
