"""A window that is distrusted is asked for whatever the ledger says of it, once, and nothing beside it."""

from pathlib import Path

import duckdb
import pytest

from dlt_pipeline.exchange import LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.load import load_request
from dlt_pipeline.kraken.request import Window, make_windows_request
from tests.loading.quick import DAY_NS, NOW_NS, START_NS, quick_load
from tests.truth import expected_trades, loaded_trades, query

SYMBOL = "BTC/USD"


def lose(warehouse: Path, first_id: int, last_id: int) -> Window:
    """Take trades away and return the window from the trade before them up to and with the one after."""
    around = f"symbol = '{SYMBOL}' and trade_id in ({first_id - 1}, {last_id + 1})"
    (times,) = query(warehouse, f"select min(time_ns), max(time_ns) + 1 from kraken_raw.trades where {around}")
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"delete from kraken_raw.trades where trade_id between {first_id} and {last_id}")
    return Window(*times, *times, is_distrusted=True)


def ask(window: Window, exchange: LocalExchange) -> int:
    calls = len(exchange.calls)
    load_request(make_windows_request({SYMBOL: [window]}, ()))
    return sum(call.path == "Trades" for call in exchange.calls[calls:])


@pytest.mark.parametrize(
    ("first_id", "last_id"),
    [(999, 1001), *(pytest.param(*ids, marks=pytest.mark.long) for ids in [(999, 999), (1000, 1000), (3000, 3100)])],
)
def test_lost_trades_come_back_also_where_pages_and_moments_meet(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, first_id: int, last_id: int
) -> None:
    """1,500 of the day's trades share a millisecond, and the first page ends among them."""
    quick_load(SYMBOL)
    window = lose(warehouse, first_id, last_id)
    assert quick_load(SYMBOL, end="2026-11-08").trades.get(SYMBOL, 0) == 0, "the ledger says that all is there"
    assert ask(window, exchange) <= 3, "one, or those that step over a burst before the window"
    assert loaded_trades(warehouse, SYMBOL) == expected_trades(feed, SYMBOL, NOW_NS)
    assert quick_load(SYMBOL).trades[SYMBOL] == 0, "and the live load goes on where it was"


def test_a_lost_trade_comes_back_though_its_page_ends_at_the_moment_of_the_one_before(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That page ends before the window, and its cursor would call the trade known."""
    monkeypatch.setenv("SOURCES__KRAKEN__PAGE_SIZE", "40")
    quick_load(SYMBOL, end="2026-11-07")
    ends = (
        "select p.last_trade_id from kraken_raw.pages as p inner join kraken_raw.trades as t on p.symbol = t.symbol "
        "and p.last_trade_id = t.trade_id + 1 and p.tail_time_ns = t.time_ns order by 1"
    )
    ((last_id,), *_) = query(warehouse, ends)
    ask(lose(warehouse, last_id, last_id), exchange)
    truth = expected_trades(feed, SYMBOL, NOW_NS, START_NS, START_NS + DAY_NS)
    assert loaded_trades(warehouse, SYMBOL) == truth


def test_a_distrusted_window_of_many_chunks_is_asked_for_once(
    exchange: LocalExchange, feed: SyntheticFeed, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_load(SYMBOL)
    window = lose(warehouse, 500, 4100)
    monkeypatch.setenv("SOURCES__KRAKEN__CHUNK_PAGES", "1")
    assert ask(window, exchange) == 4
    assert loaded_trades(warehouse, SYMBOL) == expected_trades(feed, SYMBOL, NOW_NS)
