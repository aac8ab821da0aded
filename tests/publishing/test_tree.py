"""The tree from publish to publish: only what changed is touched, and what is wrong in it is made right."""

import os
import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from dlt_pipeline import publish
from dlt_pipeline.common.exceptions import PublishError
from dlt_pipeline.publishing import partitions
from tests.publishing.made import Made

BTC_2026 = "source=trades/symbol=BTC-USD/timeframe={}/year=2026"
CHANGE = (
    "update made.minutes set volume = volume + 1 where source = 'trades' and symbol = 'BTC/USD' "
    "and started = '2026-01-01 00:30'"
)


def test_an_unchanged_partition_keeps_inode_and_time(published: Made) -> None:
    before = published.files()
    assert len(before) == 16
    published.build()
    done = publish(published.path)
    assert (len(done.written), len(done.unchanged)) == (0, 16)
    assert published.files() == before


def test_only_changed_partitions_are_written(published: Made) -> None:
    before = published.files()
    published.build(CHANGE)
    done = publish(published.path)
    after = published.files()
    changed = {BTC_2026.format("1m"), BTC_2026.format("1h")}
    assert {name for name in before if after[name] != before[name]} == changed
    assert {str(key.folder) for key in done.written} == changed
    assert len(done.unchanged) == 14
    (volume,) = published.read(
        "select base_volume from candles "
        "where bucket_start = '2026-01-01 00:30' and symbol = 'BTC/USD' and timeframe = '1m'"
    )[0]
    assert volume == pytest.approx(2)


def test_what_a_file_says_of_itself_stays_true(published: Made) -> None:
    """The rows are the same under another policy, but the file names the policy."""
    published.build(policy="carry_forward")
    assert len(publish(published.path).written) == 16


def test_a_vanished_partition_leaves_no_file_and_no_folder(published: Made) -> None:
    published.build("delete from made.minutes where symbol = 'ETH/USD'")
    done = publish(published.path)
    assert len(done.removed) == 8
    assert not list(published.tree.rglob("symbol=ETH-USD"))
    assert published.read("select distinct symbol from candles") == [("BTC/USD",)]
    assert len(publish(published.path).unchanged) == 8


@pytest.mark.parametrize(
    "lost",
    [
        "exports",
        *(pytest.param(name, marks=pytest.mark.long) for name in ("exports/candles", "exports/.versions")),
        f"exports/candles/{BTC_2026.format('1m')}",
    ],
)
def test_whatever_was_deleted_is_there_again(published: Made, lost: str) -> None:
    before = published.read("from candles order by all")
    shutil.rmtree(published.path.parent / lost)
    publish(published.path)
    assert len(published.files()) == 16
    assert published.read("from candles order by all") == before
    assert len(publish(published.path).unchanged) == 16


