"""What the README and the pages promise: commands run, the proof comes out, tables, columns and links are there."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

import dlt_pipeline
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from tests.conftest import ROOT, Place
from tests.pages import PAGES, TEXT, blocks, fenced, page
from tests.truth import query

MINUTES = 409
FIELDS = ("open", "high", "low", "close", "base_volume", "trade_count")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def proof(
    tmp_path_factory: pytest.TempPathFactory, recorded_folder: Path, parsed_project: Callable[[Path], Path]
) -> Place:
    """Run the proof of docs/exchange.md in its own words."""
    place = Place(tmp_path_factory.mktemp("proof"))
    (script,) = [block for block in blocks("sh") if "--replay" in block]
    said = run_script(
        place,
        script.replace("8090", str(free_port())),
        RECORDED=str(recorded_folder),
        DBT_PARTIAL_PARSE_FILE_PATH=str(parsed_project(place.warehouse)),
    )
    (place.folder / "said.txt").write_text(said)
    return place


def run_script(place: Place, script: str, **environment: str) -> str:
    """Run lines of a page in bash, with our command on the path; returns what they said."""
    bin_folder = place.folder / "bin"
    bin_folder.mkdir()
    command = bin_folder / "kraken-candles"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m dlt_pipeline "$@"\n')
    command.chmod(0o755)
    environment = place.environment(
        **environment,
        DLT_DATA_DIR=str(place.folder / "dlt"),
        PATH=f"{bin_folder}:{Path(sys.executable).parent}:/usr/bin:/bin",
    )
    environment.pop("KRAKEN_CANDLES_WAREHOUSE", None)
    done = subprocess.run(
        ["bash", "-ec", script], cwd=place.folder, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_the_quickstart_runs(tmp_path: Path) -> None:
    """Its steps by hand; tests/test_demo.py runs the demo."""
    place = Place(tmp_path)
    (script,) = [lines for of, lines in fenced(page("quickstart.md")) if of == "sh" and "--port" in lines]
    said = run_script(place, script.replace("8080", str(free_port())))
    assert "BTC/USD" in said
    (code,) = [block for block in blocks("python") if "hours = " in block]
    scope: dict[str, Any] = {}
    exec(code.replace("published.duckdb", str(tmp_path / "published.duckdb")), scope)
    assert len(scope["candles"]) == 35  # from midnight; the newest is over and not yet proven


def krakens_minutes(folder: Path) -> dict[int, list[Any]]:
    """Kraken's recorded one-minute rows by start, decimals exact."""
    rows = json.loads((folder / "xbtusdt" / "ohlc_1m.json").read_text(), parse_float=Decimal)["result"]["XBTUSDT"]
    return {row[0]: [*map(Decimal, row[1:7]), row[7]] for row in rows}


def our_candles(place: Place, timeframe: str) -> dict[int, dict[str, Any]]:
    columns = "open, high, low, close, base_volume, quote_volume, trade_count, is_empty"
    rows = query(
        place.warehouse,
        f"select epoch(bucket_start)::bigint, {columns} from kraken.candles "
        f"where symbol = 'BTC/USDT' and timeframe = '{timeframe}' and is_closed order by 1",
    )
    names = columns.split(", ")
    return {start: dict(zip(names, values, strict=True)) for start, *values in rows}


def test_all_409_recorded_minutes_equal_krakens_own(proof: Place, recorded_folder: Path) -> None:
    """Compared here by plain Python with the recording itself, not by the SQL that is on trial."""
    theirs, ours = krakens_minutes(recorded_folder), our_candles(proof, "1m")
    assert len(ours) == MINUTES
    traded = {start: candle for start, candle in ours.items() if not candle["is_empty"]}
    assert (len(traded), len(ours) - len(traded)) == (272, 137)
    close = None
    for start, candle in ours.items():
        open_, high, low, their_close, vwap, volume, count = theirs[start]
        assert (candle["base_volume"], candle["trade_count"]) == (volume, count)
        if candle["is_empty"]:
            assert (open_, high, low, their_close) == (close, close, close, close)
            continue
        assert [candle[name] for name in FIELDS[:4]] == [open_, high, low, their_close]
        # Kraken cuts the quotient to one decimal here: it lies in [vwap, vwap + 0.1).
        assert vwap * candle["base_volume"] <= candle["quote_volume"] < (vwap + Decimal("0.1")) * candle["base_volume"]
        close = candle["close"]


