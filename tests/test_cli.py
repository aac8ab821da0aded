"""The commands as a user meets them: exit codes, sentences, and no traceback."""

import json
import logging
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import pytest
import typer
import yaml

from dlt_pipeline import load
from dlt_pipeline.cli.app import ENVIRONMENT, app, configure_logging
from dlt_pipeline.cli.console import Console
from dlt_pipeline.cli.load import tell_load
from dlt_pipeline.common import SCHEMA_VERSION
from dlt_pipeline.common.exceptions import WarehouseError
from dlt_pipeline.common.time import to_ns
from dlt_pipeline.exchange import Clock, Fault, LocalExchange, SyntheticFeed, replace_value
from dlt_pipeline.warehouse.database import open_warehouse, warehouse_path
from dlt_pipeline.warehouse.dbt import dbt_folder, project_folder
from dlt_pipeline.warehouse.errors import explain
from dlt_pipeline.warehouse.pipeline import make_pipeline
from tests.conftest import ROOT, Place, held, object_in
from tests.publishing.made import Made
from tests.truth import expected_trades, loaded_trades

NOW = datetime(2026, 11, 8, 12, tzinfo=timezone.utc)


@pytest.fixture
def exchange(serve: Callable[..., LocalExchange]) -> LocalExchange:
    return serve(SyntheticFeed(3, Clock(NOW), days=1), Clock(NOW))


