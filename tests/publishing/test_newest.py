"""Between two whole publishes published.duckdb shows every change, and no large file is written for it."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from dlt_pipeline import publish
from dlt_pipeline.publishing.publisher import Publisher
from dlt_pipeline.publishing.settings import KEEP_REPLACED
from tests.publishing.made import Made

COLUMNS = "symbol, timeframe, * exclude (source, symbol, timeframe, year, is_best), source"
MORE = """
    insert into made.minutes
    select source, symbol, started + interval 3 hour, price, volume, minute + 180 from made.minutes
    where minute >= 120 and minute < 180
"""
CHANGES = {
    "more minutes": MORE,
    "an old minute": "update made.minutes set price = price + 7 where minute = 3 and symbol = 'BTC/USD'",
    "a minute less": "delete from made.minutes where minute = 179",
    "a day less": "delete from made.minutes where minute >= 120 and symbol = 'ETH/USD'",
    "another symbol": "insert into made.minutes select source, 'SOL/USD', * exclude (source, symbol) from made.minutes",
    "a new year": "insert into made.minutes select * replace (started + interval 1 year as started) from made.minutes",
    "nothing": "select 1",
}

# More minutes come after each other change too, and a day has fewer in the same way.
DOUBLES = {"more minutes", "a minute less"}


@pytest.fixture
def publisher(made: Made) -> Publisher:
    found = Publisher(made.path)
    found.publish()
    return found


def assert_shown(made: Made) -> None:
    """Every view of published.duckdb is what the warehouse would show, in its columns and types."""
    for view, condition in (
        ("candles", "source = 'trades'"),
        ("rest_candles", "source = 'rest'"),
        ("ohlcv", "is_best"),
    ):
        theirs = f"select {COLUMNS} from kraken.exported_candles where {condition}"
        assert made.read(f"from {view} order by all") == made.query(f"{theirs} order by all"), view
        assert made.read(f"describe {view}")[0:3] == made.query(f"describe {theirs}")[0:3]


@pytest.mark.parametrize(
    "change",
    [pytest.param(each, id=name, marks=pytest.mark.long if name in DOUBLES else ()) for name, each in CHANGES.items()],
)
def test_every_change_is_shown(made: Made, publisher: Publisher, change: str) -> None:
    made.build(change)
    publisher.publish_newest()
    assert_shown(made)
    made.build(MORE)
    publisher.publish_newest()
    assert_shown(made)
    publisher.publish()
    assert_shown(made)


def large(made: Made) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in made.versions() if path.parent.name != "newest"}


def test_the_years_files_and_the_tree_stay(made: Made, publisher: Publisher) -> None:
    before, tree = large(made), made.files()
    made.build(MORE)
    done = publisher.publish_newest()
    assert {(key.timeframe, key.year) for key in done.written} == {("1m", 2026), ("1h", 2026)}
    assert large(made) == before
    assert made.files() == tree
    publisher.publish()
    assert made.files() != tree, "the next whole publish brings the tree up to date"


def test_a_reader_of_the_state_before_keeps_its_files(
    made: Made, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.build(MORE)
    publisher.publish_newest()
    with duckdb.connect(str(made.published), read_only=True) as reader:
        before = reader.execute("select count(*) from candles").fetchall()
        made.build(MORE.replace("3 hour", "4 hour"))
        publisher.publish_newest()
        assert reader.execute("select count(*) from candles").fetchall() == before
    assert len([path for path in made.versions() if path.parent.name == "newest"]) == 2
    monkeypatch.setenv(KEEP_REPLACED, "0")
    publisher.publish_newest()
    assert len([path for path in made.versions() if path.parent.name == "newest"]) == 1, "later it goes"
    publisher.publish()
    assert not (made.exports / ".versions" / "newest").exists()


def otherwise_published(made: Made) -> None:
    made.build(MORE)
    publish(made.path)


def without_its_files(made: Made) -> None:
    for path in made.versions():
        path.unlink()


def with_decimals(made: Made) -> None:
    made.build("select 1", numbers="decimal")


def without_a_symbol(made: Made) -> None:
    made.build("delete from made.minutes where symbol = 'ETH/USD'")


@pytest.mark.parametrize("meanwhile", [otherwise_published, without_its_files, with_decimals, without_a_symbol])
def test_what_happened_meanwhile_does_not_matter(
    made: Made, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Made], None]
) -> None:
    monkeypatch.setenv(KEEP_REPLACED, "0")
    meanwhile(made)
    publisher.publish_newest()
    assert_shown(made)
    made.build(MORE.replace("3 hour", "4 hour"))
    publisher.publish_newest()
    assert_shown(made)


def test_the_first_time_all_is_published(made: Made) -> None:
    Publisher(made.path).publish_newest()
    assert_shown(made)
    assert made.files()
