"""What `list` and `show` say of a built warehouse, of one that is not built, and beside a writer."""

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from dlt_pipeline import publish
from dlt_pipeline.cli.console import Console, exact
from dlt_pipeline.cli.files import run_report
from dlt_pipeline.cli.looking import run_list
from dlt_pipeline.cli.show import run_show, sparkline
from dlt_pipeline.cli.summary import print_summary
from dlt_pipeline.common.exceptions import BadInputError, NothingBuiltError, WarehouseLockedError
from dlt_pipeline.report.health import read_health
from dlt_pipeline.report.market import read_market
from dlt_pipeline.warehouse.database import warehouse_path
from tests.conftest import Place, held
from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.dbt_run import Built

Printed = Callable[..., list[str]]


@pytest.fixture
def warehouse(built: Built) -> Path:
    """The golden warehouse, where the commands look for it."""
    return Path(shutil.copy(built.warehouse, warehouse_path()))


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """Return the lines of `list`."""

    def run(as_json: bool = False) -> list[str]:
        monkeypatch.setenv("COLUMNS", "120")
        capsys.readouterr()
        assert run_list(Console(), warehouse_path(), as_json) == 0
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """Return the lines of `show` at 80 columns."""

    def run(symbol: str, timeframe: str, count: int = 24, as_json: bool = False, columns: int = 80) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        capsys.readouterr()
        assert run_show(Console(), warehouse_path(), symbol, timeframe, count, as_json) == 0
        return capsys.readouterr().out.splitlines()

    return run


def words(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines]


def test_a_line_says_of_a_symbol_and_timeframe_from_when_to_when_how_many_and_how_many_gaps(
    warehouse: Path, listed: Printed, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = words(listed())
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        query = "select timeframe, count(*) from kraken.candles where symbol = 'random' and is_closed group by all"
        counts = dict(connection.execute(query).fetchall())
        query = "select sum(trade_count)::bigint from kraken.coverage where symbol = 'random'"
        ((trades,),) = connection.execute(query).fetchall()
    assert ["random", "1m", "2024-02-27", "21:14", "2024-03-16", "03:46", f"{counts['1m']:,}", "1"] in lines
    assert ["random", "1w", "2024-03-07", "00:00", "2024-03-07", "00:00", "1", "0"] in lines, "the gap lies before it"
    assert [line[1] for line in lines if line[:1] == ["random"]][:8] == list(raw.SECONDS), "the finest first"
    assert ["random", f"{trades:,}", "2024-03-16", "03:47:11", "ids"] in lines
    assert ["no_ids", "5", "2021-06-01", "00:02:00", "agreement"] in lines
    assert lines[-1] == ["Warehouse:", str(warehouse)]
    objects = json.loads("\n".join(listed(as_json=True)))
    assert len(objects) == sum(len(line) == 8 for line in lines) - 1, "one for each line but the head"
    (week,) = (one for one in objects if (one["symbol"], one["timeframe"]) == ("random", "1w"))
    assert (week["first_bucket_start"], week["last_bucket_end"]) == ("2024-03-07T00:00:00Z", "2024-03-14T00:00:00Z")
    assert (week["candle_count"], week["gap_count"], week["trade_count"]) == (1, 0, trades)
    assert (week["proven_to"], week["proven_by"]) == ("2024-03-16T03:47:11.250000Z", "ids")
    capsys.readouterr()
    print_summary(Console(), warehouse, as_json=True)
    told = {one["symbol"]: one for one in json.loads(capsys.readouterr().out)}
    random = told["random"]
    assert (told["open_bucket"]["newer_trades"], random["newer_trades"]) == (1, 0)
    assert (random["trades"], random["candles"]["1m"], random["parts"]) == (trades, counts["1m"], 2)


def test_before_a_build_it_says_which_raw_trades_are_there(listed: Printed) -> None:
    with raw.create(warehouse_path()) as connection:
        raw.insert_rule(connection, GOLDEN / "green" / "hole_splits")
    lines = words(listed())
    assert ["hole_splits", "5", "2024-02-02", "10:00", "2024-02-02", "10:05"] in lines
    assert ["No", "candles", "are", "built", "yet;", "run", "`kraken-candles", "build`."] in lines
    (one,) = json.loads("\n".join(listed(as_json=True)))
    assert (one["symbol"], one["timeframe"], one["trade_count"]) == ("hole_splits", None, 5)


def test_what_was_loaded_after_the_build_is_told_beside_the_candles(warehouse: Path, listed: Printed) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        for table in ("pages", "trades"):
            name = f"kraken_raw.{table}"
            connection.execute(
                f"insert into {name} select * replace ('NEW/EUR' as symbol) from {name} where symbol = 'ties'"
            )
    lines = listed()
    assert any(line.startswith("NEW/EUR") for line in lines)
    assert "Of the raw trades nothing is proven by a build; run `kraken-candles build`." in lines


def test_beside_a_writer_it_tells_of_what_was_published(warehouse: Path, listed: Printed) -> None:
    before = listed()
    with held(warehouse), pytest.raises(WarehouseLockedError, match="is in use by"):
        listed()
    publish(warehouse)
    with held(warehouse):
        assert listed() == [*before[:-1], f"Published: {warehouse.with_name('published.duckdb')}"]


def test_the_newest_candles_are_shown_with_a_line_of_their_closes(warehouse: Path, shown: Printed) -> None:
    lines = shown("hole_splits", "1m", 4)
    assert [line.split() for line in lines[:1] + lines[2:6]] == [
        ["start", "(UTC)", "open", "high", "low", "close", "base_volume", "trades"],
        ["2024-02-02", "10:00", "50", "50", "50", "50", "1", "1"],
        ["2024-02-02", "10:01", "0", "0"],
        ["2024-02-02", "10:05", "54", "54", "54", "54", "1", "1"],
        ["2024-02-02", "10:06", "0", "0"],
    ]
    assert lines[7:] == [
        "hole_splits 1m closes ▁ █  from 50 to 54",
        "Buckets are left out in 1 place: not proven (kraken.gaps), or empty under the policy omit.",
        "Next: `kraken-candles repair hole_splits --dry-run`.",
    ]
    assert shown("HOLE_SPLITS", "60s", 4) == lines, "the letters' size and the unit are forgiven"
    assert shown("open_bucket", "1m", 1)[-2:] == [
        "The last one is not over: it holds what is proven so far.",
        "Next: `kraken-candles report --symbols open_bucket`.",
    ]


def test_every_digit_is_shown(warehouse: Path, shown: Printed) -> None:
    (candle,) = json.loads("\n".join(shown("many_digits", "1m", 1, as_json=True)))
    numbers = ("open", "high", "low", "close", "base_volume", "quote_volume", "vwap")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        columns = ", ".join(f"{name}::varchar" for name in numbers)
        rows = connection.execute(f"select {columns} from kraken.candles where symbol = 'many_digits' order by 1")
        stored = [tuple(text.rstrip("0").rstrip(".") for text in row) for row in rows.fetchall()]
    assert tuple(candle[name] for name in numbers) in stored
    assert (candle["bucket_start"], candle["trade_count"]) == ("2024-05-05T05:01:00Z", 1)
    lines = shown("many_digits", "1m", 1, columns=100)
    assert lines[2].split()[2:] == [*[candle["close"]] * 4, "1"], "prices are whole where the width is not enough"
    assert lines[4] == "The width is not enough for base_volume; --json has it."
    (told, *_) = shown("many_digits", "1m", 1, columns=80)
    assert told.startswith("start (UTC) 2024-05-05 05:01: open 99999.9999999999;")
    value = Decimal("12345678901234567890.123456789012345678")
    assert exact(value) == "12345678901234567890.123456789012345678"


def test_what_has_no_candles_is_told_with_what_has(warehouse: Path, shown: Printed) -> None:
    with pytest.raises(BadInputError, match="No candles of hole_split are here; the nearest symbols that are: hole_sp"):
        shown("hole_split", "1m")
    with pytest.raises(BadInputError, match="ties has no candles of '2h' here; there are 1m"):
        shown("ties", "2h")
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "insert into kraken_raw.pages select * replace ('NEW/EUR' as symbol) from kraken_raw.pages limit 1"
        )
    with pytest.raises(BadInputError, match="The trades of NEW/EUR are loaded, but no candles are built of them"):
        shown("NEW/EUR", "1m")
    warehouse.unlink()
    raw.create(warehouse).close()
    with pytest.raises(NothingBuiltError, match="is not built yet; run `kraken-candles build`"):
        shown("ties", "1m")


