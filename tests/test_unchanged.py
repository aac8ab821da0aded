"""A build that would say and do nothing else than the last one is left out; whatever it depends on brings it back."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline.archive.members import find_members
from dlt_pipeline.archive.work import ImportSettings
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.build import build, build_result
from dlt_pipeline.publishing import unchanged
from dlt_pipeline.publishing.unchanged import nothing_new, remember, shape_left
from dlt_pipeline.warehouse.database import file_state
from dlt_pipeline.warehouse.dbt import shape_of, standing_nodes
from tests.conftest import object_in


def _write(warehouse: Path, sql: str) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(sql)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A warehouse whose last whole build was green, with a warning, and is published."""
    warehouse = tmp_path / "warehouse.duckdb"
    _write(warehouse, "create table trades as select 1 as trade_id")
    (tmp_path / "exports" / "candles" / "source=trades").mkdir(parents=True)
    (tmp_path / "exports" / "candles" / "source=trades" / "1.parquet").write_text("rows")
    (tmp_path / "published.duckdb").write_text("views")
    remember(warehouse, file_state(warehouse), 1)
    return warehouse


def test_nothing_is_new(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stands = nothing_new(built)
    assert stands
    assert stands.warned_count == 1
    _write(built, "create table if not exists trades (trade_id bigint)")  # as commands that may have nothing to write
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(built))
    monkeypatch.setenv("HOME", "/elsewhere")
    (built.parent / "exports" / ".lock").write_text("")
    assert nothing_new(built)


def test_who_looks_into_a_warehouse_that_this_process_has_open_leaves_it_locked(built: Path) -> None:
    lock = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with duckdb.connect(str(built)):  # as a notebook has it
        assert nothing_new(built)
        assert not list(find_members([built.parent], ImportSettings()))
        another = subprocess.run([sys.executable, "-SE", "-c", lock, built], capture_output=True, check=False)
    assert b"BlockingIOError" in another.stderr


def _a_row(warehouse: Path, _: pytest.MonkeyPatch) -> None:
    _write(warehouse, "insert into trades values (2)")


def _a_row_not_yet_in_the_file(warehouse: Path, _: pytest.MonkeyPatch) -> None:
    warehouse.with_name(warehouse.name + ".wal").write_bytes(b"a commit")


def _another_file(warehouse: Path, _: pytest.MonkeyPatch) -> None:
    """As long, as old, and with as many commits."""
    about = warehouse.stat()
    warehouse.unlink()
    _write(warehouse, "create table trades as select 2 as trade_id")
    os.utime(warehouse, ns=(about.st_atime_ns, about.st_mtime_ns))


