"""Loads of a tokenised share, which Kraken lists, and answers about, only for who asks for its class."""

from collections.abc import Callable
from pathlib import Path

import pytest

import dlt_pipeline
from dlt_pipeline.common.exceptions import UnknownSymbolError
from dlt_pipeline.exchange import Fault, LocalExchange, SyntheticFeed
from dlt_pipeline.jobs.queue import make_job
from dlt_pipeline.jobs.rounds import next_round
from dlt_pipeline.kraken.request import Request
from dlt_pipeline.kraken.session import Session
from dlt_pipeline.kraken.settings import load_settings
from tests.loading.quick import NOW_NS, START, quick_load
from tests.truth import expected_trades, loaded_trades, query


def lists_asked(exchange: LocalExchange) -> list[str]:
    return [call.query.get("aclass_base", "currency") for call in exchange.calls if call.path == "AssetPairs"]


@pytest.mark.parametrize("name", ["AAPLx/USD", "AAPLX/USD"])
def test_a_share_is_loaded_by_either_spelling_under_krakens_own(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, name: str
) -> None:
    report = quick_load(name, "MINA/GBP", timeframes=("1h",))
    assert not report.failures
    assert loaded_trades(warehouse, "AAPLx/USD") == expected_trades(feed, "AAPLx/USD", NOW_NS)
    kept = "select distinct symbol from kraken_raw.{} order by all"
    for table in ("trades", "pages", "rest_candles"):
        assert query(warehouse, kept.format(table)) == [("AAPLx/USD",), ("MINA/GBP",)]
    assert query(warehouse, "select base, quote from kraken_raw.markets where symbol = 'AAPLx/USD'") == [
        ("AAPLx", "USD")
    ]
    assert lists_asked(exchange) == ["currency", "tokenized_asset"]
    classes = {(call.query["pair"], call.query.get("asset_class")) for call in exchange.calls if "pair" in call.query}
    assert classes == {("AAPLxUSD", "tokenized_asset"), ("MINAGBP", None)}


def test_who_asks_for_currencies_pays_no_second_list(exchange: LocalExchange, warehouse: Path) -> None:
    assert not quick_load("MINA/GBP").failures
    assert lists_asked(exchange) == ["currency"]


def test_symbols_shows_shares_too_and_a_wrong_one_its_nearest(
    exchange: LocalExchange, command: Callable[..., tuple[int, str]]
) -> None:
    code, text = command("symbols", "aapl")
    assert (code, "AAPLx/USD" in text, "1 of 6 markets" in text) == (0, True, True)
    code, text = command("load", "AAPLy/USD", "--start", START)
    assert (code, "nearest known ones: AAPLx/USD" in text) == (2, True)


def test_a_closed_weekend_is_told_from_quiet_hours_everywhere(
    exchange: LocalExchange, warehouse: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """New York's Friday 20:00 is 01:00 UTC in winter; it is Sunday noon."""
    monkeypatch.setenv("KRAKEN_CANDLES_EXPORTS", str(tmp_path / "exports"))
    assert not quick_load("AAPLx/USD", "GMEx/USD").failures
    assert dlt_pipeline.build()
    hours = """
        select symbol, is_closed_market, count(*), max(trade_count), min(bucket_start)::varchar from {}
        where timeframe = '1h' and bucket_start >= '2026-11-07' and is_empty and is_closed group by all order by all
    """
    quiet, before, closed = query(warehouse, hours.format("kraken.candles"))
    assert quiet[:2] == ("AAPLx/USD", False)
    assert before == ("GMEx/USD", False, 1, 0, "2026-11-07 00:00:00")
    assert closed == ("GMEx/USD", True, 35, 0, "2026-11-07 01:00:00")
    assert query(warehouse, hours.format("kraken.ohlcv")) == [quiet, before, closed]
    assert dlt_pipeline.candles("GMEx/USD", "1h").is_closed_market.sum() == 35
    made = dlt_pipeline.candles("GMEx/USD", "2h", "2026-11-07")  # not built: the first one begins before the closing
    assert made.is_closed_market.tolist() == [False, *[True] * 17]
    said = """
        select count(distinct symbol) from kraken.export_days as days join kraken_internal.certified_days as ours
        using (symbol, timeframe, bucket_on) where days.content_hash = md5(concat(ours.content_hash, '|', taker_hash))
    """
    assert query(warehouse, said) == [(1,)]  # other hours write the files of GMEx anew


@pytest.mark.long
def test_a_market_that_closes_is_told_so_though_the_views_stood(
    exchange: LocalExchange, warehouse: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where no market closes, candles does not ask for the hours of any; a later build would leave it as it stands."""
    monkeypatch.setenv("KRAKEN_CANDLES_EXPORTS", str(tmp_path / "exports"))
    asks = "select contains(sql, 'stg_trading_sessions') from duckdb_views() where view_name = 'candles'"
    for symbol, closes in (("MINA/GBP", False), ("GMEx/USD", True)):
        assert not quick_load(symbol).failures
        assert dlt_pipeline.build()
        assert query(warehouse, asks) == [(closes,)]
    assert query(warehouse, "select distinct symbol from kraken.candles where is_closed_market") == [("GMEx/USD",)]


def test_a_second_list_that_fails_ends_only_who_needs_it_and_hides_no_slip_of_the_pen(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, command: Callable[..., tuple[int, str]]
) -> None:
    no_second_list = Fault("error", "AssetPairs", skip=1, times=None, error="EGeneral:Permission denied")
    exchange.faults.add(no_second_list)
    report = quick_load("AAPLx/USD", "AAPLX/USD", "MINA/GBP")
    assert {name: str(error).partition(": http")[0] for name, error in report.failures.items()} == {
        "AAPLx/USD": "AAPLx/USD: AssetPairs",
        "AAPLX/USD": "AAPLX/USD: AssetPairs",
    }
    assert loaded_trades(warehouse, "MINA/GBP") == expected_trades(feed, "MINA/GBP", NOW_NS)
    assert lists_asked(exchange) == ["currency", "tokenized_asset"]
    exchange.faults.clear()
    exchange.faults.add(no_second_list)
    code, text = command("load", "BTCC/USD", "--start", START)
    assert (code, "Unknown symbol BTCC/USD; the nearest known ones: BTC/USD" in text) == (2, True), text


def test_jobs_and_lists_of_repairs_know_shares_by_krakens_spelling_and_name_it(
    exchange: LocalExchange, warehouse: Path
) -> None:
    jobs = [make_job("rest_snapshot", name) for name in ("AAPLx/USD", "AAPLX/USD")]
    found = next_round(jobs, Session(load_settings()), warehouse)
    assert [job.symbol for job in found.jobs] == ["AAPLx/USD"]
    assert [str(error) for _, error in found.refused] == ["Unknown symbol AAPLX/USD: here it is called AAPLx/USD."]
    session = Session(load_settings()).open(Request({}, ()))
    assert session.market("AAPLx/USD").market_id == "AAPLxUSD"
    with pytest.raises(UnknownSymbolError, match="here it is called AAPLx/USD"):
        session.market("AAPLX/USD")
