"""Another team's project installs the package: its own file, schemas, settings, and names that clash with ours."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from dlt_pipeline import kraken_source
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.warehouse.dbt import project_folder
from tests.conftest import ROOT
from tests.loading.quick import NOW

pytestmark = pytest.mark.long
SYMBOLS = ["BTC/USD", "MINA/GBP"]
PACKAGES = "packages:\n  - local: {folder}/dbt_project\n"


@dataclass(frozen=True)
class Team:
    """A copy of their project, and dbt run in it."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "other_team.duckdb"

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--no-use-colors", *arguments]
        environment = {**os.environ, "OTHER_TEAM_FILE": str(self.file), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.file), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """Trades loaded by a dlt pipeline of their own into their own file, and the package installed."""
    folder = tmp_path_factory.mktemp("team") / "project"
    shutil.copytree(ROOT / "tests" / "integration_project", folder)
    (folder / "packages.yml").write_text(PACKAGES.format(folder=project_folder()))
    found = Team(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLT_DATA_DIR", str(folder / "dlt"))
        patch.setenv("SOURCES__KRAKEN__SECONDS_PER_CALL", "0.001")
        exchange = LocalExchange(SyntheticFeed(7, Clock(NOW), days=2), Clock(NOW))
        exchange.start()
        patch.setenv("SOURCES__KRAKEN__BASE_URL", exchange.base_url)
        destination = dlt.destinations.duckdb(str(found.file))
        pipeline = dlt.pipeline("theirs", destination=destination, dataset_name="raw_kraken")
        pipeline.run(kraken_source(SYMBOLS, "2026-11-06", timeframes=["1d"]))
        exchange.stop()
    with duckdb.connect(str(found.file)) as connection:
        connection.execute("create schema raw_monsters; create table raw_monsters.trades as select 'fjord' as place")
    installed = found.dbt("deps")
    assert installed.returncode == 0, installed.stdout
    return found


@pytest.fixture(scope="module")
def first(team: Team) -> str:
    """What the first build said; the second one is incremental."""
    done = team.dbt("build")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_both_build_green_without_a_warning_and_again(team: Team, first: str) -> None:
    again = team.dbt("build")
    for said in (first, again.stdout):
        assert re.search(r"Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0", said), said
        assert "WARNING" not in said
        assert "unit_test" in said, "the package's unit tests hold whatever the variables are"


def test_their_tables_and_ours_stand_side_by_side(team: Team, first: str) -> None:
    assert team.query("select material from analytics_reports.candles") == [("beeswax",)]
    assert team.query("select trade from analytics_reports.trades") == [("carpenter",)]
    assert team.query("select covered from analytics_reports.coverage") == [("roof",)]
    assert team.query("select place from analytics_reports.monsters") == [("fjord",)]
    assert team.query("select count(*) from analytics_market.trades") == team.query(
        "select count(*) from raw_kraken.trades where symbol in ('BTC/USD', 'MINA/GBP')"
    )
    assert team.query("select distinct symbol from analytics_market.candles order by 1") == [
        (name,) for name in SYMBOLS
    ]


def test_every_schema_is_theirs(team: Team, first: str) -> None:
    tables = "select distinct table_schema from information_schema.tables where table_schema not like 'raw%'"
    assert {name for (name,) in team.query(tables)} == {
        "analytics_reports",
        "analytics_market",
        "analytics_market_staging",
        "analytics_market_internal",
        "analytics_market_kept",
    }


def test_their_settings_hold(team: Team, first: str) -> None:
    candles = "select {} from analytics_market.candles where {}"
    assert set(team.query(candles.format("distinct timeframe", "true"))) == {("1m",), ("2h",), ("1d",), ("1d_from_5",)}
    assert team.query(candles.format("count(*) > 0", "is_empty and timeframe = '1m' and close is not null")) == [
        (True,)
    ]
    assert team.query(candles.format("count(*)", "is_empty and timeframe = '2h'")) == [(0,)]


def test_their_model_reads_our_candles(team: Team, first: str) -> None:
    days = "select symbol, bucket_start, close from analytics_market.candles where timeframe = '1d' order by 1, 2"
    rows = team.query("select symbol, bucket_start, close from analytics_reports.day_report order by 1, 2")
    assert rows
    assert rows == team.query(days)


def test_their_model_of_a_timeframe_that_is_not_built_is_made_of_our_candles(team: Team, first: str) -> None:
    """Of their timeframes, which are no variables of their own models, and not of their tables of these names."""
    made = team.query(
        "select bucket_start, bucket_end, trade_count from analytics_reports.half_days where is_closed order by all"
    )
    parts = (
        "select time_bucket(interval 12 hour, bucket_start) as started, started + interval 12 hour, sum(trade_count) "
        "from analytics_market.candles where symbol = 'BTC/USD' and timeframe = '2h' group by all having count(*) = 6 "
        "order by all"
    )
    assert made
    assert made == team.query(parts)


def test_without_dbts_flag_a_clash_of_names_is_refused(team: Team, first: str, tmp_path: Path) -> None:
    """dbt would build our candles of their tables otherwise."""
    copy = Team(tmp_path / "project")
    shutil.copytree(team.folder, copy.folder, ignore=shutil.ignore_patterns("target", "logs", "dlt"))
    project = copy.folder / "dbt_project.yml"
    project.write_text(project.read_text().replace("require_ref_searches_node_package_before_root: true", ""))
    before = copy.query("select count(*) from analytics_market.coverage")
    done = copy.dbt("build")
    assert done.returncode != 0
    assert "require_ref_searches_node_package_before_root: true" in " ".join(
        done.stdout.split("Encountered an error")[1:]
    )
    assert copy.query("select count(*) from analytics_market.coverage") == before


def test_they_may_build_on_public_models_alone(team: Team, first: str, tmp_path: Path) -> None:
    """Their day_report reads our candles."""
    copy = Team(tmp_path / "project")
    shutil.copytree(team.folder, copy.folder, ignore=shutil.ignore_patterns("target", "logs", "dlt"))
    (copy.folder / "models" / "reports" / "too_deep.sql").write_text(
        "select * from {{ ref('kraken_candles', 'stg_trades') }}"
    )
    done = copy.dbt("parse")
    assert done.returncode != 0
    assert "which is not allowed because the referenced node is private to the 'kraken_candles' group" in " ".join(
        done.stdout.split()
    )


def test_a_misspelt_variable_of_theirs_is_refused(team: Team, first: str, tmp_path: Path) -> None:
    copy = Team(tmp_path / "project")
    shutil.copytree(team.folder, copy.folder, ignore=shutil.ignore_patterns("target", "logs", "dlt"))
    project = copy.folder / "dbt_project.yml"
    project.write_text(project.read_text().replace("error_after_hours", "errors_after_hours"))
    done = copy.dbt("build", "--select", "timeframes")
    assert done.returncode != 0
    assert (
        "The variable kraken_candles_errors_after_hours is unknown; the nearest known one is "
        "kraken_candles_error_after_hours." in done.stdout
    )


@pytest.mark.parametrize(("age", "status"), [("1 hour", "PASS"), ("30 hours", "WARN"), ("49 hours", "ERROR STALE")])
def test_source_freshness_tells_how_long_ago_the_last_load_was(
    team: Team, first: str, tmp_path: Path, age: str, status: str
) -> None:
    copy = Team(tmp_path / "project")
    shutil.copytree(team.folder, copy.folder, ignore=shutil.ignore_patterns("logs", "dlt"))
    with duckdb.connect(str(copy.file)) as connection:
        connection.execute(f"update raw_kraken._dlt_loads set inserted_at = now() - interval '{age}'")
        connection.execute("insert into raw_kraken._dlt_loads values ('cut off', 'kraken', 1, now(), '')")
    done = copy.dbt("source", "freshness")
    assert f"{status} freshness of kraken_raw._dlt_loads" in done.stdout, done.stdout
    assert (done.returncode == 0) == (status != "ERROR STALE")