def _a_setting(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_CANDLES_KEEP_TRADES_DAYS", "30")


def _a_line_of_a_seed(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = warehouse.parent / "seeds"
    folder.mkdir()
    (folder / "accepted_gaps.csv").write_text("symbol\n")
    monkeypatch.setenv("KRAKEN_CANDLES_SEEDS", str(folder))


def _a_model(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Path(os.environ["KRAKEN_CANDLES_WAREHOUSE"]).parent / "project"
    (copy / "dbt_project").mkdir(parents=True)
    (copy / "profiles.yml").write_text("")
    (copy / "dbt_project" / "candles.sql").write_text("select 1")
    monkeypatch.setattr(unchanged, "project_folder", lambda: copy)


def _a_published_file_is_gone(warehouse: Path, _: pytest.MonkeyPatch) -> None:
    (warehouse.parent / "exports" / "candles" / "source=trades" / "1.parquet").unlink()


def _a_version(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "version", lambda _: "99")


def _the_day(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Tomorrow(datetime):
        @classmethod
        def now(cls, _: Any = None) -> datetime:
            return datetime(2099, 1, 1, tzinfo=timezone.utc)

    monkeypatch.setattr(unchanged, "datetime", Tomorrow)


@pytest.mark.parametrize(
    "change",
    [
        *(_a_row, _a_row_not_yet_in_the_file, _another_file, _a_setting, _a_line_of_a_seed, _a_model),
        *(_a_published_file_is_gone, _a_version, _the_day),
    ],
)
def test_what_a_build_depends_on_brings_it_back(
    built: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    change(built, monkeypatch)
    assert nothing_new(built) is None


def test_what_cannot_be_remembered_ends_no_build(built: Path) -> None:
    (built.parent / "exports" / ".built").unlink()
    (built.parent / "exports" / ".built").mkdir()
    remember(built, file_state(built), 0)
    assert nothing_new(built) is None


def test_what_was_written_behind_a_build_is_new(built: Path) -> None:
    """A load that got the file as soon as the build let it go, before anything was remembered."""
    left = file_state(built)
    _write(built, "insert into trades values (2)")
    remember(built, left, 0)
    assert nothing_new(built) is None


def test_the_command_says_so_and_ends(
    serve: Callable[..., LocalExchange],
    command: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)
    now = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
    serve(SyntheticFeed(3, Clock(now), days=1), Clock(now))
    assert command("load", "MINA/GBP", "--start", "2026-11-07", "--timeframes", "1h")[0] == 0
    assert "Built and checked" in command("build")[1]
    code, said = command("build")
    assert (code, said.startswith(f"Nothing is new in {tmp_path}"), "build --always" in said) == (0, True, True), said
    told = object_in(command("build", "--json")[1])
    assert (told["is_green"], told["is_nothing_new"], told["warned_count"]) == (True, True, 0)
    assert "Built and checked" in command("build", "--always", "--select", "stg_trades")[1]
    assert command("load", "MINA/GBP", "--start", "2026-11-06", "--timeframes", "none")[0] == 0
    begun: dict[str, list[int]] = {}
    path = tmp_path / "warehouse.duckdb"
    assert build_result(
        path, quiet=True, on_node=lambda name, *place: begun.update({name: list(place)}), stood=shape_left(path)
    ).is_green
    assert {"day_candles", "gaps", "candles_equal_krakens"} <= set(begun), "what is made of trades, and all checks"
    numbers = sorted(number for number, _ in begun.values())
    assert numbers == list(range(1, len(numbers) + 1)), "a bar ends with the last of all"
    assert {total for _, total in begun.values()} == {len(numbers)}
    assert {"ohlcv", "stg_trades", "archive_spans", "kept_days"}.isdisjoint(begun), "views, and what nothing feeds"
    with duckdb.connect(str(path)) as connection:
        found = connection.sql("select count(distinct bucket_start::date) from kraken.ohlcv where timeframe = '1m'")
        assert found.fetchall() == [(3,)]
        assert shape_of(connection, {}) == shape_left(path), "a build of what is new leaves the shape"
        marked = connection.sql(
            "select max(marks.version) = (select max(version) from kraken_internal.day_versions) "
            "from kraken_internal.build_marks as marks where consumer = 'compared_days' and producer = 'day_versions'"
        )
        assert marked.fetchall() == [(True,)], "an empty model that is left out holds back none that reads it"
    published = path.with_name("published.duckdb")
    published.unlink()
    request.getfixturevalue("unchecked")
    assert build(path, quiet=True)
    assert published.exists(), "in Python too a whole, green build is"


@pytest.mark.parametrize(
    "change",
    [
        "drop view kraken.candles",
        "create or replace view kraken.candles as select 2 as a",
        "drop table kraken.gaps",
        "create table kraken_raw.archive_files (edition_id text)",
        "alter table kraken_raw.trades add column misc text",
        "create schema kraken_ops; create table kraken_ops.removed_days (symbol text)",
    ],
)
def test_what_views_and_empty_models_come_of_is_their_shape(tmp_path: Path, change: str) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(
            "create schema kraken; create schema kraken_raw; create schema kraken_raw_staging;"
            "create table kraken_raw.trades as select 1 as a; create table kraken.gaps as select 1 as a;"
            "create view kraken.candles as select 1 as a"
        )
        before = shape_of(connection, {})
        connection.execute("insert into kraken_raw.trades values (2); create table kraken_raw_staging.trades (a int)")
        assert shape_of(connection, {}) == before
        assert shape_of(connection, {"kraken_candles_timeframes": []}) != before
        connection.execute(change)
        assert shape_of(connection, {}) != before


def test_archives_and_removals_bring_their_models_back(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        assert {"tag:archives", "tag:removals"} < set(standing_nodes(connection))
        connection.execute("create schema kraken_raw; create table kraken_raw.archive_files (edition_id text)")
        assert "tag:archives" not in standing_nodes(connection)
        connection.execute("create schema kraken_ops; create table kraken_ops.removed_days (symbol text)")
        assert "tag:removals" not in standing_nodes(connection)


@pytest.mark.parametrize("change", [_a_setting, _a_line_of_a_seed, _a_model, _a_version])
def test_other_code_or_settings_let_nothing_stand(
    built: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    remember(built, file_state(built), 0, "a shape")
    _a_row(built, monkeypatch)
    assert shape_left(built) == "a shape"
    change(built, monkeypatch)
    assert shape_left(built) is None
