"""A disk that fills up in the middle of an import: a sentence, and nothing lost once there is space."""

import subprocess
from pathlib import Path

import pytest

from tests.archive.conftest import NOBODY
from tests.archive.exported import write_zip
from tests.conftest import Place, small_disk
from tests.truth import query

ROWS = 300_000


# That a load says it and an import goes on after its end, shorter ones show: test_interrupted.py, test_import_kill.py.
@pytest.mark.long
@small_disk
def test_a_full_disk_is_said_and_once_there_is_space_nothing_is_lost(place: Place, tmp_path: Path) -> None:
    text = "".join(
        f"{1_704_067_200 + row // 3},{row * 7_919 % 90_001 + 1}.{row % 89},{row % 13}.25\n" for row in range(ROWS)
    )
    archive = write_zip(tmp_path / "history.zip", {"XBTUSD.csv": text})
    disk = tmp_path / "disk"
    disk.mkdir()
    command = " ".join(place.command("import", str(archive)))
    script = f"""
        mount -t tmpfs -o size=4m tmpfs {disk}
        {command}; echo "first: $?"
        mount -o remount,size=200m {disk}
        {command}; echo "second: $?"
        cp {disk}/warehouse.duckdb* {tmp_path}/
    """
    environment = place.environment(
        KRAKEN_CANDLES_WAREHOUSE=str(disk / "warehouse.duckdb"),
        SOURCES__KRAKEN__BASE_URL=NOBODY,
        SOURCES__ARCHIVE__CHUNK_ROWS="50000",
        SOURCES__ARCHIVE__BLOCK_BYTES="200000",
    )
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script], env=environment, capture_output=True, text=True, timeout=200
    )
    said = done.stdout + done.stderr
    assert "first: 1" in said, said
    assert "No space is left on the disk of the warehouse" in said
    assert "Traceback" not in said
    assert "second: 0" in said, said
    counted = "select count(*), count(distinct row_number), max(row_number) from kraken_raw.archive_trades"
    assert query(tmp_path / "warehouse.duckdb", counted) == [(ROWS, ROWS, ROWS)]
