"""A day's certificate can be computed again by anybody, and a later change of certified candles leaves a trace."""

import hashlib
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.dbt_project import raw
from tests.dbt_project.dbt_in_process import DbtProject

SYMBOL = "OLD/EUR"
FIELDS = (
    "epoch_ns(bucket_start), open, high, low, close, base_volume, quote_volume, vwap, "
    "trade_count, first_trade_id, last_trade_id, is_empty"
)

PRICE = "1000000.50"  # DuckDB spells what is below a million in another way, as it does the volumes

READ = ("--select", "+candle_days", "+candle_revisions", "+candles")


class Days:
    """A warehouse that grows load by load; trades have no ids, so that a late one can be found in covered time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "warehouse.duckdb"
        raw.create(self.path).close()
        self.project = DbtProject(folder / "target", self.path, {})
        self.standing: tuple[str, ...] = ()

    def load(self, load: str, start: str, end: str, *times: str) -> None:
        """Add a load from start to end with a trade at each of the times, of 2024-05-01 where they name no day."""
        start, end, *at = [each if " " in each else f"2024-05-01 {each}" for each in (start, end, *times)]
        with duckdb.connect(str(self.path)) as connection:
            for time in at:
                row = {"trade_id": "", "place": "1", "time": time, "price": PRICE, "volume": "0.1"}
                raw.insert(connection, "trades", [raw.trade(SYMBOL, row)])
            bounds = {"covered_from": start, "covered_to": end, "load": load}
            if at:
                bounds |= {"first_time": at[0], "last_time": at[-1]}
            raw.insert(connection, "pages", [{**raw.page(SYMBOL, 0, bounds), "new_trade_count": len(times)}])
            connection.execute("insert into kraken_raw._dlt_loads values (?, 'kraken', 0, now(), '')", [load])

    def build(self, *arguments: str) -> None:
        self.project.run(self.path, *READ, *self.standing, *arguments)
        self.standing = ("--exclude", "config.materialized:view")  # views stay as they are

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def hashes(self) -> dict[object, object]:
        return dict(self.query("select timeframe, content_hash from kraken.candle_days where row_count > 0"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """Two hours certified, then a third one that only follows."""
    made = Days(tmp_path_factory.mktemp("days"))
    made.load("1", "00:00:00", "02:00:00", "00:00:10", "01:30:00")
    made.build()
    made.load("2", "02:00:00", "03:00:00", "02:15:00")
    made.build()
    return made


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else str(value).lower()


def test_the_hash_can_be_computed_from_the_candles(days: Days) -> None:
    for timeframe, content_hash in days.hashes().items():
        query = (
            f"select {FIELDS} from kraken.candles where is_closed and timeframe = '{timeframe}' order by bucket_start"
        )
        lines = ["|".join(map(_text, row)) for row in days.query(query)]
        digests = "".join(hashlib.md5(line.encode()).hexdigest() for line in lines)
        assert content_hash == hashlib.md5(digests.encode()).hexdigest(), timeframe


def test_growth_changes_the_hash_and_is_no_revision(days: Days) -> None:
    certificate = days.query(
        "select row_count, trade_count, is_proven, is_compared, load_id from kraken.candle_days where timeframe = '1h'"
    )
    assert certificate == [(3, 3, False, False, "2")]
    assert days.query("from kraken.candle_revisions") == []


def test_a_change_is_a_revision_once_and_survives_a_full_refresh(days: Days) -> None:
    before = days.hashes()
    days.load("3", "01:00:00", "02:00:00", "01:00:30")
    days.build()
    after = days.hashes()
    query = "select timeframe, old_hash, new_hash, old_row_count, new_row_count, load_id from kraken.candle_revisions"
    rows = [
        (name, before[name], after[name], {"1m": 180, "5m": 36, "15m": 12, "30m": 6, "1h": 3}[str(name)])
        for name in before
    ]
    expected = {(name, old, new, count, count, "3") for name, old, new, count in rows}
    assert set(days.query(query)) == expected
    days.build("--full-refresh")
    assert days.hashes() == after
    assert set(days.query(query)) == expected
    days.build()
    assert len(days.query(query)) == len(expected) == 5


def test_other_sides_of_the_same_trades_are_no_revision_and_new_files_all_the_same(days: Days) -> None:
    query = """
        select timeframe, content_hash, taker_hash from kraken_internal.certified_days where row_count > 0 order by all
    """
    revisions = days.query("from kraken.candle_revisions order by all")
    before = days.query(query)
    with duckdb.connect(str(days.path)) as connection:
        connection.execute("update kraken_raw.trades set side = case side when 'buy' then 'sell' else 'buy' end")
    days.load("4", "01:00:00", "02:00:00")
    days.build()
    after = days.query(query)
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert not {row[2] for row in after} & {row[2] for row in before}
    assert days.query("from kraken.candle_revisions order by all") == revisions


def test_a_roll_up_that_lacks_what_takers_bought_is_wrong(days: Days) -> None:
    query = "select timeframe, difference_count from kraken_internal.day_checks where difference_count > 0"
    assert days.query(query) == []
    with duckdb.connect(str(days.path)) as connection:
        connection.execute("update kraken_internal.day_candles set taker_buy_count = null where timeframe = '1h'")
    days.project.run(days.path, "--select", "day_checks", "--full-refresh")
    assert days.query(query) == [("1h", 3)]
    days.build("--full-refresh")
    assert days.query(query) == []


def test_a_policy_that_changes_what_is_shown_is_a_revision_too(days: Days, tmp_path: Path) -> None:
    other = DbtProject(tmp_path / "target", days.path, {"kraken_candles_empty_bucket_policy": "omit"})
    other.run(days.path, *READ)
    revised = days.query("select timeframe from kraken.candle_revisions where new_row_count = 4 and old_row_count > 4")
    assert sorted(revised) == [("15m",), ("1m",), ("30m",), ("5m",)]


def test_a_day_that_loses_its_coverage_loses_its_certificate_and_leaves_a_trace(days: Days) -> None:
    with duckdb.connect(str(days.path)) as connection:
        connection.execute("delete from kraken_raw._dlt_loads where load_id <> 'complete'")
    days.build()
    assert days.query("from kraken.candles") == days.query("from kraken.candle_days") == []
    gone = days.query("select count(distinct timeframe) from kraken.candle_revisions where new_row_count = 0")
    assert gone == [(5,)]


def test_a_whole_day_is_made_once_though_coverage_goes_on_but_not_behind_a_gap(tmp_path: Path) -> None:
    """What is open of its week is so while nothing of the symbol lies behind a gap."""
    made = Days(tmp_path)

    def version(day: str) -> object:
        return made.query(f"select version from kraken_internal.day_versions where covered_on = '{day}'")

    def weeks() -> list[tuple[object, ...]]:
        query = "select bucket_on::varchar, is_closed from kraken_internal.spanning_candles where timeframe = '1w'"
        return made.query(f"{query} order by all")

    made.load("1", "2024-05-02 00:00:00", "2024-05-03 00:00:00", "2024-05-02 12:00:00")
    made.build()
    first = version("2024-05-02")
    made.load("2", "2024-05-03 00:00:00", "2024-05-04 00:00:00", "2024-05-03 12:00:00")
    made.build()
    second = version("2024-05-03")
    assert (version("2024-05-02"), weeks()) == (first, [("2024-05-02", False)])
    made.load("3", "2024-05-16 00:00:00", "2024-05-16 02:00:00", "2024-05-16 01:00:00")
    made.build()
    assert (version("2024-05-02"), weeks()) == (first, [("2024-05-16", False)])
    assert version("2024-05-03") != second
