"""A repair asks for what is not proven and nothing else, and afterwards the warehouse holds what the exchange has."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dlt_pipeline.exchange import Call, Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.exchange.trade import candles
from dlt_pipeline.jobs.repair import carry_out, load_repairs, repair
from dlt_pipeline.kraken.settings import FURTHER_REWINDS_NS, HEAD_REWIND_NS
from dlt_pipeline.repairs.plan import plan_repairs
from tests.jobs.repair.gappy import HIDDEN, ns
from tests.loading.quick import NOW_NS
from tests.truth import expected_trades, loaded_trades, query

WHOLE = (ns("2026-11-06"), ns("2026-11-08"))
FIRST_HOUR = (ns("2026-11-06"), ns("2026-11-06T01:00"))
REST_HOLE = (ns("2026-11-06T02:00"), ns("2026-11-07T08:01"))
REWIND_NS = HEAD_REWIND_NS + max(FURTHER_REWINDS_NS)


def trades_calls(exchange: LocalExchange, since: int) -> list[Call]:
    return [call for call in exchange.calls[since:] if call.path == "Trades"]


def truth(feed: SyntheticFeed, symbol: str, *spans: tuple[int, int]) -> list[object]:
    return [row for span in spans for row in expected_trades(feed, symbol, NOW_NS, *span)]


def test_every_kind_of_gap_is_filled_by_the_calls_of_its_windows_alone(
    exchange: LocalExchange, feed: SyntheticFeed, gappy: Path
) -> None:
    plan = plan_repairs()
    assert [(each.symbol, each.reason, each.calls(1000)) for each in plan.repairs] == [
        ("BONK/USD", "ids_missing", 1),
        ("BONK/USD", "ids_missing", 1),
        ("BTC/USD", "never_loaded", 4),
        ("ETH/USD", "trades_lost", 1),
        ("MINA/GBP", "rest_hole", None),
    ]
    before = len(exchange.calls)
    report = carry_out(plan)
    assert (report.is_whole, report.is_green) == (True, True), report.outcomes
    made = trades_calls(exchange, before)
    windows = {"BONKUSD": 2, "MINAGBP": 1, "XETHZUSD": 1, "XXBTZUSD": 4}
    count = Counter(call.query["pair"] for call in made)
    for pair, least in windows.items():
        assert least <= count[pair] <= 2 * least + 1, "one for each page, and where it is quiet for a window's head"
    assert count.keys() == windows.keys()
    asked = [span for each in plan.repairs for span in each.asked]
    for call in made:
        assert call.query["since"] == "0" or any(
            start - REWIND_NS <= int(call.query["since"]) < end for start, end in asked
        ), call
    assert not [call for call in exchange.calls[before:] if call.path == "OHLC"]

    spans = dict.fromkeys(("BTC/USD", "BONK/USD", "ETH/USD"), (WHOLE,)) | {"MINA/GBP": (FIRST_HOUR, REST_HOLE)}
    for symbol, covered in spans.items():
        assert loaded_trades(gappy, symbol) == truth(feed, symbol, *covered), symbol
        ranges = f"select covered_from_ns, covered_to_ns from kraken.coverage where symbol = '{symbol}' order by 1"
        assert query(gappy, ranges) == list(covered)
        assert_whole_candles(gappy, feed, symbol, covered)
    sources = (
        "select source, count(*) from kraken.ohlcv where symbol = 'MINA/GBP' and timeframe = '1m' "
        "and bucket_start >= '2026-11-06 02:00' and bucket_end <= '2026-11-07 08:01' group by 1"
    )
    assert query(gappy, sources) == [("trades", (30 * 60 + 1))]
    assert query(gappy, "select outcome, count(*) from kraken_ops.repair_attempts group by 1") == [("filled", 5)]
    assert not plan_repairs(["BTC/USD", "BONK/USD", "ETH/USD"]).repairs


def assert_whole_candles(
    warehouse: Path, feed: SyntheticFeed, symbol: str, covered: tuple[tuple[int, int], ...]
) -> None:
    """Every minute is there, and those with trades are what the exchange's own loop makes of all of its trades."""
    columns = "epoch_ns(bucket_start), open, high, low, close, base_volume, trade_count"
    of_symbol = f"from kraken.candles where symbol = '{symbol}' and timeframe = '1m' and is_closed"
    ours = query(warehouse, f"select {columns} {of_symbol} and not is_empty order by 1")
    theirs = [
        (each.start * 10**9, each.open, each.high, each.low, each.close, each.volume, each.count)
        for each in candles(feed.trades(symbol, NOW_NS), 60)
        if any(start <= each.start * 10**9 < end for start, end in covered)
    ]
    assert ours == theirs
    minutes = sum(end - start for start, end in covered) // (60 * 10**9)
    assert query(warehouse, f"select count(*) {of_symbol}") == [(minutes,)]


