"""Kill -9 of a rebuild at random moments inside each of its phases: the tables end as without a kill."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from tests.conftest import Place
from tests.dbt_project.same_tables import compared, differences
from tests.jobs.conftest import NOW

Command = Callable[..., tuple[int, str]]
SYMBOLS = ("BTC/USD", "MINA/GBP")
REBUILD = (
    "rebuild",
    *SYMBOLS,
    "--start",
    "2026-11-05",
    "--end",
    "2026-11-08",
    "--bucket-size",
    "15s",
    "--no-include-trades",
    "--yes",
)
# What the runner says when a phase begins, and for how long a kill may wait then (seconds).
PHASES = {"loading": 1.5, "building": 5.0, "checking": 0.3, "publishing": 0.5, "removing": 0.2}
SHORT = ("building",)  # a later phase would cost a whole build more, and tests/test_kill.py kills loads
KILLS = ("loading", "loading", "building", "building", "checking", "publishing", "removing")
# When this machine asked is not what the exchange said.
CLOCKS = {"fetched_at", "first_fetched_at", "last_fetched_at", "first_seen_at", "last_seen_at"}
TABLES = (
    "candles",
    "ohlcv",
    "trades",
    "rest_candles",
    "coverage",
    "gaps",
    "id_holes",
    "candle_days",
    "check_rest_candles",
)


@pytest.mark.usefixtures("parsed_once")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("phases", [SHORT, pytest.param(KILLS, marks=pytest.mark.long)], ids=["one", "each"])
def test_a_rebuild_killed_in_each_phase_ends_as_without(
    serve: Callable[..., LocalExchange],
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    chance: random.Random,
    request: pytest.FixtureRequest,
    phases: Sequence[str],
) -> None:
    if phases == SHORT:
        request.getfixturevalue("unchecked")
    serve(SyntheticFeed(11, Clock(NOW), days=3, trades_per_day=3.0), Clock(NOW))
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole, killed = Place(tmp_path / "whole"), Place(tmp_path / "killed")
    _carry_out(command, monkeypatch, whole, *REBUILD)

    small = {**_environment(killed), "SOURCES__KRAKEN__CHUNK_PAGES": "3", "SOURCES__KRAKEN__SECONDS_PER_CALL": "0.05"}
    arguments: tuple[str, ...] = REBUILD
    for phase in phases:
        _kill_in(killed, arguments, phase, chance.uniform(0, PHASES[phase]), small)
        arguments = ("jobs", "run", "--yes")
    _carry_out(command, monkeypatch, killed, "jobs", "run")
    jobs = killed.query("select symbol, status, attempt from kraken.data_jobs order by job_id")
    assert [(symbol, status) for symbol, status, _ in jobs] == [(symbol, "succeeded") for symbol in SYMBOLS]
    assert all(attempt >= 2 for *_, attempt in jobs)
    assert differences(_tables(killed), _tables(whole)) == ""


def _carry_out(command: Command, monkeypatch: pytest.MonkeyPatch, place: Place, *arguments: str) -> None:
    """Run a command in this process, where nobody kills it."""
    with monkeypatch.context() as patch:
        patch.chdir(place.folder)
        for name, value in _environment(place).items():
            patch.setenv(name, value)
        code, said = command(*arguments)
    assert code == 0, said


def _environment(place: Place) -> dict[str, str]:
    return {"KRAKEN_CANDLES_WAREHOUSE": str(place.warehouse), "DLT_DATA_DIR": str(place.folder / "dlt")}


def _kill_in(place: Place, arguments: tuple[str, ...], phase: str, wait: float, environment: dict[str, str]) -> None:
    """Start the command, wait for the line that says that the phase begins, and a while, and kill."""
    process = subprocess.Popen(
        place.command(*arguments),
        cwd=place.folder,
        env=place.environment(PYTHONUNBUFFERED="1", **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if f": {phase}" in line:
            break
    else:
        raise AssertionError(f"the run ended before {phase}: {''.join(said)}")
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def _tables(place: Place) -> dict[str, Any]:
    found: dict[str, pa.Table] = {}
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        for name in TABLES:
            table = connection.sql(f"select * from kraken.{name}").to_arrow_table()
            found[f"kraken.{name}"] = table.drop_columns([each for each in table.column_names if each in CLOCKS])
    return compared(found)
