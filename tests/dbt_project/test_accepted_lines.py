"""Each line of the seeds is checked, and a broken one is refused with the place, the value and what is allowed."""

from pathlib import Path

import duckdb
import pytest

from tests.dbt_project import raw
from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.dbt_run import ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[DbtProject, Path]:
    folder = tmp_path_factory.mktemp("broken")
    path = folder / "warehouse.duckdb"
    with raw.create(path) as connection:
        connection.execute("create schema kraken_staging")
    return DbtProject(folder / "target", path, {}), path


GOOD = {
    "accepted_differences": ["BTC/USD", "1m", "2024-02-02", "2024-02-02 10:00:00.5", "known", "2024-02-02"],
    "accepted_gaps": ["BTC/USD", "2024-02-02", "2024-02-02 10:00", "known", ""],
    "trading_sessions": ["GMEx", "Friday 20:00", "Sunday 20:00", "America/New_York"],
}
READER = {
    "accepted_differences": "stg_accepted_differences",
    "accepted_gaps": "gaps",
    "trading_sessions": "stg_trading_sessions",
}
NO_TIME = "is not allowed; it must be a UTC time as 2024-03-31 10:05:00"
NO_DAY = "is not allowed; it must be a UTC day as 2024-03-31, or empty for ever."
BROKEN = [
    ("accepted_differences", "symbol", "", "is empty; every line needs a symbol."),
    ("accepted_differences", "symbol", " ", "is empty; every line needs a symbol."),
    (
        "accepted_differences",
        "timeframe",
        "2m",
        "is no known timeframe; known are 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w",
    ),
    ("accepted_differences", "bucket_from", "2024-02-30", NO_TIME + "."),
    ("accepted_differences", "bucket_from", "", NO_TIME + "."),
    ("accepted_differences", "bucket_from", "2024-02-02 10:00+01", NO_TIME + "."),
    ("accepted_differences", "bucket_to", "'; drop", NO_TIME + ", or empty for one bucket."),
    ("accepted_differences", "bucket_to", "2024-02-01", "is not before bucket_to 2024-02-01; bucket_to is exclusive"),
    ("accepted_differences", "reason", "", "is empty; every line needs a reason."),
    ("accepted_differences", "until", "2024-02-02 10:00", NO_DAY),
    ("accepted_differences", "until", "2023-02-29", NO_DAY),
    ("accepted_gaps", "symbol", "", "is empty; every line needs a symbol."),
    ("accepted_gaps", "gap_to", "", NO_TIME + "."),
    ("accepted_gaps", "gap_to", "2024-02-02T00:00Z", "is not before gap_to 2024-02-02T00:00Z; gap_to is exclusive"),
    ("accepted_gaps", "until", "never", NO_DAY),
    ("trading_sessions", "asset", "", "is empty; every line needs a asset."),
    (
        "trading_sessions",
        "closed_from",
        "Fri 20:00",
        "it must be a day and time of the week as Friday 20:00, or empty for never.",
    ),
    (
        "trading_sessions",
        "closed_to",
        "Sunday 24:00",
        "it must be a day and time of the week as Friday 20:00, or empty for never.",
    ),
    ("trading_sessions", "time_zone", "New York", "is no known time zone; it must be one as America/New_York."),
    (
        "trading_sessions",
        "time_zone",
        "",
        "gives closed_from and closed_to alone; it must give all of closed_from, closed_to, time_zone",
    ),
]


def _insert(path: Path, seed: str, values: dict[str, str]) -> None:
    (file,) = (ROOT / "dbt_project").glob(f"*seeds/{seed}.csv")
    header = file.read_text().splitlines()[0].split(",")
    row = {**dict(zip(header, GOOD[seed], strict=True)), **values}
    with duckdb.connect(str(path)) as connection:
        columns = ", ".join(f"{name} varchar" for name in header)
        connection.execute(f"create or replace table kraken_staging.{seed} ({columns})")
        connection.execute(
            f"insert into kraken_staging.{seed} values ({', '.join('?' * len(row))})",
            [value or None for value in row.values()],
        )


def test_good_lines_are_read(project: tuple[DbtProject, Path]) -> None:
    dbt, path = project
    for seed in ("accepted_differences", "trading_sessions"):  # of gaps the unit test of that name shows them
        _insert(path, seed, {})
        dbt.run(path, "--select", f"+{READER[seed]}")
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select * exclude (until) from kraken_staging.stg_accepted_differences").fetchall()
    stamps = [raw.timestamp(raw.ns("2024-02-02 00:00:00")), raw.timestamp(raw.ns("2024-02-02 10:00:00.5"))]
    assert rows == [("BTC/USD", "1m", *stamps, "known", True)]


@pytest.mark.parametrize(("seed", "column", "value", "sentence"), BROKEN)
def test_each_broken_line_is_refused(
    project: tuple[DbtProject, Path], seed: str, column: str, value: str, sentence: str
) -> None:
    dbt, path = project
    _insert(path, seed, {column: value})
    with pytest.raises(AssertionError) as refused:
        dbt.run(path, "--select", READER[seed])
    said = " ".join(str(refused.value).split())
    assert f"{seed}, line 1 below the header" in said
    assert sentence in said


def test_a_missing_column_is_named(project: tuple[DbtProject, Path]) -> None:
    dbt, path = project
    with duckdb.connect(str(path)) as connection:
        connection.execute("create or replace table kraken_staging.accepted_gaps (symbol varchar, gap_from varchar)")
    with pytest.raises(AssertionError, match="accepted_gaps has no column gap_to; its columns must be symbol, "):
        dbt.run(path, "--select", "gaps")


def test_a_line_of_the_asset_comes_before_its_class_and_stands_once(project: tuple[DbtProject, Path]) -> None:
    dbt, path = project
    _insert(path, "trading_sessions", {"asset": "tokenized_asset"})
    lines = [
        ("AAPLx", None, None, None),
        ("GLDx", "Sunday 23:59", "Monday 00:01", "UTC"),
        ("COIN", "Monday 00:00", "Monday 00:00", "UTC"),
    ]
    markets = [
        ("AAPLx/USD", "tokenized_asset"),
        ("GLDx/USD", "tokenized_asset"),
        ("GMEx/EUR", "tokenized_asset"),
        ("COIN/USD", None),
        ("BTC/USD", None),
    ]
    with duckdb.connect(str(path)) as connection:
        connection.executemany("insert into kraken_staging.trading_sessions values (?, ?, ?, ?)", lines)
        for symbol, asset_class in markets:
            raw.insert(
                connection, "markets", [raw.market(symbol) | {"base": symbol.split("/")[0], "asset_class": asset_class}]
            )
    dbt.run(path, "--select", "stg_trading_sessions")
    minute_ns = 60 * 10**9
    day_ns = 1440 * minute_ns
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute("from kraken_staging.stg_trading_sessions order by symbol").fetchall()
        connection.execute("insert into kraken_staging.trading_sessions values ('GLDx', null, null, null)")
    assert rows == [
        ("GLDx/USD", 7 * day_ns - minute_ns, 2 * minute_ns, "UTC"),
        ("GMEx/EUR", 4 * day_ns + 1200 * minute_ns, 2 * day_ns, "America/New_York"),
    ]
    with pytest.raises(AssertionError, match="column asset: 'GLDx' stands in a line above; each may have one line"):
        dbt.run(path, "--select", "stg_trading_sessions")
