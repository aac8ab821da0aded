"""Immutable files that were replaced: kept for readers of the state before, then removed."""

import os
import time
from collections.abc import Iterator

import duckdb
import pytest

from dlt_pipeline import publish
from dlt_pipeline.publishing.settings import KEEP_REPLACED, PublishSettings
from tests.publishing.made import MINUTES, Made

CHANGE = "update made.minutes set volume = volume + 1 where source = 'trades' and symbol = 'BTC/USD'"
SUM = "select sum(base_volume) from candles where symbol = 'BTC/USD'"


@pytest.fixture
def reader(published: Made) -> Iterator[duckdb.DuckDBPyConnection]:
    """Somebody who opened the state before and keeps it open."""
    with duckdb.connect(str(published.published), read_only=True) as connection:
        yield connection


def age_marks(made: Made, seconds: float) -> None:
    for mark in made.exports.rglob("*.replaced"):
        then = time.time() - seconds
        os.utime(mark, (then, then))


def test_a_reader_of_the_state_before_still_sees_all_of_it(published: Made, reader: duckdb.DuckDBPyConnection) -> None:
    published.build(CHANGE)
    publish(published.path)
    assert reader.execute(SUM).fetchall()[0][0] == pytest.approx(360)
    reader.close()  # a process that still has the old file open would get it again
    assert published.read(SUM)[0][0] == pytest.approx(720)


def test_replaced_files_go_after_the_grace_time_and_not_before(published: Made) -> None:
    first = set(published.versions())
    published.build(CHANGE)
    publish(published.path)
    replaced = {path for path in first if path.with_suffix(".replaced").exists()}
    assert len(replaced) == 4
    assert len(published.versions()) == 20
    age_marks(published, PublishSettings.keep_replaced_seconds - 60)
    publish(published.path)
    assert len(published.versions()) == 20
    age_marks(published, PublishSettings.keep_replaced_seconds)
    publish(published.path)
    assert set(published.versions()) & first == first - replaced
    assert len(published.versions()) == 16
    assert not list(published.exports.rglob("*.replaced"))


def test_with_no_grace_they_go_at_once(published: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEEP_REPLACED, "0")
    published.build(CHANGE)
    publish(published.path)
    assert len(published.versions()) == 16
    assert published.leftovers() == []


def test_content_that_comes_back_is_not_removed_for_having_been_replaced(published: Made) -> None:
    first = published.versions()
    published.build(CHANGE)
    publish(published.path)
    age_marks(published, 10 * PublishSettings.keep_replaced_seconds)
    published.build(MINUTES)
    done = publish(published.path)
    assert len(done.written) == 4, "in the tree"
    assert set(first) <= set(published.versions())
    assert published.read(SUM)[0][0] == pytest.approx(360)
    published.build(CHANGE)
    publish(published.path)
    assert set(first) <= set(published.versions()), "replaced once more, and only now"


def test_the_files_of_a_vanished_partition_stay_for_their_readers(
    published: Made, reader: duckdb.DuckDBPyConnection
) -> None:
    published.build("delete from made.minutes where symbol = 'ETH/USD'")
    publish(published.path)
    assert reader.execute("select count(*) from candles where symbol = 'ETH/USD'").fetchall() == [(183,)]
    age_marks(published, PublishSettings.keep_replaced_seconds)
    publish(published.path)
    assert not list(published.exports.rglob("symbol=ETH-USD"))
