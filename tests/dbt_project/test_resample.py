"""Candles of timeframes that are not built, as a model of any project writes them: what a build would make of them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline.publishing.partitions import Column
from dlt_pipeline.publishing.resampling import Timeframe, candles_of
from tests.conftest import ROOT
from tests.dbt_project import raw
from tests.dbt_project.dbt_in_process import DbtProject, compile_inline
from tests.dbt_project.dbt_run import Built
from tests.dbt_project.random_trades import TIMEFRAMES
from tests.parsed_project import KEPT

SYMBOL = "calendar"
BUILT = [
    {"name": "1h", "seconds": 3600},
    {"name": "3h", "seconds": 10800},
    {"name": "1d", "seconds": 86400},
    {"name": "1w_monday", "seconds": 604800, "offset_seconds": 345600},
]
# What trades of proven time make, told anew from them; the instants at which a bucket starts are the caller's.
TRUTH = """
    from (
        select
            {start} as bucket_start, {start} + {length} as bucket_end, arg_min(price, time_ns), max(price), min(price),
            arg_max(price, time_ns), sum(volume), sum(price * volume), count(*), min(trade_id), max(trade_id)
        from kraken.trades group by all
    ) as buckets
    where exists (from kraken.coverage where covered_from <= bucket_start and covered_to >= bucket_end)
    order by 1
"""
FIGURES = (
    "bucket_start, bucket_end, open, high, low, close, base_volume, quote_volume, trade_count, first_trade_id, "
    "last_trade_id"
)


class Warehouse:
    """A built warehouse, and what text becomes and gives there."""

    def __init__(self, path: Path, **variables: Any) -> None:
        self.path, self.variables = path, variables

    def sql(self, text: str, **variables: Any) -> str:
        """The SQL of a text that may hold macros; AssertionError with what dbt said if it was refused."""
        given = {f"kraken_candles_{name}": value for name, value in (self.variables | variables).items()}
        sql, said = compile_inline(KEPT[0].manifest, self.path.parent / "target", text, given)
        assert sql is not None, said
        return sql

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()

    def assert_same(self, made: str, expected: str) -> None:
        """The same columns in their order and the same rows, of which there are some."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            described = [connection.execute(f"describe {query}").fetchall() for query in (made, expected)]
            assert described[0] == described[1]
            for one, other in ((made, expected), (expected, made)):
                assert (
                    connection.execute(f"from ({one}) except all from ({other}) order by all limit 5").fetchall() == []
                )
            assert connection.execute(f"from ({made}) limit 1").fetchall()


def resampled(*timeframes: str, where: str = "true") -> str:
    """Text of all candles of these timeframes."""
    return " union all ".join(
        f"select * from {{{{ kraken_candles.resample('{timeframe}') }}}} where {where}" for timeframe in timeframes
    )


@pytest.fixture
def golden(built: Built, tmp_path: Path) -> Warehouse:
    """Every golden rule and the random trades, with gaps, open and cut buckets; the test's own."""
    return Warehouse(Path(shutil.copy(built.warehouse, tmp_path / "warehouse.duckdb")))


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory, parsed_project: Callable[[Path], Path]) -> Warehouse:
    """Five months of trades, some hours apart, with trades missing on a day of March; months are not built."""
    path = tmp_path_factory.mktemp("calendar") / "warehouse.duckdb"
    start, end = raw.ns("2023-11-29 07:00:00"), raw.ns("2024-04-30 05:30:00")
    hour = 3600 * 10**9
    rows = []
    for trade_id, time_ns in enumerate(range(start, end, 5 * hour + 1), 1):
        money = {"price": str(100 + trade_id * 37 % 101), "volume": f"0.{trade_id:08d}"}
        rows.append({"trade_id": trade_id, "time": str(raw.timestamp(time_ns)), **money})
    hole = next(number for number, row in enumerate(rows) if row["time"] > "2024-03-06")
    page = {"covered_from": "2023-11-29 07:00:00", "covered_to": "2024-04-30 05:30:00"}
    page |= {
        "first_trade_id": 1,
        "last_trade_id": len(rows),
        "first_time": rows[0]["time"],
        "last_time": rows[-1]["time"],
    }
    with raw.create(path) as connection:
        raw.insert(connection, "trades", [raw.trade(SYMBOL, row) for row in rows[:hole] + rows[hole + 1 :]])
        raw.insert(connection, "pages", [raw.page(SYMBOL, 0, page)])
        times = {"from_time": rows[hole - 1]["time"], "to_time": rows[hole + 1]["time"]}
        missing = {"first_missing_id": hole + 1, "last_missing_id": hole + 1}
        raw.insert(connection, "id_holes", [raw.hole(SYMBOL, {**missing, **times})])
        raw.insert(connection, "markets", [raw.market(SYMBOL)])
    DbtProject(path.parent / "target", path, {"kraken_candles_timeframes": BUILT}).run(path)
    return Warehouse(path, timeframes=BUILT)


