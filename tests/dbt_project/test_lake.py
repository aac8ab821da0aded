"""What is built from a lake is what is built from a warehouse, table by table, also as loads follow."""

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import pyarrow as pa
import pytest
import yaml

from dlt_pipeline.archive.importing import import_archives
from dlt_pipeline.cli.console import Console
from dlt_pipeline.cli.looking import run_list
from dlt_pipeline.cli.summary import print_summary
from dlt_pipeline.common.exceptions import WrongWarehouseError
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.load import load
from tests.archive import exported
from tests.dbt_project import raw
from tests.dbt_project.dbt_in_process import DbtProject, Model, read_models
from tests.dbt_project.same_tables import compared, differences
from tests.pages import blocks

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
# When the exchange was asked or a file read, which no two loads share.
ASKED = {
    "imported_at",
    "fetched_at",
    "first_fetched_at",
    "last_fetched_at",
    "rest_fetched_at",
    "seen_from",
    "seen_until",
}


def public(warehouse: Path, models: list[Model]) -> dict[str, pa.Table]:
    found = compared(read_models(warehouse, [model for model in models if model.schema == "kraken"]))
    return {name: table.drop_columns([*ASKED.intersection(table.column_names)]) for name, table in found.items()}


def test_tables_built_from_a_lake_are_those_built_from_a_warehouse(
    serve: Callable[..., LocalExchange],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    feed = SyntheticFeed(7, Clock(NOW), days=3)
    serve(feed, Clock(NOW))
    warehouse, lake, built = tmp_path / "warehouse.duckdb", tmp_path / "lake", tmp_path / "built" / "warehouse.duckdb"
    built.parent.mkdir()
    monkeypatch.setenv("KRAKEN_CANDLES_LAKE", f"file://{lake}")
    monkeypatch.setenv("KRAKEN_CANDLES_LAKE_WAREHOUSE", str(built))
    project = DbtProject(tmp_path / "target", warehouse, {})

    def loaded(*arguments: Any, **options: Any) -> None:
        for place in ({"lake": lake}, {"warehouse": warehouse}):
            load(*arguments, **options, **place)

    def assert_same(rows: int) -> None:
        project.run(warehouse)
        project.run(warehouse, "--target", "duckdb_lake")
        theirs = public(warehouse, project.models)
        assert not differences(public(built, project.models), theirs)
        assert len(theirs["kraken.candles"]) > rows
        assert len(theirs["kraken.check_archive_candles"]) > 0

    loaded(["BTC/USD", "MINA/GBP"], "2026-11-06", "2026-11-07", timeframes=())
    tape = exported.cut(exported.of_feed(feed, "MINA/GBP", Clock(NOW).now_ns()), to_ns=raw.ns("2026-11-07 09:30:00"))
    files = exported.trades_file("MINAGBP", tape) | exported.candle_files("MINAGBP", tape, [60])
    archive = exported.write_zip(tmp_path / "history.zip", files)
    for place in ({"lake": lake}, {"warehouse": warehouse}):
        assert not import_archives(archive, **place).problems
    assert_same(3_000)
    loads = lake / "kraken_raw" / "_dlt_loads"
    for file in loads.glob("*.jsonl"):
        file.rename(lake / file.name)
    load(["BTC/USD"], "2026-11-06", "2026-11-08", timeframes=(), lake=lake)  # as of a writer that knew nothing of it
    for file in lake.glob("*.jsonl"):
        file.rename(loads / file.name)
    loaded(["BTC/USD", "MINA/GBP", "BONK/USD"], "2026-11-05", timeframes=["1m", "1h"])
    load(["BTC/USD"], "2026-11-06", timeframes=(), lake=lake)
    (cut_off,) = [max(loads.glob("*.jsonl"))]
    cut_off.unlink()  # its files count for nothing
    assert_same(10_000)
    print_summary(Console(), built)
    assert run_list(Console(), built, as_json=False) == 0
    told = capsys.readouterr().out
    assert told.count(f"Warehouse: {built}") == 2, "what only reads takes it for a warehouse"
    with pytest.raises(WrongWarehouseError, match="was built from a lake, whose raw trades it only shows"):
        load(["BTC/USD"], "2026-11-06", warehouse=built)
    monkeypatch.setenv("KRAKEN_CANDLES_LAKE_WAREHOUSE", str(warehouse))
    with pytest.raises(AssertionError, match="holds trades that were loaded into it"):
        project.run(warehouse, "--target", "duckdb_lake")
    monkeypatch.setenv("KRAKEN_CANDLES_LAKE_WAREHOUSE", str(built))
    monkeypatch.setenv("KRAKEN_CANDLES_LAKE", str(tmp_path / "nowhere"))
    with pytest.raises(AssertionError, match=r"There are no trades in the lake .*nowhere yet: load first"):
        project.run(warehouse, "--target", "duckdb_lake")


def test_the_profile_of_a_bucket_in_the_docs_reads_one(
    serve: Callable[..., LocalExchange], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket in memory, which fsspec opens as it does one of S3."""
    serve(SyntheticFeed(7, Clock(NOW), days=1), Clock(NOW))
    monkeypatch.chdir(tmp_path)
    report = load(["MINA/GBP"], "2026-11-07", timeframes=(), lake="memory://bucket/lake")
    (text,) = [block for block in blocks("yaml") if "filesystems:" in block]
    profiles = yaml.safe_load(text)
    (target,) = profiles["kraken_candles"]["outputs"].values()
    assert [each.pop("fs") for each in target["filesystems"]] == ["s3"]
    target |= {"path": "warehouse.duckdb", "filesystems": [{"fs": "memory"}]}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profiles))
    monkeypatch.setenv("KRAKEN_CANDLES_LAKE", "memory://bucket/lake")
    project = DbtProject(tmp_path / "target", Path("warehouse.duckdb"), {})
    project.run(Path("warehouse.duckdb"), "--profiles-dir", ".", "--select", "stg_trades")
    with duckdb.connect("warehouse.duckdb", read_only=True) as connection:
        connection.register_filesystem(fsspec.filesystem("memory"))
        counted = connection.execute("select count(*) from kraken_staging.stg_trades").fetchall()
    assert counted == [(report.trades["MINA/GBP"],)]
