"""Publishes killed at any moment: whole files for the readers, and the next publish ends the work."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from dlt_pipeline import publish
from dlt_pipeline.publishing.settings import KEEP_REPLACED
from tests.conftest import ROOT
from tests.publishing.made import Made
from tests.publishing.reader import look_at_database, look_at_tree
from tests.publishing.test_beside_writers import start

KILLS = 12
STATE = """
    with every as (from candles union all from rest_candles)
    select source, symbol, timeframe, year(bucket_start), round(sum(base_volume), 3)
    from every group by all order by all
"""


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_publish_killed_at_any_moment_leaves_whole_files_and_the_next_one_ends_it(
    published: Made, chance: random.Random
) -> None:
    met = 0
    for _ in range(KILLS):
        process = start("writer", published.path, 1000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        met += bool(published.leftovers())
        assert_whole(published.tree)
        look_at_tree(published.tree)
        look_at_database(published.published)
    print(f"{met} of {KILLS} kills left something half-written outside of the tree")
    publish(published.path)
    assert published.leftovers() == []
    ours = "select * exclude (source), source from candles order by all"
    theirs = (
        "select symbol, timeframe, * exclude (source, symbol, timeframe, year, is_best), source "
        "from kraken.exported_candles"
    )
    assert published.read(ours) == published.query(f"{theirs} where source = 'trades' order by all")
    in_tree = ds.dataset(published.tree, partitioning="hive").to_table().column("base_volume").to_pylist()
    (total,) = published.query("select sum(base_volume) from kraken.exported_candles")[0]
    assert sum(in_tree) == pytest.approx(total)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.long)])
def test_a_publish_killed_before_its_steps(published: Made, monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    """Partitions are new, changed and gone: the step before which the kill comes makes no difference."""
    monkeypatch.setenv(KEEP_REPLACED, "0")  # so that replaced files are removed at once, and not a step too early
    first = published.read(STATE)
    published.build(
        "delete from made.minutes where symbol = 'ETH/USD' and source = 'rest' and started >= '2026-01-01';"
        "insert into made.minutes select * replace (started + interval 2 year as started) from made.minutes "
        "where symbol = 'ETH/USD' and source = 'rest' and minute < 5;"
        "update made.minutes set volume = 2 where symbol = 'BTC/USD' and source = 'rest' and started < '2026-01-01'"
    )
    saved = published.path.parent.with_name(f"saved_{every}")
    shutil.copytree(published.path.parent, saved)
    steps = step(published, 0).splitlines()
    second = published.read(STATE)
    assert len(steps) > 20
    seen = set()
    for number in sorted({*range(1, len(steps) + 1, every), len(steps)}):
        shutil.rmtree(published.path.parent)
        shutil.copytree(saved, published.path.parent)
        assert step(published, number) == "", "killed"
        assert_whole(published.tree)
        now = published.read(STATE)
        assert now in (first, second), steps[number - 1]
        seen.add(str(now))
        publish(published.path)
        assert published.read(STATE) == second
        assert_whole(published.tree)
        assert len(published.files()) == len(published.query("from kraken.export_partitions"))
        assert published.leftovers() == []
    assert len(seen) == 2, "kills before and after the new state was there"


def test_a_claim_cut_off_by_a_kill_or_a_full_disk_is_none(published: Made) -> None:
    claim = published.exports / ".warehouse"
    whole = claim.read_text()
    claim.write_text("")
    publish(published.path)
    assert claim.read_text() == whole


def step(made: Made, number: int) -> str:
    command = [sys.executable, "-m", "tests.publishing.stepper", str(made.path), str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == (-signal.SIGKILL if number else 0), done.stderr
    return done.stdout


def assert_whole(tree: Path) -> None:
    """Nothing lies in the tree but whole files of the one name, each of which can be read to the end."""
    files = [path for path in tree.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"candles.parquet"}
    for path in files:
        table = pq.ParquetFile(path).read()
        assert table.num_rows == int((table.schema.metadata or {})[b"kraken_candles.row_count"])


def test_a_half_written_file_of_a_killed_publish_is_cleared_away(published: Made) -> None:
    for leftover in (".partial/half.parquet", ".partial/spill/rows.tmp", "../.published.duckdb.partial.wal"):
        path = published.exports / leftover
        Path(path.parent).mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PAR1 half")
    assert published.leftovers()
    publish(published.path)
    assert published.leftovers() == []
