"""`estimate` and `plan` as a user meets them: tables, JSON and nothing else, exit codes, sentences."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline.exchange import LocalExchange, SyntheticFeed
from tests.conftest import held
from tests.loading.quick import NOW_NS, quick_load
from tests.truth import expected_trades

ESTIMATE = ("estimate", "BTC/USD", "MINA/GBP", "--start", "2026-11-06")
PLAN = ("plan", "BTC/USD", "--timeframe", "1m", "--start", "2026-11-06")


def test_the_table_has_a_line_a_symbol_and_a_total(
    exchange: LocalExchange, feed: SyntheticFeed, streams: Callable[..., Any]
) -> None:
    code, text, _ = streams(*ESTIMATE)
    assert code == 0
    counts = {symbol: len(expected_trades(feed, symbol, NOW_NS)) for symbol in ("BTC/USD", "MINA/GBP")}
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    for symbol, count in counts.items():
        assert lines[symbol][1] == f"{count:,}"
    assert lines["total"][1] == f"{sum(counts.values()):,}"
    assert "Asking for this took 4 calls." in text
    assert text.splitlines()[-1] == f"Next: `kraken-candles {' '.join(('load', *ESTIMATE[1:]))}`."
    assert len(text.splitlines()) < 10


def test_json_is_a_list_of_objects_and_nothing_else(
    exchange: LocalExchange, feed: SyntheticFeed, streams: Callable[..., Any]
) -> None:
    code, text, errors = streams(*ESTIMATE, "--json")
    assert (code, errors) == (0, "")
    rows = json.loads(text)
    assert [row["symbol"] for row in rows] == ["BTC/USD", "MINA/GBP"]
    for row in rows:
        assert row["trades"] == len(expected_trades(feed, row["symbol"], NOW_NS))
        assert row["bytes"] == row["duckdb_bytes"] + row["parquet_bytes"]
        assert row["calls"] > 0
        assert row["seconds"] > 0
        assert (row["start"], row["end"], row["is_approximate"]) == ("2026-11-06T00:00:00Z", None, False)
    code, text, errors = streams(*PLAN, "--json")
    assert (code, errors) == (0, "")
    assert {row["state"] for row in json.loads(text)} == {"missing"}
    assert json.loads(text)[0]["price"]["trades"] > 0


def test_the_plan_ends_with_the_commands_that_fill_it(exchange: LocalExchange, streams: Callable[..., Any]) -> None:
    code, text, _ = streams(*PLAN, "--end", "2026-11-07")
    assert code == 0
    assert "MISSING" in text
    last = text.splitlines()[-1].split()
    assert last[:3] == ["kraken-candles", "load", "BTC/USD"]
    assert streams(*last[1:])[0] == 0
    code, text, _ = streams(*PLAN, "--end", "2026-11-07")
    assert (code, "MISSING" in text) == (0, False)
    assert text.splitlines()[-2:] == ["Nothing is missing.", "Next: `kraken-candles list`."]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("estimate", "MINA/GPB", "--start", "2026-11-07"), 2, "Unknown symbol MINA/GPB; the nearest known ones: MINA"),
        (("estimate", "MINA/GBP", "--start", "2030-01-01"), 2, "The start 2030-01-01 00:00:00 lies in the future"),
        ((*ESTIMATE, "--end", "2026-11-05"), 2, "does not lie after the start"),
        ((*ESTIMATE, "--timeframes", "7m"), 2, "Kraken has no candles of '7m'"),
        (("plan", "BTC/USX", *PLAN[2:]), 2, "Unknown symbol BTC/USX"),
        (("plan", "BTC/USD", "--timeframe", "7m", *PLAN[4:]), 2, "7m must divide a day or be whole days"),
        ((*PLAN, "--end", "2027-01-01"), 2, "The end 2027-01-01 00:00:00 lies in the future"),
        (("plan", "BTC/USD", "--start", "2026-11-06"), 2, "Missing option '--timeframe'"),
    ],
)
def test_wrong_input_is_one_sentence(
    exchange: LocalExchange, streams: Callable[..., Any], arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended, out, errors = streams(*arguments)
    assert (ended, says in " ".join(errors.split()), out) == (code, True, ""), errors


@pytest.mark.parametrize("arguments", [ESTIMATE, PLAN])
def test_no_network_is_one_sentence(
    streams: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SOURCES__KRAKEN__FIRST_CONTACT_ATTEMPTS", "1")
    code, _, errors = streams(*arguments)
    assert (code, "no connection to http://127.0.0.1:9" in " ".join(errors.split())) == (1, True)


def test_a_plan_of_a_locked_warehouse_names_who_holds_it(
    exchange: LocalExchange, streams: Callable[..., Any], warehouse: Path
) -> None:
    quick_load("MINA/GBP")
    with held(warehouse) as holder:
        code, _, errors = streams(*PLAN)
    assert code == 1
    assert f"(process {holder.pid})" in errors
    assert streams(*ESTIMATE)[0] == 0, "an estimate reads no warehouse"
