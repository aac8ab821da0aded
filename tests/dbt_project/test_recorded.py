"""On recorded answers of Kraken's, our candles are Kraken's own: every minute, every field."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.dbt_project import raw
from tests.dbt_project.dbt_run import build

SYMBOL = "BTC/USDT"


@pytest.mark.long
def test_recorded_trades_give_krakens_candles(recorded_folder: Path, tmp_path: Path, target: Path) -> None:
    """Without the loader; with it, the README's proof shows the same in a shorter run."""
    folder = recorded_folder / "xbtusdt"
    pages, ohlc = (
        json.loads((folder / name).read_text(), parse_float=Decimal)["result"]
        for name in ("trades.json", "ohlc_1m.json")
    )
    trades, covered_to_ns = pages["XBTUSDT"], int(pages["last"])
    path = tmp_path / "warehouse.duckdb"
    with raw.create(path) as connection:
        times = [int(trade[2] * 10**9) for trade in trades]
        template = raw.trade(SYMBOL, {"trade_id": "1", "time": "2024-01-01 00:00:00", "price": "1", "volume": "1"})
        for time_ns, (price, volume, *_, trade_id) in zip(times, trades, strict=True):
            stamp = raw.timestamp(time_ns)
            row = {"trade_id": trade_id, "time_ns": time_ns, "price": Decimal(price), "volume": Decimal(volume)}
            raw.insert(connection, "trades", [{**template, **row, "traded_at": stamp, "traded_on": stamp.date()}])
        page = {"symbol": SYMBOL, "covered_from_ns": times[0], "covered_to_ns": covered_to_ns, "since": 0}
        raw.insert(connection, "pages", [{**page, "asked_at": raw.timestamp(0), "_dlt_load_id": "complete"}])
        raw.insert(connection, "markets", [raw.market(SYMBOL, price_decimals=1)])
        names = ("open", "high", "low", "close", "vwap", "base_volume", "trade_count")
        for start, *values in ohlc["XBTUSDT"]:
            if start <= ohlc["last"]:
                stamps = {"bucket_start": raw.timestamp(start * 10**9), "fetched_at": raw.timestamp(covered_to_ns)}
                row = {"timeframe": "1m", **stamps, **dict(zip(names, values, strict=True))}
                raw.insert(connection, "rest_candles", [raw.rest_candle(SYMBOL, row)])
    built = build(path, target)
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select status, count(*) from kraken.check_rest_candles group by 1").fetchall()
    assert built.exit_code == 0, built.output
    assert Counter(dict(rows)) == Counter(identical=409 * 7)
