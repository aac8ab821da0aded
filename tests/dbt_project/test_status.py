"""What `status` says of a warehouse: all well, in use, red, with gaps and jobs, and before there is one."""

import json
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from dlt_pipeline import publish
from dlt_pipeline.cli.console import Console
from dlt_pipeline.cli.status import look, run_status
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.jobs.build import build_result
from dlt_pipeline.jobs.queue import add_jobs, make_job
from dlt_pipeline.jobs.store import JobStore, this_process
from dlt_pipeline.publishing.unchanged import BROKEN_OFF, builder, last_checks, remember_builder, remember_checks
from dlt_pipeline.warehouse.database import warehouse_path
from tests.conftest import held
from tests.dbt_project.dbt_run import Built

Said = Callable[..., tuple[int, str]]


@pytest.fixture
def well(built: Built) -> Path:
    """The golden warehouse without the gaps that it is there to show."""
    warehouse = Path(shutil.copy(built.warehouse, warehouse_path()))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("delete from kraken.gaps")
    return warehouse


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Return the exit code and what is printed at 80 columns."""

    def run(as_json: bool = False) -> tuple[int, str]:
        monkeypatch.setenv("COLUMNS", "80")
        capsys.readouterr()
        code = run_status(Console(), warehouse_path(), as_json)
        return code, capsys.readouterr().out

    return run


def test_all_is_well(well: Path, said: Said) -> None:
    code, text = said()
    assert (code, text.splitlines()[-1]) == (0, "All is well.")
    assert max(map(len, text.replace(str(well), "").splitlines())) <= 80
    assert "no_ids 2021-06-01 00:02:00" in " ".join(text.split())
    status = json.loads(said(as_json=True)[1])
    assert (status["problems"], status["in_use_by"], status["jobs"]["failed"]) == ([], None, 0)
    (random,) = (one for one in status["symbols"] if one["symbol"] == "random")
    assert random["proven_to"] == "2024-03-16T03:47:11.250000Z"
    assert random["age_seconds"] == pytest.approx(time.time() - 1710560831.25, abs=60)


def test_in_use_by_another_process_it_names_it_and_tells_what_was_published(well: Path, said: Said) -> None:
    before = look(well)
    with held(well):
        code, text = said()
        assert (code, "nothing is published" in " ".join(text.split())) == (0, True)
    publish(well)
    with held(well):
        status = look(well)
        code, text = said()
    assert code == 0
    assert status.in_use_by is not None
    assert "(process " in status.in_use_by
    assert status.jobs is None
    assert [one.proven_to for one in status.symbols] == [one.proven_to for one in before.symbols]


def test_a_red_check_is_told_until_a_build_is_green(well: Path, said: Said) -> None:
    remember_checks(well, ["coverage_is_sound: 2 rows"])
    code, text = said()
    assert code == 1
    assert "The last build is red (coverage_is_sound: 2 rows); `kraken-candles build`" in " ".join(text.split())
    remember_checks(well, [])
    assert said()[0] == 0
    assert last_checks(well) is not None


def test_a_build_that_runs_is_told_and_one_that_did_not_end_has_its_own_way_out(well: Path, said: Said) -> None:
    remember_checks(well, [BROKEN_OFF])
    process, began_at = this_process()
    remember_builder(well, (process, began_at))
    code, text = said()
    assert (code, f"Last build: it runs, process {process}\n" in text) == (0, True), text
    remember_checks(well, ["coverage_is_sound: 2 rows"])
    for _build in range(2):  # the first of them is killed, and no word of it
        remember_checks(well, [BROKEN_OFF])
    code, text = said()
    assert (code, f"process {process}; before: " in text, "UTC, 1 red" in text) == (1, True, True), text
    assert "The build before the one that runs is red (coverage_is_sound: 2 rows); see" in " ".join(text.split())
    remember_builder(well, (process, began_at - timedelta(hours=1)))  # another had the number before
    code, text = said()
    text = " ".join(text.split())
    assert (code, "it did not end" in text, "query" in text) == (1, True, False), text
    assert "The last build did not end, and is not published; run `kraken-candles build`" in text


def test_a_build_refused_before_it_began_leaves_what_stood(well: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember_checks(well, [])
    stood = last_checks(well)
    monkeypatch.setenv("DBT_EMPTY", "true")
    with pytest.raises(BadInputError):
        build_result(well, quiet=True)
    assert (last_checks(well), builder(well)) == (stood, None)


def test_gaps_and_jobs_that_need_a_hand_come_with_the_way_out(built: Built, well: Path) -> None:
    shutil.copy(built.warehouse, well)
    assert "`kraken-candles repair`" in look(well).problems[0]
    with duckdb.connect(str(well)) as connection:
        connection.execute("update kraken.gaps set is_given_up = true, is_accepted = false")
    assert "`kraken-candles repair --again`" in look(well).problems[0]
    with duckdb.connect(str(well)) as connection:
        connection.execute("update kraken.gaps set is_accepted = true")
    assert look(well).problems == []
    add_jobs([make_job("trade_load", "BTC/USD", "2026-11-01")] * 2)
    (waiting,) = look(well).problems
    assert "2; run `kraken-candles jobs run`" in waiting
    JobStore(well).change({1: {"status": "running"}, 2: {"status": "cancelled"}})
    JobStore(well).change({1: {"status": "failed", "error": "It did not answer."}})
    (failed,) = look(well).problems
    assert "`kraken-candles jobs retry 1`" in failed


def test_before_the_first_load_it_says_how_to_begin(said: Said) -> None:
    code, text = said()
    assert code == 1
    assert "not there yet" in text
    assert "`kraken-candles load` first" in " ".join(text.split())
    assert not warehouse_path().exists()
