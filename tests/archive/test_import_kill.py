"""Kill -9 of an import at a moment, or at random ones again and again: every row of the files is there, once."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from dlt_pipeline import import_archives
from tests.archive.conftest import NOBODY
from tests.archive.exported import write_zip
from tests.conftest import Place

ROWS = {"XBTUSD": 240_000, "ETHUSD": 60_000, "XDGUSD": 40}
MANY_ROWS = {"XBTUSD": 500_000, "ETHUSD": 100_000, "XDGUSD": 40}  # so many kills need work that lasts
# Small chunks and blocks, so that the kills meet every phase: reading, writing, committing, and dlt's own bookkeeping.
SMALL = {
    "SOURCES__ARCHIVE__CHUNK_ROWS": "60000",
    "SOURCES__ARCHIVE__BATCH_ROWS": "10000",
    "SOURCES__ARCHIVE__BLOCK_BYTES": "200000",
    "SOURCES__KRAKEN__BASE_URL": NOBODY,
    "PYTHONUNBUFFERED": "1",
}
COUNTED = (
    "select t.symbol, count(*), count(distinct t.row_number), sum(t.row_number)::bigint "
    "from kraken_raw.archive_trades as t "
    "inner join kraken_raw.archive_parts as p using (part_id) "
    "inner join kraken_raw._dlt_loads as l on p._dlt_load_id = l.load_id and l.status = 0 group by all order by all"
)


def made(folder: Path, rows: dict[str, int]) -> Path:
    return write_zip(
        folder / "history.zip",
        {
            f"{altname}.csv": "".join(
                f"{1_704_067_200 + row // 3},{row % 977}.5,{row % 13}.25\n" for row in range(count)
            )
            for altname, count in rows.items()
        },
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [1, pytest.param(7, marks=pytest.mark.long)])
def test_an_import_killed_again_and_again_ends_with_every_row_once(
    place: Place,
    command: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
    chance: random.Random,
    kills: int,
) -> None:
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)
    rows_of = ROWS if kills == 1 else MANY_ROWS
    archive = made(place.folder, rows_of)
    counts = []
    for _ in range(kills):
        process = subprocess.Popen(
            place.command("import", str(archive)),
            cwd=place.folder,
            env=place.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.5, 6))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        tables = (
            "select count(*) from duckdb_tables() where schema_name = 'kraken_raw' "
            "and table_name in ('archive_trades', 'archive_parts', '_dlt_loads')"
        )
        there = place.warehouse.exists() and place.query(tables) == [(3,)]
        counts.append(sum(row[1] for row in place.query(COUNTED)) if there else 0)
    print(f"rows that count after each kill: {counts} of {sum(rows_of.values())}")
    assert counts == sorted(counts), "nothing that was committed is lost"
    assert kills == 1 or counts[-1] > 0, "the kills met an import that had begun to commit"
    done = import_archives(archive)
    assert done.problems == []
    expected = [(name, count, count, count * (count + 1) // 2) for name, count in sorted(rows_of.items())]
    assert place.query(COUNTED) == expected
    # What the kills left behind is gone, too.
    assert place.query("select count(*) from kraken_raw.archive_trades") == [(sum(rows_of.values()),)]
    assert place.query("select symbol, row_count from kraken_raw.archive_files order by 1") == sorted(rows_of.items())
    code, again = command("import", str(archive))
    assert (code, "Nothing new" in again) == (0, True), again


def test_a_file_whose_last_load_was_cut_off_is_gone_on_with(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between a load's last table and its mark: the file seems to be at its end, but that does not count."""
    rows = "".join(f"{1_704_067_200 + row},{row % 977}.5,1\n" for row in range(200_000))
    archive = write_zip(place.folder / "history.zip", {"ETHUSD.csv": rows})
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)
    assert import_archives(archive).problems == []
    with duckdb.connect(str(place.warehouse)) as connection:
        loads = "select _dlt_load_id from kraken_raw.archive_files"
        connection.execute(f"delete from kraken_raw._dlt_loads where load_id in ({loads})")
    assert import_archives(archive).problems == []
    assert place.query(COUNTED) == [("ETHUSD", 200_000, 200_000, 200_000 * 200_001 // 2)]
    assert place.query("select row_count from kraken_raw.archive_files") == [(200_000,)]


@pytest.mark.timeout(120)
def test_ctrl_c_commits_what_is_read_and_the_same_command_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)
    archive = made(place.folder, ROWS)
    process = subprocess.Popen(
        place.command("import", str(archive)),
        cwd=place.folder,
        env=place.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    while not list((place.folder / "dlt").glob("pipelines/*/load/loaded/*")):  # the first of some chunks
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    text = process.stdout.read()
    assert (process.wait(), "Stopped. Run the same command again" in text, "Traceback" in text) == (130, True, False)
    begun = sum(row[1] for row in place.query(COUNTED))
    assert 0 < begun < sum(ROWS.values())
    assert import_archives(archive).problems == []
    assert sum(row[1] for row in place.query(COUNTED)) == sum(ROWS.values())
