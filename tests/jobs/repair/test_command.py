"""The command `repair` as a user meets it: what it says it will do, what it does, and how it ends."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from tests.conftest import object_in
from tests.jobs.repair.gappy import ns
from tests.loading.quick import NOW_NS
from tests.truth import expected_trades, loaded_trades, query

Command = Callable[..., tuple[int, str]]
ATTEMPTS = "select count(*) from duckdb_tables() where table_name = 'repair_attempts'"


def trades_calls(exchange: LocalExchange) -> int:
    return sum(call.path == "Trades" for call in exchange.calls)


def test_a_dry_run_shows_what_would_be_asked_for_and_changes_nothing(
    exchange: LocalExchange, gappy: Path, command: Command
) -> None:
    before = gappy.read_bytes()
    code, text = command("repair", "--dry-run")
    assert code == 0
    assert "BTC/USD 2026-11-06 12:00:00 2026-11-07 12:00:00 never_loaded 4" in text
    assert "MINA/GBP 2026-11-06 02:00:00 2026-11-07 08:01:00 rest_hole 2" in text
    assert "5 to repair by about 9 calls." in text
    assert gappy.read_bytes() == before
    asked = [(call.query["pair"], int(call.query["count"])) for call in exchange.calls if call.path == "Trades"]
    assert {pair for pair, _ in asked} <= {"MINAGBP"}, "ids beside the others are known"
    assert all(count < 1000 for _, count in asked)
    assert len(asked) <= 2


@pytest.mark.usefixtures("unchecked")
def test_a_list_is_repaired_and_its_broken_lines_are_reported(
    exchange: LocalExchange, feed: SyntheticFeed, gappy: Path, command: Command, tmp_path: Path
) -> None:
    given = tmp_path / "gaps.csv"
    given.write_text(
        "symbol,start,end\nBTC/USD,2026-11-06T11:00,2026-11-06T13:00\nBTC/USX,2026-11-06,2026-11-07\n"
        "BTC/USD,2026-11-06T13:00,2026-11-06T14:00\nBTC/USD,2026-11-07T13:00,2026-11-07T14:00\nBTC/USD,now,2027-01-01\n"
    )
    code, text = command("repair", "--from", str(given), "--yes", "--json")
    assert code == 1
    told = object_in(text)
    (outcome,) = told["outcomes"]
    assert (outcome["outcome"], outcome["gap_from"], outcome["gap_to"]) == (
        *("filled", "2026-11-06T12:00:00Z", "2026-11-06T14:00:00Z"),
    )
    assert (told["is_stopped"], [each["line"] for each in told["broken"]]) == (False, [3, 6])
    assert "BTC/USD 2026-11-06 12:00:00 2026-11-06 14:00:00 listed filled" in text, text
    assert "1 of 1 filled" in text
    assert "2 lines of the list cannot be used: line 3: Unknown symbol BTC/USX" in text
    assert "line 6: The start 'now' is not a date" in text
    spans = [("2026-11-06", "2026-11-06T14:00"), ("2026-11-07T12:00", "2026-11-08")]
    truth = [row for start, end in spans for row in expected_trades(feed, "BTC/USD", NOW_NS, ns(start), ns(end))]
    assert loaded_trades(gappy, "BTC/USD") == truth
    candles = (
        "select count(*) from kraken.candles where symbol = 'BTC/USD' and timeframe = '1h' and is_closed "
        "and bucket_start < '2026-11-07'"
    )
    assert query(gappy, candles) == [(14,)]

    asked = trades_calls(exchange)
    given.write_text("symbol,start,end\nBTC/USD,2026-11-06T11:00,2026-11-06T14:00\n")
    code, text = command("repair", "--from", str(given))
    assert (code, text.startswith("There is nothing to repair.")) == (0, True)
    assert trades_calls(exchange) == asked, "what is proven is not asked for again"


def test_ctrl_c_keeps_what_is_loaded_and_counts_as_no_try(
    exchange: LocalExchange, gappy: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(result: dict[str, Any]) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return dict(result)

    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "1")
    exchange.faults.add(Fault("change", "Trades", pair="BTC/USD", change=interrupt, skip=1))
    before = query(gappy, "select count(*) from kraken_raw.trades")[0][0]
    code, text = command("repair", "BTC/USD")
    assert code == 130, text
    assert "Stopped. `kraken-candles jobs run` goes on" in text
    assert query(gappy, "select count(*) from kraken_raw.trades")[0][0] > before
    assert query(gappy, ATTEMPTS) == [(0,)]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("XRP/USD",), 2, "Nothing of XRP/USD is loaded, so nothing of it can be repaired; the warehouse"),
        (("--timeframe", "7m"), 2, "Kraken has no candles of '7m'"),
        (("--reason", "lost"), 2, "There is no gap for the reason 'lost'; there are never_loaded"),
        (("--from", "none.csv"), 2, "The list none.csv cannot be read: No such file"),
        (("--from", "none.csv", "--reason", "rest_hole"), 2, "give a list or reasons, not both"),
        (("XRP/USX", "--from", "none.csv"), 2, "Unknown symbol XRP/USX"),
    ],
)
def test_wrong_input_is_one_sentence_and_changes_nothing(
    gappy: Path, command: Command, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended, text = command("repair", *arguments)
    assert (ended, says in text) == (code, True), text
    assert query(gappy, ATTEMPTS) == [(0,)]


def test_what_is_not_loaded_or_not_built_cannot_be_repaired_yet(
    exchange: LocalExchange, warehouse: Path, command: Command
) -> None:
    code, text = command("repair")
    assert (code, "holds no trades yet; run `kraken-candles load` first" in text) == (1, True), text
    command("load", "MINA/GBP", "--start", "2026-11-07", "--timeframes", "none")
    code, text = command("repair")
    assert (code, "is not built yet; run `kraken-candles build`" in text) == (1, True), text