@pytest.mark.parametrize(
    "policy", ["carry_forward", *(pytest.param(name, marks=pytest.mark.long) for name in ("null", "omit"))]
)
def test_it_gives_what_a_build_of_the_timeframe_would(golden: Warehouse, policy: str) -> None:
    """Whatever the policy, gaps, cut and open buckets; of a name that is not built, and the rows of one that is."""
    view = (ROOT / "dbt_project" / "models" / "candles" / "candles.sql").read_text().split("\n", 1)[1]
    golden.query("create or replace view kraken.candles as " + golden.sql(view, empty_bucket_policy=policy))

    made = golden.sql(resampled(*TIMEFRAMES), timeframes=[{"name": "1m", "seconds": 60}])
    golden.assert_same(made, "from kraken.candles")
    assert {name for (name,) in golden.query(f"select timeframe from ({made}) where not is_closed")} > {"1m", "1w"}
    golden.assert_same(
        golden.sql(f"select * replace ('1h' as timeframe) from ({resampled('60m')})"),
        "from kraken.candles where timeframe = '1h'",
    )


def test_monday_weeks_are_those_of_a_build(calendar: Warehouse) -> None:
    made = calendar.sql(resampled("1w_monday"), timeframes=BUILT[:3])
    calendar.assert_same(made, "from kraken.candles where timeframe = '1w_monday'")
    assert {f"{start:%a}" for (start,) in calendar.query(f"select bucket_start from ({made})")} == {"Mon"}


@pytest.mark.parametrize(
    ("timeframe", "start", "length", "starts"),
    [
        ("1mo", "date_trunc('month', traded_at)", "interval 1 month", ["2023-12-01", "2024-01-01", "2024-02-01"]),
        ("3mo", "date_trunc('quarter', traded_at)", "interval 3 month", []),
        ("2mo", "time_bucket(interval 2 month, traded_at)", "interval 2 month", ["2024-01-01"]),
        ("12h", "time_bucket(interval 12 hour, traded_at)", "interval 12 hour", None),
        ("2w", "make_timestamp(time_ns // 1209600000000000 * 1209600000000)", "interval 14 day", None),
    ],
)
def test_whole_buckets_hold_the_trades_that_lie_in_them_and_a_gap_leaves_them_out(
    calendar: Warehouse, timeframe: str, start: str, length: str, starts: list[str] | None
) -> None:
    made = f"select {FIGURES} from ({calendar.sql(resampled(timeframe, where='is_closed'))}) order by 1"
    rows = calendar.query(made)
    assert rows == calendar.query(TRUTH.format(start=start, length=length))
    assert starts is None or [f"{row[0]:%Y-%m-%d}" for row in rows] == starts
    assert not [row for row in rows if f"{row[0]}" <= "2024-03-06 12:00" < f"{row[1]}"]
    newest = calendar.query(f"from ({calendar.sql(resampled(timeframe, where='not is_closed'))})")
    assert len(newest) == (0 if timeframe == "2mo" else 1), "open, unless the gap lies in it"


