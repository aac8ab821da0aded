"""What stood in `candles` and `gaps` at an instant can be read again after whatever came later."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

import dlt_pipeline
from dlt_pipeline.common.exceptions import BadInputError
from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.test_candle_days import SYMBOL, Days

READ = ("--select", "+candles", "+certified_days", "+gaps", "+exported_candles", "+export_partitions", "+export_days")
POLICY = "kraken_candles_empty_bucket_policy"


class Seen(NamedTuple):
    """What a reader saw behind a build."""

    at: datetime
    candles: list[tuple[Any, ...]]
    gaps: list[tuple[Any, ...]]


class Known(Days):
    """Such a warehouse, of which each build is written down."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.began = _now()
        self.seen: list[Seen] = []

    def build(self, *arguments: str, **variables: object) -> None:
        given = {"kraken_candles_export_numbers": "decimal"} | variables
        DbtProject(self.path.parent / "target", self.path, given).run(self.path, *READ, *arguments)
        self.see()

    def see(self) -> None:
        candles = self.query("from kraken.candles where is_closed order by all")
        self.seen.append(Seen(_now(), candles, self.query("from kraken.gaps order by all")))

    def execute(self, sql: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(sql)

    def published(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path.with_name("published.duckdb")), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """Two hours; a third one; a late trade and a gap; the gap filled; proof lost and found again; other policies."""
    made = Known(tmp_path_factory.mktemp("known"))
    made.load("1", "00:00:00", "02:00:00", "00:00:10", "01:30:00")
    made.build()
    made.load("2", "02:00:00", "03:00:00", "02:15:00")
    made.build()
    made.load("3", "01:00:00", "02:00:00", "01:00:30")
    made.load("4", "05:00:00", "06:00:00", "05:10:00")
    made.build()
    made.load("5", "03:00:00", "05:00:00", "03:10:00")
    made.build("--full-refresh")
    made.execute("update kraken_raw._dlt_loads set status = 1 where load_id <> 'complete'")
    made.build()
    made.execute("update kraken_raw._dlt_loads set status = 0")
    made.build()
    return made


def _told_right(known: Known, query: Any) -> None:
    for number, (at, candles, gaps) in enumerate(known.seen):
        assert query(f"from kraken.candles_as_of('{at}') order by all") == candles, number
        assert query(f"from kraken.gaps_as_of('{at}') order by all") == gaps, number


def test_what_each_build_made_can_be_read_again(known: Known) -> None:
    assert [len(seen.gaps) for seen in known.seen] == [0, 0, 1, 0, 0, 0]
    assert [len(seen.candles) for seen in known.seen] == [158, 237, 316, 475, 0, 475]
    _told_right(known, known.query)