@pytest.mark.parametrize(("timeframe", "minutes"), [("5m", 5), ("15m", 15), ("1h", 60)])
def test_longer_timeframes_equal_the_rollup_of_krakens_own_minutes(
    proof: Place, recorded_folder: Path, timeframe: str, minutes: int
) -> None:
    theirs, ours = krakens_minutes(recorded_folder), our_candles(proof, timeframe)
    rolled = defaultdict(list)
    for start, row in theirs.items():
        if row[6]:
            rolled[start - start % (minutes * 60)].append(row)
    assert ours
    for start, candle in ours.items():
        rows = rolled[start]
        assert candle["trade_count"] == sum(row[6] for row in rows)
        assert candle["base_volume"] == sum(row[5] for row in rows)
        if rows:
            expected = [rows[0][0], max(row[1] for row in rows), min(row[2] for row in rows), rows[-1][3]]
            assert [candle[name] for name in FIELDS[:4]] == expected


def test_the_proof_says_so(proof: Place) -> None:
    said = (proof.folder / "said.txt").read_text()
    assert "BTC/USDT: 998 trades loaded" in said
    assert "Trade ids, none missing in what is covered:\n  BTC/USDT 10,218,209 to 10,219,206\n" in said
    assert re.search(r" (\d+)/\1\s*\n", said), "all REST candles compared are equal"
    compared = "select count(distinct bucket_start) from kraken.check_rest_candles where timeframe = '1m'"
    assert (
        query(proof.warehouse, compared + " and status = 'identical'")
        == query(proof.warehouse, compared)
        == [(MINUTES,)]
    )


def test_the_tables_of_the_pages_are_there(proof: Place) -> None:
    for table in re.findall(r"`kraken\.(\w+)`", TEXT):
        assert query(proof.warehouse, f"select count(*) from kraken.{table}")


def test_the_queries_of_the_pages_run(proof: Place) -> None:
    for statement in blocks("sql"):
        if not statement.startswith("-- models/"):  # a file of a dbt project, which test_readme_project.py builds
            query(proof.warehouse, statement)


def test_the_columns_of_candles_are_those_of_the_pages(proof: Place) -> None:
    listed = re.search(r"`candles` has (.*?)\. Buckets", page("candles.md"), re.S)
    assert listed
    described = [name for name, *_ in query(proof.warehouse, "describe kraken.candles")]
    assert re.findall(r"`(\w+)`", listed[1]) == described
    assert [name for name, *_ in query(proof.warehouse, "describe kraken.rest_candles")] == described


def test_the_commands_and_options_of_the_pages_exist(command: Callable[..., tuple[int, str]]) -> None:
    for name, rest in re.findall(r"^kraken-candles ((?:jobs )?\w+)(.*)$", "\n".join(blocks("sh")), re.M):
        code, shown = command(*name.split(), "--help")
        assert code == 0, name
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in shown, (name, option)


def test_each_block_is_run_by_a_test() -> None:
    """Languages by this file; a block of Python or YAML by the one test that knows it by what it holds.

    Of shell, the proof and the workflow run as they stand; of all others the commands and their options must exist, as
    must what the lines on `apply_retention` name, which tests/jobs/test_removal.py calls.
    """
    known = {
        "python": (
            *("kraken_source(", "apply_retention(", "exports/", "dlt_pipeline.candles(", "queries/", "hours = "),
            "import streamlit",  # tests/dbt_project/test_pages.py
            "dlt_pipeline.export(",  # tests/interchange/test_compare.py
        ),
        "yaml": (
            *("# packages.yml\n", "# dbt_project.yml\n", "# profiles.yml\n", "# .github/workflows/candles.yml\n"),
            "kraken_candles_bars:\n",  # tests/dbt_project/test_variables.py
            "# profiles.yml of a bucket\n",  # tests/dbt_project/test_lake.py
            "# profiles.yml of a cluster\n",  # tests/test_targets.py
            # tests/dbt_project/test_pages.py
            *("# connectors/duckdb.yaml\n", "# models/hours.yaml\n", "# sources/candles/connection.yaml\n"),
        ),
    }
    shown_only = {"mermaid"}
    for language, lines in fenced():
        assert language in {"sh", "sql", "cron", "ini", *known, *shown_only}, lines
        if language in known:
            assert sum(mark in lines for mark in known[language]) == 1, lines
        if language == "sh":
            for line in lines.splitlines():
                words = line.removeprefix("until ").split()
                assert words[0] in {"kraken-candles", "make", "export", "kill", "pip", "dbt", "marimo"}, line