@pytest.mark.parametrize("timeframe", ["2h", "12h", "1w", "2w_monday", "1mo", "3h"])
def test_candles_of_what_is_published_has_the_same_rows(calendar: Warehouse, timeframe: str) -> None:
    """The rules stand there once more, for rows of which Kraken's own are some."""
    made = calendar.sql(resampled(timeframe, where="is_closed"))
    with duckdb.connect(str(calendar.path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        columns = [Column(name, kind) for name, kind, *_ in connection.execute("describe kraken.candles").fetchall()]
        lengths = [(each["name"], each["seconds"]) for each in BUILT[2::-1]]
        built = [Timeframe(str(name), int(str(seconds)), 0, is_ours=True) for name, seconds in lengths]
        macro = candles_of("from kraken.candles where is_closed", columns, built, "from kraken.coverage")
        connection.execute(f"create temp macro published{macro}")
        names = ", ".join(column.name for column in columns)
        theirs = connection.execute(f"select {names} from published('{SYMBOL}', '{timeframe}') order by all").fetchall()
        assert theirs
        assert connection.execute(f"select {names} from ({made}) order by all").fetchall() == theirs


def test_a_symbol_and_bounds_leave_the_rest_away(golden: Warehouse) -> None:
    arguments = "symbol='random', start='2024-03-01 04:00', end='2024-03-03'"
    for timeframe in ("1h", "3h", "1mo"):
        made = golden.sql(f"select * from {{{{ kraken_candles.resample('{timeframe}', {arguments}) }}}}")
        within = "symbol = 'random' and bucket_start >= '2024-03-01 04:00' and bucket_start < '2024-03-03'"
        expected = golden.query(f"from ({golden.sql(resampled(timeframe, where=within))}) order by all")
        assert golden.query(f"from ({made}) order by all") == expected
        assert len(expected) == {"1h": 42, "3h": 12, "1mo": 0}[timeframe]


def test_where_removed_trades_leave_a_part_absent_a_bucket_is_not_made_of_the_rest(golden: Warehouse) -> None:
    """With `omit` a part that is not shown may be empty; here one on 10 March is absent and one on 12 March empty."""
    golden.query(
        """
        create table kraken.shown as from kraken.candles where symbol = 'random' and timeframe = '1h'
            and bucket_start not in (timestamp '2024-03-10 04:00', timestamp '2024-03-12 04:00');
        drop view kraken.candles;
        alter table kraken.shown rename to candles;
        insert into kraken.absent_days values ('random', '1h', date '2024-03-10', 1, 0)
        """
    )
    hours = [{"name": "1h", "seconds": 3600}]
    within = "bucket_start >= '2024-03-10' and bucket_start < '2024-03-13'"
    rows = golden.query(golden.sql(resampled("6h", where=within), timeframes=hours) + " order by bucket_start")
    starts = [f"{row[2]:%d %H}" for row in rows]
    every = [f"{day} {hour:02}" for day in (10, 11, 12) for hour in (0, 6, 12, 18)]
    assert starts == [start for start in every if start != "10 00"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("'7m'", "resample cannot make the timeframe 7m of those that are built, 1m, 5m, 15m, 30m, 1h"),
        ("'30s'", "kraken_candles_timeframes must have one that divides it"),
        ("'9999999mo'", "Write it as 3m, 2h, 5d, 1w, 1w_monday or 1mo"),
        ("'2h', symbol=\"it's\"", "resample takes one symbol, as BTC/USD, not it's."),
        ("'2h', start='soon'", "resample takes start as 2026-11-06 or 2026-11-06 12:00, UTC, not soon."),
    ],
)
def test_what_cannot_be_is_refused_while_dbt_compiles(tmp_path: Path, call: str, said: str) -> None:
    sql, refused = compile_inline(KEPT[0].manifest, tmp_path, f"{{{{ kraken_candles.resample({call}) }}}}", {})
    assert sql is None
    assert said in refused