LOAD = ("load", "MINA/GBP", "--start", "2026-11-07", "--timeframes", "none")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("load", "MINA/GPB", "--start", "2026-11-07"), 2, "Unknown symbol MINA/GPB; the nearest known ones: MINA/GBP"),
        (("load", "MINA/GBP", "--start", "2026-02-30", "--json"), 2, "Error: The start '2026-02-30' is not a date"),
        (("load", "MINA/GBP", "--start", "20261106"), 2, "The start '20261106' is not a date"),
        (("load", "MINA/GBP", "--start", "0001-01-01T00:00+14:00"), 2, "lies outside of what a date can be"),
        (("load", "MINA/GBP", "--start", "1969-12-31"), 2, "lies before 1970"),
        (("load", "MINA/GBP", "--start", "2026-11-07", "--end", "2300-01-01"), 2, "lies behind 2262-04-11 00:00:00"),
        (("load", "", "--start", "2026-11-07"), 2, "No symbol was given, or an empty one"),
        (("load", "MINA/GBP", "--start", "tomorrow"), 2, "The start 'tomorrow' is not a date"),
        (("load", "MINA/GBP", "--start", "2030-01-01"), 2, "The start 2030-01-01 00:00:00 lies in the future"),
        (("load", "MINA/GBP", "--start", "2026-11-08", "--end", "2026-11-07"), 2, "does not lie after the start"),
        (("load", "MINA/GBP", "--start", "2026-11-07", "--timeframes", "7m"), 2, "Kraken has no candles of '7m'"),
        (("load", "MINA/GBP"), 2, "Missing option '--start'"),
        (("build",), 1, "holds no trades yet; run `kraken-candles load` first"),
        (("build", "--verbose", "--json"), 2, "leave one of them out"),
        (("summary",), 1, "holds no trades yet; run `kraken-candles load` first"),
        (("show", "BTC/USD", "1h"), 1, "holds no trades yet; run `kraken-candles load` first"),
        (("list",), 1, "holds no trades yet; run `kraken-candles load` first"),
        (("exchange", "--replay", "nowhere"), 2, "nowhere"),
        (("exchange", "--clock", "noon"), 2, "'noon' is not a date"),
    ],
)
def test_wrong_input_is_one_sentence_and_changes_nothing(
    exchange: LocalExchange, command: Callable[..., Any], arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended, text = command(*arguments)
    assert (ended, says in text) == (code, True), text
    assert not warehouse_path().exists()


def test_a_load_says_what_it_loaded_what_is_proven_and_what_comes_next(
    exchange: LocalExchange, command: Callable[..., Any]
) -> None:
    code, text = command(*LOAD)
    count = len(expected_trades(exchange.feed, "MINA/GBP", exchange.clock.now_ns()))
    proven = "proven 2026-11-07 00:00 to 2026-11-08 11:59:55 UTC, ids complete"
    assert code == 0
    assert f"Committing {count} trades MINA/GBP: {count} trades loaded {proven} Loaded into {warehouse_path()}" in text
    assert text.endswith(" Next: `kraken-candles build`.")
    again = command(*LOAD)[1]
    assert again.endswith(f"MINA/GBP: nothing new {proven} Warehouse: {warehouse_path()} Next: `kraken-candles build`.")
    (told,) = object_in(command(*LOAD, "--json")[1])["symbols"]
    (covered,) = told["coverage"]
    assert (told["trade_count"], told["is_proven"], told["gaps"], told["missing_id_count"]) == (0, True, [], 0)
    assert covered["covered_from"] == "2026-11-07T00:00:00Z"
    assert covered["covered_to"].startswith("2026-11-08T11:59:55")


def test_what_is_proven_is_said_in_80_columns_of_each_end_of_a_load(
    exchange: LocalExchange, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BTC/USD", times=None, ids={10, 11, 12}))
    exchange.faults.add(Fault("wrong_pair", "Trades", pair="BONK/USD", times=None))
    load(["BTC/USD"], "2026-11-07", "2026-11-07T06:00", timeframes=(), exact=True)
    report = load(["BTC/USD", "MINA/GBP", "BONK/USD"], "2026-11-07", timeframes=())
    report.unfinished = ["MINA/GBP"]
    assert tell_load(Console(), report) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("BTC/USD: ")
    assert lines[1].startswith("  proven 2026-11-07 00:00 to 2026-11-08 ")
    assert "ids complete" not in lines[1]
    assert lines[2] == "  3 ids are missing at Kraken's side (kraken_raw.id_holes)"
    assert lines[-1] == "So far: `kraken-candles build`."
    ours = [line for line in lines if not line.startswith(("BONK/USD: ", "Loaded into "))]  # errors and paths
    assert max(map(len, ours)) <= 80


def test_symbols_tells_what_is_listed_under_any_name_and_what_of_it_is_here(
    exchange: LocalExchange, command: Callable[..., Any]
) -> None:
    code, text = command("symbols", "xbtusd")
    listed_one = f"BTC/USD XXBTZUSD XBTUSD online 1/8 1 of 6 markets at {exchange.base_url}; loaded here: 0."
    assert (code, listed_one in text) == (0, True), text
    assert text.endswith(" Next: `kraken-candles estimate BTC/USD --start YYYY-MM-DD`.")
    assert not warehouse_path().exists()
    command(*LOAD)
    (*_, last) = expected_trades(exchange.feed, "MINA/GBP", exchange.clock.now_ns())
    code, text = command("symbols", "--json")
    listed = {one["symbol"]: one for one in json.loads(text)}
    assert (code, sorted(listed)) == (0, sorted(market.symbol for market in exchange.feed.all_markets))
    mina, bonk = listed["MINA/GBP"], listed["BONK/USD"]
    assert mina["trade_count"] == len(loaded_trades(warehouse_path(), "MINA/GBP"))
    assert to_ns(mina["loaded_to"].removesuffix("Z"), "") == last[1] // 1000 * 1000
    assert (bonk["trade_count"], bonk["loaded_to"], bonk["price_decimals"]) == (None, None, 10)
    code, text = command("symbols", "MINA/GPB")
    assert (code, text) == (2, "Error: Unknown symbol MINA/GPB; the nearest known ones: MINA/GBP.")
    with duckdb.connect(str(warehouse_path())) as connection:
        connection.execute("update kraken_raw.warehouse_versions set exchange = 'live'")
    code, text = command("symbols", "mina")
    assert (code, "loaded here: 0" in text) == (0, True), text
    assert "What is loaded here cannot be told: the warehouse" in text
    assert "is of a live exchange" in text


def test_a_failing_symbol_makes_the_exit_code_1(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    exchange.faults.add(Fault("wrong_pair", "Trades", pair="BONK/USD", times=None))
    code, text = command("load", "MINA/GBP", "BONK/USD", "--start", "2026-11-07", "--timeframes", "none")
    assert code == 1
    assert "BONK/USD: nothing new; FAILED: BONK/USD: Trades since" in text
    assert loaded_trades(warehouse_path(), "MINA/GBP")
    code, text = command("load", "MINA/GBP", "BONK/USD", "--start", "2026-11-07", "--timeframes", "none", "--json")
    told = object_in(text)
    mina, bonk = told["symbols"]
    assert (code, told["is_stopped"], mina["error"], mina["is_proven"], bonk["is_proven"]) == (
        1,
        False,
        None,
        True,
        False,
    )
    assert bonk["error"].startswith("BONK/USD: Trades since")
    assert told["ways_on"]


def test_a_value_with_more_than_12_decimals_is_refused(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    change = replace_value(0, 0, "0.1234567890123")
    exchange.faults.add(Fault("change", "Trades", pair="MINA/GBP", times=None, change=change))
    code, text = command(*LOAD)
    assert code == 1
    assert "the price 0.1234567890123 does not fit DECIMAL(38, 12) and is not rounded" in text
    assert loaded_trades(warehouse_path(), "MINA/GBP") == []


def test_ids_that_stay_missing_are_said(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    exchange.faults.add(Fault("hide_ids", "Trades", pair="MINA/GBP", times=None, ids={10, 11, 12}))
    code, text = command(*LOAD, "--json")
    assert code == 0
    assert "trades 10 to 12 are missing between" in text
    assert " 3 ids are missing at Kraken's side" in text
    (told,) = object_in(text)["symbols"]
    assert (told["missing_id_count"], told["is_proven"], told["error"]) == (3, False, None)


def test_no_network(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", "http://127.0.0.1:9")
    code, text = command(*LOAD)
    assert code == 1
    assert "Error: Time: no connection to http://127.0.0.1:9; check the network and the address." in text
    assert not warehouse_path().exists()


def test_an_exchange_that_answers_html(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is no exchange at all."""

    class Html(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html><body>Down for maintenance</body></html>")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Html)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("SOURCES__KRAKEN__FIRST_CONTACT_ATTEMPTS", "1")
    code, text = command(*LOAD)
    server.shutdown()
    server.server_close()
    assert code == 1
    assert "answered something that is not JSON ('<html><body>Down for maintenance" in text
    assert not warehouse_path().exists()


def test_a_warehouse_of_a_newer_schema(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    command(*LOAD)
    with duckdb.connect(str(warehouse_path())) as connection:
        connection.execute(f"update kraken_raw.warehouse_versions set schema_version = {SCHEMA_VERSION + 1}")
    before = warehouse_path().read_bytes()
    code, text = command(*LOAD)
    assert code == 1
    assert f"has raw tables of version {SCHEMA_VERSION + 1}" in text
    assert "update kraken-candles" in text
    assert warehouse_path().read_bytes() == before


@pytest.mark.parametrize("arguments", [("build",), ("summary",)])
def test_a_warehouse_of_a_newer_schema_is_neither_built_nor_read(
    exchange: LocalExchange, command: Callable[..., Any], arguments: tuple[str, ...]
) -> None:
    command(*LOAD)
    with duckdb.connect(str(warehouse_path())) as connection:
        connection.execute(f"update kraken_raw.warehouse_versions set schema_version = {SCHEMA_VERSION + 1}")
    before = warehouse_path().read_bytes()
    code, text = command(*arguments)
    assert (code, "update kraken-candles" in text) == (1, True), text
    assert warehouse_path().read_bytes() == before


@pytest.mark.parametrize("name", ["kraken.duckdb", "Kraken_RAW.duckdb", "kraken_kept.db"])
def test_a_warehouse_cannot_be_called_like_its_schemas(
    exchange: LocalExchange, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """DuckDB calls the catalog by the file's name, and could not tell it from the schema."""
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(tmp_path / name))
    code, text = command(*LOAD)
    assert (code, f"The warehouse cannot be called {name}" in text) == (2, True), text


@pytest.mark.parametrize(
    "name", ["temp.duckdb", "System.duckdb", "pg_catalog.db", "it's.duckdb", "a;b.duckdb", 'a"b.duckdb']
)
def test_a_name_that_dbt_could_never_build_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WarehouseError, match="The warehouse cannot be called"):
        warehouse_path(tmp_path / name)


def test_a_warehouse_in_a_missing_folder(
    exchange: LocalExchange, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", str(tmp_path / "none" / "w.duckdb"))
    code, text = command(*LOAD)
    assert (code, "does not exist" in text) == (2, True), text


SYS = pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder that nobody can write into")


def test_a_working_folder_below_a_file_is_said(
    exchange: LocalExchange, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "file" / "dlt"))
    code, text = command(*LOAD)
    assert (code, "(Not a directory); set DLT_DATA_DIR to a folder where it can" in text) == (1, True), text


@SYS
def test_folders_that_cannot_be_written_into_are_said(
    exchange: LocalExchange, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOUSE", "/sys/warehouse.duckdb")
    code, text = command(*LOAD)
    assert code == 1
    assert re.search(r"Error: /sys cannot be written to \(.+\); set KRAKEN_CANDLES_WAREHOUSE to a place", text), text
    path = Path("/sys/warehouse.duckdb")
    read_only = duckdb.IOException(f'IO Error: Cannot open file "{path}": Read-only file system')
    assert "/sys cannot be written to (Read-only file system)" in str(explain(read_only, path))


@SYS
def test_dbt_writes_where_it_can(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir("/sys")
    assert dbt_folder(tmp_path / "warehouse.duckdb") == tmp_path
    assert dbt_folder(Path("/sys/warehouse.duckdb")).is_relative_to(tempfile.gettempdir())
    monkeypatch.chdir(tmp_path)
    assert dbt_folder(Path("/sys/warehouse.duckdb")) == tmp_path


def test_a_build_of_nothing_is_no_success(
    exchange: LocalExchange, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DBT_LOG_LEVEL_FILE")
    command(*LOAD)
    code, text = command("build", "--select", "nosuchmodel")
    assert (code, "dbt found nothing to build with --select nosuchmodel" in text) == (2, True), text
    manifest, log = (
        tmp_path / "target" / "manifest.json",
        tmp_path / "logs" / "dbt.log",
    )  # what nobody reads costs seconds
    assert not manifest.exists()
    assert ("[info ]" in log.read_text(), "[debug]" in log.read_text()) == (True, False)
    monkeypatch.setenv("DBT_WRITE_JSON", "true")
    monkeypatch.setenv("DBT_LOG_LEVEL_FILE", "debug")
    command("build", "--select", "nosuchmodel")
    assert manifest.exists()
    assert "[debug]" in log.read_text()


def test_a_folder_of_seeds_must_hold_both(
    exchange: LocalExchange, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command(*LOAD)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "accepted_differences.csv").write_text("symbol,timeframe,bucket_from,bucket_to,reason,until\n")
    monkeypatch.setenv("KRAKEN_CANDLES_SEEDS", str(tmp_path / "mine"))
    code, text = command("build")
    assert (code, "where there is no accepted_gaps.csv; copy the empty one from" in " ".join(text.split())) == (2, True)


def test_what_repeating_does_not_cure_has_a_way_around_it(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    now_ns, midnight_ns = exchange.clock.now_ns(), to_ns("2026-11-08", "The start")
    odd = expected_trades(exchange.feed, "BTC/USD", now_ns, end_ns=midnight_ns)[1500]

    def free(result: dict[str, Any]) -> dict[str, Any]:
        """Let one trade cost nothing, as often as it is asked for."""
        ((name, rows),) = ((name, rows) for name, rows in result.items() if name != "last")
        return {**result, name: [["0", *row[1:]] if row[6] == odd[0] else row for row in rows]}

    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", times=None, change=free))
    code, text = command("load", "BTC/USD", *LOAD[2:])
    assert code == 1
    assert "What was loaded stays. BTC/USD: the same command hardly helps" in text, text
    (advised,) = re.findall(r"`kraken-candles (load [^`]+)`", text)
    assert advised == "load BTC/USD --start 2026-11-08 --timeframes none"
    assert command(*advised.split())[0] == 0
    behind = expected_trades(exchange.feed, "BTC/USD", now_ns, start_ns=midnight_ns)
    assert loaded_trades(warehouse_path(), "BTC/USD")[-len(behind) :] == behind


def test_a_wrong_timeframe_can_be_left_out_and_a_busy_exchange_be_asked_again(
    exchange: LocalExchange, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__RETRY_ATTEMPTS", "1")
    exchange.faults.add(Fault("change", "OHLC", pair="MINA/GBP", times=None, change=lambda result: {"wrong": result}))
    exchange.faults.add(Fault("error", "Trades", pair="BONK/USD", times=None))
    code, text = command("load", "MINA/GBP", "BONK/USD", "--start", "2026-11-07", "--timeframes", "1h,1d")
    assert code == 1
    assert "What was loaded stays; run the same command again to go on with BONK/USD." in text
    assert "`--timeframes 1d` leaves it out" in text


def test_a_run_leaves_a_line_of_each_request_and_says_where_an_unknown_error_is_told(
    exchange: LocalExchange, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", exchange.base_url.replace("//", "//me:secret@"))
    monkeypatch.setenv("SOURCES__KRAKEN__RETRY_MAX_SECONDS", "0")
    exchange.faults.add(Fault("http_status", "Trades", skip=3, status=503))
    assert command(*LOAD)[0] == 0
    (log,) = (tmp_path / "logs").glob("kraken-candles-*.log")
    # The exchange's status is asked beside the others.
    lines = [line for line in log.read_text().splitlines() if "call=SystemStatus" not in line]
    for line, said in zip(lines, ("Time", "Assets", "AssetPairs", "Trades"), strict=False):
        assert re.fullmatch(
            rf"{datetime.now(timezone.utc):%Y-%m-%d}T[\d:.]+Z DEBUG call={said} .*status=200 ms=\d+.*", line
        )
    refused = [number for number, line in enumerate(lines) if " status=503 " in line]
    assert len(refused) == 1
    assert 'error="' in lines[refused[0]]
    assert "WARNING" in lines[refused[0] + 1], "what is said of it"
    pages = [line for line in lines if "call=Trades pair=MINAGBP" in line and " rows=" in line]
    first, last = map(int, re.findall(r"(?:first|last)_id=(\d+)", pages[-1]))
    assert 0 < first < last
    assert "secret" not in log.read_text()
    with duckdb.connect(str(warehouse_path())) as connection:
        connection.execute("alter table kraken_raw.pages drop column covered_to_ns")
    code, text = command(*LOAD)
    assert (code, "something that this program does not know went wrong" in text) == (1, True)
    told = re.findall(r"\S+\.log", text)
    assert "Traceback" in Path(told[0]).read_text()


def test_a_password_in_an_error_that_nobody_foresaw_is_neither_kept_nor_shown(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: Any) -> int:
        raise RuntimeError("GET http://me:sEcReT@host/0/public/Time")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dlt_pipeline.cli.load.run_load", fail)
    code, text = command(*LOAD)
    assert (code, "GET http://***@host" in text) == (1, True), text
    (log,) = (tmp_path / "logs").glob("kraken-candles-*.log")
    assert "GET http://***@host" in log.read_text()
    assert "sEcReT" not in text + log.read_text()


def test_a_log_in_a_temporary_folder_is_there_for_who_is_told_of_it(place: Place) -> None:
    """As where neither the working folder nor the warehouse's can be written into."""
    script = """if True:
        import sys, tempfile
        from dlt_pipeline.cli import load, main
        def refuse(**_):
            raise OSError
        tempfile.TemporaryFile = refuse
        load.run_load = None
        sys.argv = ["kraken-candles", "load", "MINA/GBP", "--start", "2026-11-07"]
        main()
    """
    environment = place.environment(TMPDIR=str(place.folder))
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    (told,) = re.findall(r"\S+\.log", done.stderr.replace("\n", " "))
    assert "kraken-candles-dbt-" in told
    assert "Traceback" in Path(told).read_text()


def test_the_oldest_logs_of_runs_go_and_no_other_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    others = {"kraken-candles-cron.log", "kraken-candles-notes.log.md", "kraken-candles-20260101.log"}
    ours = [f"kraken-candles-202601{day:02}T000000Z-7.log" for day in range(1, 31)]
    for age, name in enumerate([*sorted(others), *ours, f"{ours[-1]}.1"]):
        (logs / name).touch()
        os.utime(logs / name, (age, age))
    monkeypatch.chdir(tmp_path)
    configure_logging()
    logging.getLogger("dlt_pipeline").debug("a line")
    left = {path.name for path in logs.iterdir()}
    assert others <= left
    assert {*ours[12:], f"{ours[-1]}.1"} <= left
    assert len(left - others) == 20


def test_a_working_folder_that_is_gone_is_said(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert command(*LOAD) == (2, "Error: The working folder is gone; go to one that is there.")
    configure_logging()  # where it goes between the two
    assert dbt_folder(tmp_path / "warehouse.duckdb") == tmp_path


def test_a_misspelt_variable_of_the_environment_is_refused_with_the_nearest_name(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [ROOT / "profiles.yml", *(ROOT / "dlt_pipeline").rglob("*.py"), *(ROOT / "dbt_project").glob("*.yml")]
    read = {name for file in files for name in re.findall(r"KRAKEN_CANDLES_([A-Z_]+)", file.read_text())}
    assert read == set(ENVIRONMENT)
    monkeypatch.setenv("KRAKEN_CANDLES_PORT", "tcp://10.0.0.1:80")  # a cluster names its services so
    assert "is unknown" not in command("summary")[1]
    monkeypatch.setenv("KRAKEN_CANDLES_WAREHOSE", "elsewhere.duckdb")
    said = "The variable KRAKEN_CANDLES_WAREHOSE is unknown; the nearest known one is KRAKEN_CANDLES_WAREHOUSE."
    assert command("summary") == (2, f"Error: {said}")


def test_live_and_local_trades_do_not_mix(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    command(*LOAD)
    with duckdb.connect(str(warehouse_path())) as connection:
        connection.execute("update kraken_raw.warehouse_versions set exchange = 'live'")
    code, text = command(*LOAD)
    assert code == 1
    assert "holds trades of a live exchange, this load is from a local one" in text


def test_a_file_that_is_no_warehouse(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    path = warehouse_path()
    path.write_text("symbol,price\n" * 1000)
    code, text = command(*LOAD)
    assert code == 1
    assert "is not a DuckDB file" in text
    assert path.read_text() == "symbol,price\n" * 1000


def test_a_sqlite_file_is_no_warehouse(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    """DuckDB would download the extension that reads it."""
    path = Path(os.environ["KRAKEN_CANDLES_WAREHOUSE"])
    with closing(sqlite3.connect(path)) as other:
        other.execute("create table t (a)")
        other.commit()
    for arguments in (LOAD, ("build",), ("summary",), ("jobs", "list"), ("publish",)):
        code, text = command(*arguments)
        assert (code, f"{path} is a SQLite file; set KRAKEN" in text) == (1, True), text


def test_a_warehouse_cut_short_is_said(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    command(*LOAD)
    whole = warehouse_path().read_bytes()
    every = (LOAD, ("build",), ("summary",), ("jobs", "list"), ("publish",))
    for length, arguments in [*((100, each) for each in every), (len(whole) // 2, LOAD)]:
        warehouse_path().write_bytes(whole[:length])
        code, text = command(*arguments)
        assert (code, "is damaged or cut short" in text) == (1, True), (length, arguments, text)
    inside = duckdb.InternalException("Attempted to dereference unique_ptr that is NULL!")
    assert explain(inside, warehouse_path().parent, "KRAKEN_CANDLES_EXPORTS") is None
    assert "set --other to another path" in str(explain(inside, warehouse_path(), "--other"))


def test_nothing_is_fetched_for_duckdb() -> None:
    """Not by our own connections, dlt's or dbt's."""
    names = ("autoinstall_known_extensions", "autoload_known_extensions")
    query = f"select {', '.join(f'current_setting({name!r})' for name in names)}"
    with open_warehouse(warehouse_path()) as connection:
        assert connection.execute(query).fetchall() == [(False, False)]
    with make_pipeline(warehouse_path()).sql_client() as client:
        assert list(client.execute_sql(query) or ()) == [(False, False)]
    profile = yaml.safe_load((project_folder() / "profiles.yml").read_text())["kraken_candles"]["outputs"]["duckdb"]
    assert [profile["settings"][name] for name in names] == ["false", "false"]


@pytest.mark.parametrize("arguments", [("build",), ("summary",)])
def test_a_warehouse_locked_by_another_process_names_it(
    exchange: LocalExchange, command: Callable[..., Any], arguments: tuple[str, ...]
) -> None:
    command(*LOAD)
    with held(warehouse_path()) as holder:
        code, text = command(*arguments)
    assert code == 1
    assert f"The warehouse {warehouse_path()} is in use by" in text
    assert f"(process {holder.pid})" in text


def test_a_reader_elsewhere_hinders_no_command_that_only_reads(
    exchange: LocalExchange, command: Callable[..., Any]
) -> None:
    command(*LOAD)
    day = ("--start", "2026-11-07")
    not_built = "is not built yet"
    with held(warehouse_path(), read_only=True):
        for arguments, said in (
            (("summary",), not_built),
            (("list",), "No candles are built yet"),
            (("show", "MINA/GBP", "1h"), not_built),
            (("repair", "--dry-run"), not_built),
            (("estimate", "MINA/GBP", *day), "total"),
            (("plan", "MINA/GBP", "--timeframe", "1h", *day), "proven trades"),
            (("plan", "MINA/GBP", "--timeframe", "1h", *day, "--offline"), "proven trades"),
            (("publish",), "run `kraken-candles build`"),
            (("jobs", "list"), "There are no jobs"),
            (("jobs", "list", "--json"), "[]"),
        ):
            code, text = command(*arguments)
            assert said in text, (arguments, code, text)
        with duckdb.connect(str(warehouse_path()), read_only=True), open_warehouse(warehouse_path(), read_only=True):
            pass
    with duckdb.connect(str(warehouse_path())):  # in this very process, as in a notebook
        assert "proven trades" in command("plan", "MINA/GBP", "--timeframe", "1h", *day, "--offline")[1]
    with duckdb.connect(str(warehouse_path())) as connection:  # as an older version built it
        connection.execute("create schema kraken")
        for table in ("candles", "coverage", "gaps", "ohlcv"):
            connection.execute(f"create table kraken.{table} (symbol varchar)")
    for arguments, said in (
        (("summary",), "run `kraken-candles build`"),
        (("list",), "No candles are built yet"),
        (("show", "MINA/GBP", "1h"), "was built by an older version; run `kraken-candles build`"),
        (("repair", "--dry-run"), "was built by an older version; run `kraken-candles build`"),
        (("status",), "not proven by a build: MINA/GBP"),
        (("report",), "was built by an older version; run `kraken-candles build`"),
    ):
        code, text = command(*arguments)
        assert said in text, (arguments, code, text)


def test_a_load_waits_at_its_start_for_a_warehouse_in_use(exchange: LocalExchange, command: Callable[..., Any]) -> None:
    command(*LOAD)
    with held(warehouse_path(), "time.sleep(2)"):
        code, text = command(*LOAD)
    assert (code, "in use by another process; waiting for it" in text) == (0, True), text


def test_plain_dlt_shows_the_pipeline(exchange: LocalExchange, command: Callable[..., Any], place: Place) -> None:
    command(*LOAD)
    dlt = Path(sys.executable).parent / "dlt"
    shown = subprocess.run(
        [dlt, "pipeline", "kraken", "info"], env=place.environment(), cwd=place.folder, capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "kraken_raw" in shown.stdout
    assert "Traceback" not in shown.stdout + shown.stderr


def test_a_reader_of_the_help_may_leave() -> None:
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([sys.executable, "-m", "dlt_pipeline", "--help"], stdout=write, check=False)
    os.close(write)
    assert ended.returncode == 0


def test_who_needs_neither_ccxt_nor_dlt_nor_dbt_imports_none_of_them(place: Place) -> None:
    """They take seconds; all these commands run in one process."""
    Made(place.warehouse).build()
    add = "jobs add trade_rebuild BTC/USD --start 2026-11-01"
    of_the_queue = (add, "jobs list", "jobs show 1", "jobs cancel 1", "jobs retry 1")
    others = ("publish", "summary", "status", "list", "show BTC/USD 1h", "repair --help", "exchange --port 99999")
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *of_the_queue, *others],
        env=place.environment(),
        cwd=place.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "job 1 (trade_rebuild BTC/USD): queued" in done.stdout
    assert "16 partitions written" in done.stdout, "it went all the way"


@pytest.mark.parametrize(("line", "code"), [("--version", 0), ("shew", 2), ("show BTC/USD 1h", 1)])
def test_a_process_ends_with_its_code_and_after_all_that_is_to_be_done_at_an_end(
    line: str, code: int, tmp_path: Path
) -> None:
    script = """if True:
        import atexit, sys, threading, time
        import pyarrow
        from dlt_pipeline.cli import process
        class Garbage:
            def __del__(self):
                print("looked through")
        kept = [Garbage()]
        kept.append(kept)
        atexit.register(lambda: print("at its end", pyarrow.array([1])[0], "pandas" in sys.modules))
        threading.Thread(target=lambda: (threading.main_thread().join(), time.sleep(1), print("the thread's"))).start()
        process()
    """
    done = subprocess.run(
        [sys.executable, "-c", script, *line.split()], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.endswith("the thread's\nat its end 1 False\n")) == (code, True)
    assert bool(done.stderr) == (code != 0)


IMPORTED = """
import sys
from dlt_pipeline.cli import main
for line in sys.argv[1:]:
    sys.argv = ["kraken-candles", *line.split()]
    try:
        main()
    except SystemExit:
        pass
    found = {"ccxt", "dlt", "dbt"} & sys.modules.keys()
    assert not found, (line, found)
"""


def commands_of(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, each in group.commands.items():
        yield from commands_of(each, (*words, name)) if hasattr(each, "commands") else [((*words, name), each)]


def test_each_command_has_examples_that_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words, each in commands_of(typer.main.get_command(app)):
        head, *examples = (each.epilog or "").split("\n\n")
        assert head == "Examples:", words
        for example in examples:
            program, *typed = shlex.split(example)
            assert (program, tuple(typed[: len(words)])) == ("kraken-candles", words)
            assert each.make_context(words[-1], typed[len(words) :])