@pytest.mark.usefixtures("unchecked")
def test_what_kraken_never_gives_is_tried_recorded_given_up_and_asked_for_again(
    exchange: LocalExchange, feed: SyntheticFeed, gappy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__KRAKEN__REPAIR_ATTEMPTS", "1")
    exchange.faults.add(Fault("hide_ids", "Trades", pair="BONK/USD", ids=HIDDEN, times=None))
    exchange.faults.add(Fault("wrong_pair", "Trades", pair="BTC/USD", times=None))
    first = repair(["BONK/USD", "BTC/USD"])
    assert [each.outcome for each in first.outcomes] == ["unfilled", "unfilled", "failed"]
    assert not first.is_whole
    tried = (
        "select symbol, reason, first_missing_id, last_missing_id, times_asked, outcome, is_given_up, job_id is null"
    )
    assert query(gappy, f"{tried} from kraken_ops.repair_attempts order by symbol, from_ns") == [
        ("BONK/USD", "ids_missing", 300, 301, 3, "unfilled", True, True),
        ("BONK/USD", "ids_missing", 700, 700, 3, "unfilled", True, True),
        ("BTC/USD", "never_loaded", None, None, 0, "failed", False, True),
    ]
    assert "is about" in query(gappy, "select error from kraken_ops.repair_attempts where error is not null")[0][0]
    marked = "select symbol, reason, repair_attempts, is_given_up, last_repair_at is null from kraken.gaps"
    assert query(gappy, f"{marked} where symbol in ('BONK/USD', 'BTC/USD') order by symbol") == [
        ("BONK/USD", "ids_missing", 1, True, False),
        ("BONK/USD", "ids_missing", 1, True, False),
        ("BTC/USD", "never_loaded", 0, False, True),
    ]

    second = plan_repairs(["BONK/USD", "BTC/USD"])
    assert [each.symbol for each in second.repairs] == ["BTC/USD"], "a failure is no try"
    assert [left.why[:26] for left in second.left_out] == ["given up after 1 tries, th"] * 2

    exchange.faults.clear()
    before = len(exchange.calls)
    load_repairs(plan_repairs(["BONK/USD", "BTC/USD"], again=True).repairs)
    assert 6 <= len(trades_calls(exchange, before)) <= 8, "a page each, and what looks for the trade before a window"
    for symbol in ("BONK/USD", "BTC/USD"):
        assert loaded_trades(gappy, symbol) == truth(feed, symbol, WHOLE)


def test_a_symbol_that_kraken_does_not_list_any_more_fails_alone(exchange: LocalExchange, gappy: Path) -> None:
    def delist(pairs: dict[str, Any]) -> dict[str, Any]:
        return {key: pair for key, pair in pairs.items() if key != "BONKUSD"}

    exchange.faults.add(Fault("change", "AssetPairs", change=delist, times=None))
    report = load_repairs(plan_repairs(["BONK/USD", "ETH/USD"]).repairs)
    assert list(report.failures) == ["BONK/USD"]
    assert report.trades["ETH/USD"] > 0
    assert load_repairs(plan_repairs(["BONK/USD"]).repairs).failures


def test_a_repair_that_is_stopped_is_no_try(exchange: LocalExchange, gappy: Path) -> None:
    stop = threading.Event()
    stop.set()
    report = repair(["BTC/USD"], stop=stop)
    assert (report.is_stopped, report.outcomes) == (True, [])
    tables = "select count(*) from duckdb_tables() where table_name = 'repair_attempts'"
    assert query(gappy, tables) == [(0,)]
    assert len(plan_repairs(["BTC/USD"]).repairs) == 1


def test_reasons_choose_and_accepted_gaps_are_left_alone(gappy: Path) -> None:
    assert [each.span for each in plan_repairs(reasons=["rest_hole"]).repairs] == [REST_HOLE]
    assert plan_repairs(reasons=["rest_hole"], timeframe="5m").repairs == (), "no candles of five minutes are stored"
    with duckdb.connect(str(gappy)) as connection:
        connection.execute("update kraken.gaps set is_accepted = true where symbol = 'BTC/USD'")
    assert {each.symbol for each in plan_repairs().repairs} == {"BONK/USD", "ETH/USD", "MINA/GBP"}