def test_the_source_runs_in_a_pipeline_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [block for block in blocks("python") if "kraken_source(" in block]
    clock = Clock(datetime(2026, 11, 2, 12, tzinfo=timezone.utc))
    monkeypatch.chdir(tmp_path)
    with LocalExchange(SyntheticFeed(7, clock, days=2), clock) as exchange:
        for name, value in (("BASE_URL", exchange.base_url), ("SECONDS_PER_CALL", "0.001")):
            monkeypatch.setenv(f"SOURCES__KRAKEN__{name}", value)
        monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
        exec(code, {})
    ((count,),) = query(tmp_path / "mine.duckdb", "select count(*) from kraken_raw.trades")
    assert count > 100


def test_the_lines_on_retention_name_what_is_there() -> None:
    (code,) = [block for block in blocks("python") if "apply_retention(" in block]
    compile(code, "retention.md", "exec")
    fields = set(re.findall(r"report\.(\w+)", code))
    returned = get_type_hints(dlt_pipeline.apply_retention)["return"]
    assert fields
    assert fields <= {*dir(returned), *returned.__annotations__}


def test_the_links_of_the_pages_lead_somewhere() -> None:
    for file in PAGES:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", file.read_text()):
            assert (file.parent / target).is_file(), (file.name, target)


def test_each_page_stands_in_one_list() -> None:
    listed = re.findall(r"^- \[.*?\]\((.*?)\)$", page("README.md"), re.M)
    pages = {file.name for file in PAGES[1:] if file.parent.name == "docs"} - {"README.md"}
    around = {"../README.md", "../CHANGELOG.md", "../bench/README.md", "decisions/README.md"}
    assert sorted(listed) == sorted(pages | around)
    assert "(docs/README.md)" in PAGES[0].read_text()
    assert len(PAGES[0].read_text().splitlines()) <= 130
    topics = set(re.findall(r"\]\((\w[^)]*)\)", page("decisions/README.md")))
    assert {file.name for file in PAGES if file.parent.name == "decisions"} == topics | {"README.md"}


def test_cron_and_systemd_run_commands_that_exist() -> None:
    services = [line for block in blocks("ini") for line in block.splitlines() if line.startswith("ExecStart=")]
    crontabs = [line for block in blocks("cron") for line in block.splitlines() if line.startswith("*/")]
    shown = subprocess.run(
        [sys.executable, "-m", "dlt_pipeline", "follow", "--help"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )
    assert len(services) == len(crontabs) == 1
    for line in services + crontabs:
        found = re.search(r"/kraken-candles follow ([A-Z]+/[A-Z]+ )+([A-Z]+/[A-Z]+)?(.*)", line)
        assert found, line
        for option in re.findall(r"--[a-z-]+", found[3]):
            assert option in shown.stdout


def test_the_make_targets_of_the_pages_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"`make ([a-z-]+)", TEXT)) | set(
        re.findall(r"^make ([a-z-]+)", "\n".join(blocks("sh")), re.M)
    )
    assert named <= targets
    assert {"demo", "test", "spark-test", "load", "build", "check"} <= named


def test_ci_runs_what_the_readme_says() -> None:
    ran = re.findall(r"^make (\w+)$", (ROOT / ".ci" / "run").read_text(), re.M)
    assert ran == ["check", "demo", "test"]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["run"]["steps"][-1] == {"run": "bash .ci/run"}


def test_make_alone_lists_the_targets() -> None:
    make = shutil.which("make")
    assert make
    shown = subprocess.run([make], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0
    for target in ("demo", "test", "load", "build", "check"):
        assert f"make {target} " in shown.stdout


def test_the_lock_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--index" not in lock
