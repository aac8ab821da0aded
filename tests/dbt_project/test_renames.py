"""Histories across names: each bucket in one of them at most, here and where it is published; lines that cannot be."""

from pathlib import Path

import duckdb
import pytest

from dlt_pipeline import publish
from tests.dbt_project import raw
from tests.dbt_project.dbt_in_process import DbtProject

HOURS = range(4)
# Today's POL/USD was MATIC/USD; what was LUNA/USD is LUNC/USD, and the name LUNA/USD was given to another coin.
LINES = [
    ("MATIC/USD", "POL/USD", "2024-05-01 02:00:00", "rebranded"),
    ("LUNA/USD", "LUNC/USD", "2024-05-01T01:00Z", "the name was given anew"),
]
# symbol, market, hours
EXPECTED = [
    ("BTC/USD", "BTC/USD", HOURS),
    ("POL/USD", "MATIC/USD", range(2)),
    ("POL/USD", "POL/USD", range(2, 4)),
    ("MATIC/USD", "MATIC/USD", range(2, 4)),  # what still trades under it is no history of POL's
    ("LUNC/USD", "LUNA/USD", range(1)),
    ("LUNC/USD", "LUNC/USD", range(1, 4)),
    ("LUNA/USD", "LUNA/USD", range(1, 4)),
]
SYMBOLS = sorted({market for _, market, _ in EXPECTED})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[DbtProject, Path]:
    folder = tmp_path_factory.mktemp("renames")
    path = folder / "warehouse.duckdb"
    with raw.create(path) as connection:
        connection.execute("create schema kraken_staging")
        for number, symbol in enumerate(SYMBOLS):
            times = [f"2024-05-01 {hour:02}:10:00" for hour in HOURS]
            trades = [
                {"trade_id": str(place), "time": time, "price": str(number + 1), "volume": "1"}
                for place, time in enumerate(times, 1)
            ]
            page = {"covered_from": "2024-05-01 00:00:00", "covered_to": "2024-05-01 04:00:00"}
            page |= {"first_time": times[0], "last_time": times[-1], "first_trade_id": 1, "last_trade_id": len(times)}
            raw.insert(connection, "trades", [raw.trade(symbol, trade) for trade in trades])
            raw.insert(connection, "pages", [raw.page(symbol, number, page) | {"new_trade_count": len(times)}])
            raw.insert(connection, "markets", [raw.market(symbol)])
    return DbtProject(folder / "target", path, {}), path


def name(path: Path, lines: list[tuple[str, ...]]) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create or replace table kraken_staging.market_renames "
            "(old_symbol varchar, new_symbol varchar, renamed_at varchar, reason varchar)"
        )
        connection.executemany("insert into kraken_staging.market_renames values (?, ?, ?, ?)", lines)


def read(path: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(query).fetchall()


def test_a_bucket_is_in_the_history_of_one_name_here_and_where_it_is_published(
    project: tuple[DbtProject, Path],
) -> None:
    dbt, path = project
    name(path, LINES)
    dbt.run(path, "--select", "+continuous_candles", "+export_partitions", "exported_candles", "export_days")
    publish(path)
    expected = sorted(
        (symbol, market, raw.timestamp(raw.ns(f"2024-05-01 {hour:02}:00:00")))
        for symbol, market, hours in EXPECTED
        for hour in hours
    )
    for database in (path, path.parent / "published.duckdb"):
        hours = "select symbol, market, bucket_start from kraken.continuous_candles where timeframe = '1h' order by all"
        assert read(database, hours) == expected
        twice = "select count(*) - count(distinct (market, timeframe, bucket_start)) from kraken.continuous_candles"
        assert read(database, twice) == [(0,)]
        same = (
            "select count(*) from (select * exclude (symbol, market), market as symbol from kraken.continuous_candles "
            "except all select * exclude (symbol), symbol from kraken.candles)"
        )
        assert read(database, same) == [(0,)]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([("A/USD", "", "2024-05-01", "r")], "column new_symbol: '' is empty; every line needs a new_symbol."),
        ([("A/USD", "B/USD", "May", "r")], "column renamed_at: 'May' is not allowed; it must be a UTC time as"),
        ([("A/USD", "A/USD", "2024-05-01", "r")], "A/USD goes on as A/USD, which is no name of today."),
        (
            [("A/USD", "B/USD", "2024-05-01", "r"), ("B/USD", "C/USD", "2024-06-01", "r")],
            "A/USD goes on as B/USD, which is no name of today: it goes on as C/USD. Write C/USD in both lines.",
        ),
    ],
)
def test_a_line_that_cannot_be_is_refused(
    project: tuple[DbtProject, Path], lines: list[tuple[str, ...]], sentence: str
) -> None:
    dbt, path = project
    name(path, lines)
    with pytest.raises(AssertionError) as refused:
        dbt.run(path, "--select", "market_names")
    said = " ".join(str(refused.value).split())
    assert "market_renames" in said
    assert sentence in said


def test_renames_one_after_the_other_join_and_without_lines_each_market_is_its_own(
    project: tuple[DbtProject, Path],
) -> None:
    dbt, path = project
    name(path, [("A/USD", "C/USD", "2024-05-01", "r"), ("B/USD", "C/USD", "2024-06-01", "r")])
    dbt.run(path, "--select", "market_names")
    names = "select symbol, market, named_from::varchar, named_until::varchar from kraken.market_names order by all"
    may, june = "2024-05-01 00:00:00", "2024-06-01 00:00:00"
    assert read(path, names) == [
        ("A/USD", "A/USD", may, None),
        ("B/USD", "B/USD", june, None),
        ("C/USD", "A/USD", None, may),
        ("C/USD", "B/USD", may, june),
        ("C/USD", "C/USD", june, None),
    ]
    with duckdb.connect(str(path)) as connection:
        connection.execute("drop table kraken_staging.market_renames")
    dbt.run(path, "--select", "market_names")
    assert read(path, "select count(*) from kraken.market_names") == [(0,)]
