"""Candles of random trades equal those of a plain loop, in every timeframe, field and bucket."""

import duckdb

from tests.dbt_project.dbt_run import Built
from tests.dbt_project.random_trades import SYMBOL, candles


def test_candles_equal_a_plain_loop(built: Built) -> None:
    query = """
        select timeframe, bucket_start, open, high, low, close, base_volume, quote_volume, vwap,
            trade_count, first_trade_id, taker_buy_base_volume, taker_buy_quote_volume, taker_buy_count, is_closed
        from kraken.candles where symbol = ?
    """
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        rows = connection.execute(query, [SYMBOL]).fetchall()
    expected = list(candles())
    assert len(rows) == len(expected) > 25_000
    assert {row[:2]: row for row in rows} == {row[:2]: row for row in expected}
