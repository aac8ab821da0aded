"""Imports into a lake leave there what they leave in a warehouse: rows that count, of files that count."""

import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import pytest

from dlt_pipeline import archive_source, import_archives
from dlt_pipeline.archive.raw_tables import ARCHIVE_KEYS, ARCHIVE_SCHEMAS
from dlt_pipeline.kraken.ledger_store import LedgerStore, place_of
from dlt_pipeline.kraken.raw_tables import KEYS
from dlt_pipeline.warehouse.lake import lake_at
from tests.archive.exported import write_zip
from tests.archive.test_editions import START, plain, with_ids
from tests.archive.test_import_kill import SMALL
from tests.conftest import Place as Folder

ROWS = 40_000
# What no two imports share.
OWN = {"part_id", "taken_at", "imported_at", "refused_at", "_dlt_load_id"}
pytestmark = pytest.mark.usefixtures("no_exchange")


def counting(lake: Path | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each raw table in the lake, or else in the warehouse, that models count."""
    found = {}
    with LedgerStore.of(place_of(lake=lake)) as store:
        for table, schema in ARCHIVE_SCHEMAS.items():
            names = ", ".join(name for name in schema.names if name not in OWN)
            of_parts = "where part_id in (select part_id from {archive_parts})" if "part_id" in schema.names else ""
            rows = store.rows(f"select {names} from {{{table}}} {of_parts} order by all")
            found[table] = [tuple(row) for row in rows]
        trades = "select distinct symbol, traded_on, trade_id, time_ns, price, volume from {trades} order by all"
        found["trades"] = [tuple(row) for row in store.rows(trades)]
    return found


def test_older_damaged_and_misnamed_files_count_as_in_a_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ARCHIVE__BLOCK_BYTES", "2000")
    lake, files = tmp_path / "lake", tmp_path / "files"
    files.mkdir()
    older = write_zip(files / "older.zip", {"XBTUSD.csv": plain(300), "XBTUSD_60.csv": f"{START},1,2,1,2,3.5,4\n"})
    newer = write_zip(files / "newer.zip", {"XBTUSD.csv": plain(2_000)})
    with_trade_ids = write_zip(files / "ids.zip", {"ETHUSD.csv": with_ids(500)}, zipfile.ZIP_STORED)
    damaged = files / "damaged.zip"
    damaged.write_bytes(with_trade_ids.read_bytes().replace(b"100,1.5,1704067210.25", b"900,1.5,1704067210.25"))
    other, mapped = files / "other.csv", files / "map.txt"
    other.write_text(plain(100, 7) + "not a number,1,2\n")

    def bring(archive: Path, symbol: str = "LTC/USD") -> list[str]:
        mapped.write_text(f"other,{symbol}\n")
        for place in ({"lake": lake}, {}):
            report = import_archives(archive, symbol_map=mapped, **place)
        assert counting(lake) == counting()
        return report.problems

    assert not bring(older)
    assert not bring(newer)
    assert len(counting(lake)["archive_trades"]) == 2_000, "the newer one takes the older one's place"
    assert "damaged" in bring(damaged)[0]
    assert not counting(lake)["trades"]
    assert not bring(with_trade_ids)
    bring(other)
    bring(other, "DOGE/USD")
    assert {row[0] for row in counting(lake)["archive_trades"]} == {"XBTUSD", "DOGE/USD"}
    before = sorted((lake / "kraken_raw" / "archive_trades").rglob("*.parquet"))
    bring(newer)
    assert sorted((lake / "kraken_raw" / "archive_trades").rglob("*.parquet")) == before, "a second time adds nothing"
    assert lake_at(lake).compact(KEYS | ARCHIVE_KEYS).replaced
    assert counting(lake) == counting(), "also compacted"


def test_an_import_into_a_lake_is_killed_and_goes_on(
    place: Folder, command: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"SOURCES__ARCHIVE__CHUNK_ROWS": "6000", "SOURCES__ARCHIVE__BLOCK_BYTES": "20000"}
    lake = place.folder / "lake"
    for name, value in {**SMALL, **small, "KRAKEN_CANDLES_LAKE": str(lake)}.items():
        monkeypatch.setenv(name, value)
    archive = write_zip(place.folder / "history.zip", {"XBTUSD.csv": plain(ROWS)})
    process = subprocess.Popen(
        place.command("import", str(archive), "--destination", "lake"), cwd=place.folder, env=place.environment()
    )
    loads = lake / "kraken_raw" / "_dlt_loads"
    while len(list(loads.glob("*.jsonl"))) < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    begun = len(counting(lake)["archive_trades"])
    assert 0 < begun < ROWS
    code, said = command("import", str(archive), "--destination", "lake")
    assert (code, "Next: `kraken-candles build --target duckdb_lake`." in said) == (0, True), said
    rows = counting(lake)["archive_trades"]
    assert len(rows) == len(set(rows)) == ROWS
    code, said = command("import", str(archive), "--destination", "lake")
    assert (code, f"Nothing new; all of it is in {lake} already." in said) == (0, True), said


def test_the_source_in_a_pipeline_of_ones_own_goes_on_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__ARCHIVE__CHUNK_ROWS", "1500")
    monkeypatch.setenv("SOURCES__ARCHIVE__BLOCK_BYTES", "10000")
    archive = write_zip(tmp_path / "history.zip", {"XBTUSD.csv": plain(4_000)})
    folder = dlt.destinations.filesystem(str(tmp_path / "files"))
    pipeline = dlt.pipeline("mine", destination=folder, dataset_name="raw")
    counts = []
    for _ in range(5):
        pipeline.run(archive_source(str(archive), symbols=["XBTUSD"]), loader_file_format="parquet")
        with LedgerStore.of_pipeline(pipeline) as store:
            counts.append(tuple(store.rows("select count(*), count(distinct row_number) from {archive_trades}")[0]))
    assert counts[0] < counts[1] < counts[-1] == counts[-2] == (4_000, 4_000)
