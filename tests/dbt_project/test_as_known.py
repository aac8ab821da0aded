"""What stood in `candles` and `gaps` at an instant can be read again after whatever came later."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

import dlt_pipeline
from dlt_pipeline.common.exceptions import BadInputError
from tests.dbt_project.dbt_in_process import DbtProject
from tests.dbt_project.test_candle_days import SYMBOL, Days
from tests.dbt_project.test_queries import run

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
        self.given: dict[str, object] = {}

    def build(self, *arguments: str, select: Sequence[str] = READ, **variables: object) -> None:
        given = {"kraken_candles_export_numbers": "decimal"} | variables
        standing = ("--exclude", "config.materialized:view") if select and given == self.given else ()
        DbtProject(self.path.parent / "target", self.path, given).run(self.path, *select, *standing, *arguments)
        self.given = given
        self.see()

    def see(self) -> None:
        candles = self.query("from kraken.candles where is_closed order by all")
        self.seen.append(Seen(_now(), candles, self.query("from kraken.gaps order by all")))

    def execute(self, sql: str) -> None:
        self.given = {}  # what stands may not do any more
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
    dlt_pipeline.publish(made.path)
    return made


def _told_right(known: Known, query: Any) -> None:
    for number, (at, candles, gaps) in enumerate(known.seen):
        assert query(f"from kraken.candles_as_of('{at}') order by all") == candles, number
        assert query(f"from kraken.gaps_as_of('{at}') order by all") == gaps, number


def test_what_each_build_made_can_be_read_again(known: Known) -> None:
    assert [len(seen.gaps) for seen in known.seen] == [0, 0, 1, 0, 0, 0]
    assert [len(seen.candles) for seen in known.seen] == [158, 237, 316, 475, 0, 475]
    _told_right(known, known.query)
    _told_right(known, known.published)


def test_an_instant_is_read_as_utc_whatever_says_it(known: Known) -> None:
    at, candles, _ = known.seen[1]
    count = "select count(*) from candles_as_of({})"
    for instant in (
        f"'{at}'",
        f"timestamp '{at}'",
        f"timestamptz '{at}+00'",
        f"'{at + timedelta(hours=2)}+02'",
        f"(select timestamp '{at}')",
    ):
        assert known.published(count.format(instant)) == [(len(candles),)], instant
    with pytest.raises(duckdb.InvalidInputException, match="takes an instant, as 2026-11-01"):
        known.published(count.format("null"))
    with pytest.raises(duckdb.InvalidInputException, match="which is yet to come"):
        known.published(count.format("now() + interval 1 minute"))
    with (
        duckdb.connect(str(known.path.with_name("published.duckdb")), read_only=True) as connection,
        pytest.raises(duckdb.InvalidInputException, match="run SET TimeZone = 'UTC' first"),
    ):
        connection.execute("set TimeZone = 'Europe/Berlin'").execute(count.format(f"'{at}'")).fetchall()


def test_python_reads_what_stood(known: Known) -> None:
    at, _, gaps = known.seen[2]
    rows = dlt_pipeline.candles(
        SYMBOL, "1h", "2024-05-01 01:00", as_of=at, engine="arrow", warehouse=known.path
    ).to_pylist()
    assert [(row["bucket_start"].hour, row["trade_count"]) for row in rows] == [(1, 2), (2, 1), (5, 1)]
    assert len(dlt_pipeline.gaps(SYMBOL, as_of=at, warehouse=known.path)) == len(gaps) == 1
    with pytest.raises(BadInputError, match=r"What stood is known from .* UTC on; candles_as_of cannot tell of 2013"):
        dlt_pipeline.candles(SYMBOL, "1h", as_of="2013-01-01", warehouse=known.path)
    with pytest.raises(BadInputError, match=r"only timeframes that are built: .*1h"):
        dlt_pipeline.candles(SYMBOL, "2h", as_of=at, warehouse=known.path)


def test_the_ready_queries_say_what_has_come_of_it_since(known: Known) -> None:
    """dbt_project/queries/candles_as_known.sql and gaps_as_known.sql, of each instant."""
    variables = {"symbol": f"'{SYMBOL}'", "starts_at": "timestamp '2024-05-01'"}
    today, today_gaps = known.query("from kraken.candles where is_closed"), known.query("from kraken.gaps")
    met = set()
    with duckdb.connect(str(known.path.with_name("published.duckdb")), read_only=True) as connection:
        for at, candles, gaps in known.seen:
            variables["instant"] = f"'{at}'"
            then, now = ({row[2]: row for row in rows if row[1] == "1h"} for rows in (candles, today))
            rows = run(connection, "candles_as_known", variables)
            assert [row[0] for row in rows] == sorted({*then, *now})
            for start, status, *figures in rows:
                pair = [
                    [row[number] for number in (7, 8, 13)] if row else [None] * 3
                    for row in (then.get(start), now.get(start))
                ]
                assert figures == [figure for both in zip(*pair, strict=True) for figure in both]
                expected = "same" if pair[0] == pair[1] else "changed"
                assert status == ("new" if start not in then else "gone" if start not in now else expected)
                met.add(status)
            assert [(*row[:3], row[7]) for row in run(connection, "gaps_as_known", variables)] == [
                (*gap[:3], gap in today_gaps) for gap in gaps
            ]
    assert {"same", "changed", "new"} <= met


def test_rows_that_stay_the_same_are_not_kept_and_new_ones_as_ranges(known: Known) -> None:
    """The second build only added; the full refresh changed what minutes behind the gap would carry on, and no more."""
    query = """
        select timeframe, is_closed is not null as is_row, count(*) from kraken_kept.replaced_candles
        where known_to between '{}' and '{}' and timeframe in ('1m', '1h') group by all order by all
    """
    steps = zip(known.seen, known.seen[1:], strict=False)
    kept = [known.query(query.format(before.at, after.at)) for before, after in steps]
    assert kept == [
        [("1h", False, 1), ("1m", False, 1)],
        [("1h", False, 1), ("1h", True, 1), ("1m", False, 1), ("1m", True, 1)],
        [("1h", False, 1), ("1m", False, 1)],
        [("1h", True, 6), ("1m", True, 360)],
        [("1h", False, 1), ("1m", False, 1)],
    ]


def test_settings_that_change_rows_and_back_are_told(known: Known) -> None:
    """Policies show empty buckets otherwise, before and behind loads; a timeframe may count from elsewhere."""
    known.build(**{POLICY: "carry_forward"})
    known.load("6", "06:00:00", "07:00:00", "06:10:00")
    known.build(kraken_candles_empty_bucket_overrides=[{"symbol": SYMBOL, "timeframe": "1m", "policy": "omit"}])
    known.load("7", "07:00:00", "08:00:00", "07:10:00")
    hours = [{"name": "1m", "seconds": 60}, {"name": "1h", "seconds": 3600}]
    known.build(kraken_candles_timeframes=[*hours, {"name": "1d", "seconds": 86400, "offset_seconds": 3600}])
    known.build()
    dlt_pipeline.publish(known.path)
    assert len({len(seen.candles) for seen in known.seen[5:]}) > 3
    _told_right(known, known.query)
    _told_right(known, known.published)


def test_builds_that_ended_halfway_are_told_as_readers_saw_them(known: Known) -> None:
    known.load("8", "08:00:00", "09:00:00", "08:10:00")
    known.load("9", "09:00:00", "09:30:00", "00:40:00")
    for part in (("--select", "+day_candles"), ("--select", "gaps"), (*READ, "--exclude", "config.materialized:view")):
        known.build(*part, select=())
    assert known.seen[-4].candles != known.seen[-3].candles
    _told_right(known, known.query)


def test_what_was_not_kept_is_not_guessed(known: Known) -> None:
    """It is the last test: it takes away what is kept, as in a warehouse of an earlier version, or a table by hand."""
    before = _now()
    for drop in (
        "drop schema kraken_kept cascade; drop macro table kraken.candles_as_of; drop macro table kraken.gaps_as_of",
        "drop table kraken_internal.day_candles; drop table kraken.gaps",
    ):
        known.execute(drop)
        known.load(drop[:6], "01:00:00", "02:00:00", "01:00:40")
        known.build()
        at, candles, gaps = known.seen[-1]
        assert known.query(f"from kraken.candles_as_of('{at}') order by all") == candles
        assert known.query(f"from kraken.gaps_as_of('{at}') order by all") == gaps
        for name in ("candles_as_of", "gaps_as_of"):
            with pytest.raises(duckdb.InvalidInputException, match=f"is known from .* UTC on; {name} cannot tell of"):
                known.query(f"from kraken.{name}('{before}')")
        before = at