def test_candles_are_shown_beside_a_writer(warehouse: Path, shown: Printed) -> None:
    before = shown("ties", "1m")
    publish(warehouse)
    with held(warehouse):
        assert shown("ties", "1m") == before


@pytest.mark.parametrize(
    ("closes", "width", "drawn"),
    [
        ((1, 2, 3), 3, "_.#"),
        ((1, None, 3), 3, "_ #"),
        ((2, 2), 2, ".."),
        ((None,), 1, " "),
        ((9, 1, 9, 2, 9, 3), 3, "_.#"),
        ((5, 9, 1, 9, 3), 3, "#_."),
    ],
)
def test_closes_become_blocks(closes: tuple[int | None, ...], width: int, drawn: str) -> None:
    """The lowest is the first block, the highest the last; what does not fit shares a block, the last of it drawn."""
    assert sparkline([None if each is None else Decimal(each) for each in closes], "_.#", width) == drawn


def test_where_the_encoding_has_no_blocks_the_line_is_plain(place: Place, warehouse: Path) -> None:
    done = place.run("show", "hole_splits", "1m", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "closes _ # " in done.stdout
    assert done.stdout.isascii()


def test_the_report_finds_what_a_build_made(warehouse: Path, tmp_path: Path) -> None:
    """Its queries fit the tables of the models: none of them finds nothing for want of a name."""
    assert run_report(Console(), warehouse, tmp_path / "report.html", (), False) == 0
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        market, health = (
            read_market(connection, (), warehouse),
            read_health(connection, (), warehouse, True),
        )
        counted = connection.execute("select count(distinct symbol) from kraken.ohlcv").fetchall()
    assert [(len(market.symbols),)] == counted
    assert not [key for key, value in health.items() if value is None]