@pytest.mark.parametrize(
    "damage", ["cut", *(pytest.param(name, marks=pytest.mark.long) for name in ("text", "empty")), "other"]
)
def test_a_damaged_file_is_replaced(published: Made, damage: str) -> None:
    path = published.tree / BTC_2026.format("1m") / "candles.parquet"
    whole = path.read_bytes()
    if damage == "other":
        path.unlink()
        shutil.copy(published.tree / BTC_2026.format("1h") / "candles.parquet", path)
    else:  # in place, so that the immutable file with the same inode is damaged too
        path.write_bytes({"cut": whole[: len(whole) // 2], "text": b"symbol,price\n", "empty": b""}[damage])
    assert [str(key.folder) for key in publish(published.path).written] == [BTC_2026.format("1m")]
    assert ds.dataset(published.tree, partitioning="hive").count_rows() == 2 * 2 * 183
    assert published.read("select count(*) from candles") == [(2 * 183,)]


DAY = """
    insert into made.minutes
    select source, symbol, started + interval {0} day, price + {0}, volume, minute + {0} * 1440 from made.minutes
    where minute < 180
"""
BEYOND = "where bucket_start < '2026-01-02'"


def rows(exports: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        query = f"from read_parquet('{exports}/candles/**/*.parquet', hive_partitioning = true) order by all"
        return connection.execute(query).fetchall()


@pytest.fixture(params=["one_group", "groups"])
def grouped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be of one row group, or of many, which are copied as they are once they are settled."""
    if request.param == "groups":
        monkeypatch.setattr(partitions, "ROW_GROUP", 50)


# What a small file does with its settled rows, a rotten byte among them shows as well.
SMALL_TOO = pytest.mark.parametrize(
    "grouped", [pytest.param("one_group", marks=pytest.mark.long), "groups"], indirect=True
)


@SMALL_TOO
@pytest.mark.usefixtures("grouped")
@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        ("select 1", "float64"),
        ("select 1", "decimal"),
        ("update made.minutes set price = price + 7 where started = '2026-01-01 00:10'", "float64"),
        *(
            pytest.param(change, "float64", marks=pytest.mark.long)
            for change in (
                "update made.minutes set price = price + 7 where started = '2026-01-01 22:10'",
                "delete from made.minutes where started = '2026-01-01 00:59'",
            )
        ),
        ("delete from made.minutes where started between '2026-01-01 12:00' and '2026-01-02 12:00'", "float64"),
    ],
)
def test_a_file_that_grew_is_what_a_first_publish_writes(published: Made, change: str, numbers: str) -> None:
    for day in (1, 2):
        published.build(DAY.format(day))
        publish(published.path)
    published.build(f"{DAY.format(3)}; {change}", numbers)
    publish(published.path)
    publish(published.path, published.path.parent / "first")
    assert rows(published.exports) == rows(published.path.parent / "first")


@SMALL_TOO
@pytest.mark.usefixtures("grouped")
def test_days_whose_hash_stayed_are_taken_from_the_file(published: Made) -> None:
    published.build(DAY.format(1))
    publish(published.path)
    before = published.read(f"from candles {BEYOND} order by all")
    published.build(DAY.format(2))
    with duckdb.connect(str(published.path)) as connection:
        connection.execute("create table kraken.days as from kraken.export_days; drop view kraken.export_days")
        connection.execute("alter table kraken.days rename to export_days")
        connection.execute("update kraken.made_candles set high = 99999 where bucket_start < '2026-01-01 22:00'")
    publish(published.path)
    assert published.read(f"from candles {BEYOND} and high < 99999 order by all") == before


# of all but the newest day: whole groups, then halves, quarters, eighths and sixteenths, each once at the most
@pytest.mark.parametrize(
    ("size", "days"),
    [
        (48, (([144, 168, 180], 0), ([144, 336, 360], 144), ([144, 336, 528, 540], 336), ([144, 336, 528, 720], 528))),
        (1024, (([128], 0), ([256, 320], 0), ([512], 0), ([512, 640, 704], 512))),
    ],
)
def test_row_groups_of_settled_rows_are_copied_as_they_are(
    made: Made, monkeypatch: pytest.MonkeyPatch, size: int, days: Sequence[tuple[list[int], int]]
) -> None:
    monkeypatch.setattr(partitions, "ROW_GROUP", size)
    path, heads = made.tree / BTC_2026.format("1m") / "candles.parquet", {0: b""}
    wanted = (
        "select started from made.minutes "
        "where source = 'trades' and symbol = 'BTC/USD' and started >= '2026-01-01' order by 1"
    )
    for day, (ends, kept) in enumerate(days, 1):
        made.build(DAY.format(day))
        publish(made.path)
        footer, content = pq.read_metadata(path), path.read_bytes()
        assert content.startswith(heads[kept]), "copied, not written again"
        found = [content[: int(end)] for end in footer.metadata[b"kraken_candles.head_bytes"].split()]
        heads = {0: b""} | {pq.read_metadata(BytesIO(head)).num_rows: head for head in found}
        assert list(heads) == [0, *ends]
        starts = [started for (started,) in made.query(wanted)]
        with duckdb.connect() as connection:
            assert connection.execute(f"select bucket_start from '{path}'").fetchall() == [(each,) for each in starts]
        assert pq.ParquetFile(path, page_checksum_verification=True).read().column(0).to_pylist() == starts
        assert pl.read_parquet(path)["bucket_start"].to_list() == starts
        assert pd.read_parquet(path)["bucket_start"].tolist() == starts


@pytest.mark.usefixtures("grouped")
@pytest.mark.parametrize("part", [0.05, 0.33, pytest.param(0.6, marks=pytest.mark.long)])
def test_a_byte_that_rotted_is_not_taken_along(published: Made, part: float) -> None:
    published.build(DAY.format(1))
    publish(published.path)
    path = published.tree / BTC_2026.format("1m") / "candles.parquet"
    content = bytearray(path.read_bytes())
    content[int(len(content) * part)] ^= 1
    path.write_bytes(content)
    published.build(DAY.format(2))
    publish(published.path)
    publish(published.path, published.path.parent / "first")
    assert rows(published.exports) == rows(published.path.parent / "first")


def test_files_of_somebody_else_are_named_and_left_alone(published: Made) -> None:
    theirs = published.tree / BTC_2026.format("1m") / "copy of candles.parquet"
    shutil.copy(theirs.with_name("candles.parquet"), theirs)
    (published.tree / ".hidden").touch()
    done = publish(published.path)
    assert done.strange == (theirs,)
    assert theirs.exists()


def test_without_hard_links_files_are_copied(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on exFAT or some network file systems, which are not to be had in a test."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    publish(made.path)
    before = made.files()
    assert {path.stat().st_nlink for path in made.tree.rglob("*.parquet")} == {1}
    assert len(publish(made.path).unchanged) == 16
    assert made.files() == before
    assert made.leftovers() == []


def test_two_warehouses_do_not_remove_each_others_candles(published: Made, tmp_path: Path) -> None:
    other = Made(tmp_path / "other.duckdb")
    other.build()
    before = published.files()
    with pytest.raises(PublishError, match=r"is published from the warehouse .*warehouse\.duckdb, and a second one"):
        publish(other.path)
    assert published.files() == before
    publish(other.path, tmp_path / "elsewhere" / "exports")
    assert (tmp_path / "elsewhere" / "published.duckdb").exists()
    published.path.unlink()
    publish(other.path)  # the first one is gone: renamed, for all we know


def test_a_moved_folder_is_published_anew_with_its_paths(published: Made, tmp_path: Path) -> None:
    new = tmp_path / "odd* it's ünï"
    new.mkdir()
    for name in ("warehouse.duckdb", "exports", "published.duckdb"):
        shutil.move(tmp_path / name, new / name)
    shutil.copytree(new, tmp_path / "oddity it's ünï")  # which the name would match if it were taken for a pattern
    moved = Made(new / "warehouse.duckdb")
    assert len(publish(moved.path).unchanged) == 16
    assert moved.read("select count(*) from kraken.candles") == [(2 * 183,)]


def test_odd_symbols_come_back_as_they_were(made: Made) -> None:
    symbols = ["1INCH/USD", "A/B/C", "BTC/USD.P", "rest_equal", "ÆTHER/EUR"]
    made.build(
        f"insert into made.minutes select source, unnest({symbols}), * exclude (source, symbol) "
        "from made.minutes where symbol = 'ETH/USD'; delete from made.minutes where symbol = 'ETH/USD'"
    )
    publish(made.path)
    assert made.read("select distinct symbol from rest_candles order by 1") == [
        (symbol,) for symbol in sorted(["BTC/USD", *symbols])
    ]
    assert publish(made.path).written == ()


def test_a_symbol_that_a_path_cannot_carry_is_refused_and_changes_nothing(published: Made) -> None:
    before, symbol = published.files(), "ETH/USD"
    for other in (
        *("BTC-USD", "../USD", "BTC/", "/USD", "BTC USD", "BTC%2FUSD"),
        *("B*C/USD", "a=b/c", ".", "", "BTC//USD", "it''s"),
    ):
        published.build(f"update made.minutes set symbol = '{other}' where symbol = '{symbol}'")
        with pytest.raises(PublishError, match=r"The symbol .* cannot be published"):
            publish(published.path)
        assert published.files() == before, other
        assert published.leftovers() == [], other
        symbol = other


def test_partitions_and_rows_of_two_states_are_refused(published: Made) -> None:
    before = published.files()
    with duckdb.connect(str(published.path)) as connection:
        connection.execute(
            "update kraken.export_partitions set row_count = 61, content_hash = 'x' where row_count = 60"
        )
    with pytest.raises(PublishError, match="counts 61 rows of BTC/USD 1m 2026 from rest, exported_candles has 60"):
        publish(published.path)
    assert published.files() == before
    assert published.leftovers() == []
