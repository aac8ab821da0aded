"""`kraken-candles init`: a project of one's own whose make runs the commands and then its own models."""

import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

import pytest
import yaml

from dlt_pipeline.cli.app import ENVIRONMENT
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from tests.conftest import ROOT, Place

Command = Callable[..., tuple[int, str]]


def test_what_it_writes_loads_builds_and_builds_ones_own_models(
    serve: Callable[..., LocalExchange], place: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    now = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)
    serve(SyntheticFeed(3, Clock(now), days=2), Clock(now))
    code, said = command("init", "own candles", "--symbols", "MINA/GBP, BONK/USD", "--start", "2026-11-06")
    assert (code, "`cd 'own candles' && make demo` (offline), then `make load build`." in said) == (0, True), said
    own = Place(place.folder / "own candles")
    monkeypatch.delenv("KRAKEN_CANDLES_WAREHOUSE")
    monkeypatch.delenv("DBT_PARTIAL_PARSE_FILE_PATH")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    done = subprocess.run(["make", "load", "build", "summary"], cwd=own.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MINA/GBP: " in done.stdout
    rows = "select symbol, day_start::date, range_of_close > 0 from analytics.daily_ranges order by all"
    days = [(symbol, date(2026, 11, day), True) for symbol in ("BONK/USD", "MINA/GBP") for day in (6, 7)]
    assert own.query(rows) == days
    assert (own.folder / "published.duckdb").exists()
    assert subprocess.run(["git", "init", "-q"], cwd=own.folder).returncode == 0
    listed = subprocess.run(["git", "status", "--short", "-uall"], cwd=own.folder, capture_output=True, text=True)
    assert ".duckdb" not in listed.stdout
    assert "target" not in listed.stdout


def test_it_writes_over_nothing_and_says_what_it_cannot_take(place: Place, command: Command) -> None:
    folder = place.folder / "mine"
    folder.mkdir()
    (folder / "Makefile").write_text("all:\n")
    code, said = command("init", str(folder))
    assert (code, f"{folder}/Makefile is there already, and `init` writes over nothing" in said) == (2, True), said
    assert [path.name for path in folder.iterdir()] == ["Makefile"]
    for arguments, wrong in (
        (("--symbols", "BTCUSD"), "'BTCUSD' is no symbol of ccxt's, such as BTC/USD"),
        (("--symbols", ","), "No symbol was named"),
        (("--start", "soon"), "soon"),
    ):
        code, said = command("init", str(place.folder / "other"), *arguments)
        assert (code, wrong in said) == (2, True), said
    file = place.folder / "file"
    file.write_text("")
    code, said = command("init", str(file))
    assert (code, f"{file} cannot be written to" in said) == (2, True), said
    assert not (place.folder / "other").exists()


def test_the_image_is_made_of_files_that_are_there_and_runs_commands_that_exist(command: Command) -> None:
    """As far as it can be seen without a daemon; what `.dockerignore` leaves out cannot be copied."""
    lines = [line.split() for line in (ROOT / "Dockerfile").read_text().splitlines() if line and line[0] != "#"]
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = [name for word, *names in lines if word == "COPY" and "--from=wheel" not in names for name in names[:-1]]
    assert "requirements.lock" in copied
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored
    settings = [each.partition("=")[0] for word, *names in lines if word == "ENV" for each in names]
    assert set(settings) == {"KRAKEN_CANDLES_WAREHOUSE", "DLT_DATA_DIR"}
    compose = yaml.safe_load((ROOT / "compose.yml").read_text())
    (service,) = compose["services"].values()
    assert all(volume.partition(":")[0] in compose["volumes"] for volume in service["volumes"])
    assert all(name.removeprefix("KRAKEN_CANDLES_") in ENVIRONMENT for name in service["environment"])
    name, *arguments = service["command"]
    _, said = command(name, "--help")
    assert all(each in said for each in arguments if each.startswith("--"))
