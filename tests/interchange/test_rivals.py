"""freqtrade itself loads what is exported, and `compare` reads what it writes; `make rivals-test` runs it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Place

pytestmark = pytest.mark.rivals
Command = Callable[..., tuple[int, str]]
OURS = """
    select epoch_ms(bucket_start) as date, open::varchar::double as open, high::varchar::double as high,
        low::varchar::double as low, close::varchar::double as close, base_volume::varchar::double as volume
    from kraken.candles
    where symbol = 'BTC/USD' and timeframe = '{}' and is_closed and open is not null order by 1
"""


def handler(folder: Path, form: str) -> Any:
    from freqtrade.data.history import get_datahandler

    return get_datahandler(folder, form)


@pytest.mark.parametrize(
    ("form", "theirs"), [("freqtrade", "feather"), ("freqtrade-json", "json"), ("freqtrade-jsongz", "jsongz")]
)
def test_freqtrade_loads_the_very_candles_and_trades(
    place: Place, command: Command, tmp_path: Path, form: str, theirs: str
) -> None:
    from freqtrade.enums import CandleType, TradingMode

    for what in ("candles", "trades"):
        assert command("export", what, "--format", form, "--output", str(tmp_path))[0] == 0
    data = handler(tmp_path, theirs)
    listed = data.ohlcv_get_available_data(tmp_path, TradingMode.SPOT)
    assert {("BTC/USD", name, CandleType.SPOT) for name in ("1m", "1h", "1d", "1w")} <= set(listed)
    for timeframe in ("1m", "1h", "1d"):
        loaded = data.ohlcv_load("BTC/USD", timeframe, CandleType.SPOT, fill_missing=False)
        ours = place.query(OURS.format(timeframe))
        assert [int(at.timestamp() * 1000) for at in loaded["date"]] == [row[0] for row in ours]
        for place_of, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
            values = [row[place_of] for row in ours]
            # pandas' reader of JSON is a last bit beside
            same = values if theirs == "feather" else pytest.approx(values, rel=1e-15, abs=0)
            assert loaded[name].tolist() == same
    weeks = data.ohlcv_load("BTC/USD", "1w", CandleType.SPOT, fill_missing=True)
    assert {at.day_name() for at in weeks["date"]} == {"Monday"}
    for symbol, count in (("BTC/USD", None), ("OLD/EUR", 5)):
        trades = data.trades_load(symbol, TradingMode.SPOT)
        written = json.loads((tmp_path / "kraken-candles-export.json").read_text())
        suffix = "feather" if theirs == "feather" else theirs.replace("gz", ".gz")
        assert len(trades) == written[f"{symbol.replace('/', '_')}-trades.{suffix}"]["rows"], "none is dropped"
        assert count in (None, len(trades))


def test_what_freqtrade_writes_is_compared_and_what_it_drops_is_counted(
    place: Place, command: Command, tmp_path: Path
) -> None:
    """Its own candles of our trades, its own formats of both, and its trades once their ids are empty."""
    from freqtrade.configuration import TimeRange
    from freqtrade.data.converter import convert_trades_to_ohlcv
    from freqtrade.enums import CandleType, TradingMode

    assert command("export", "trades", "BTC/USD", "--format", "freqtrade", "--output", str(tmp_path))[0] == 0
    data = handler(tmp_path, "feather")
    trades = data.trades_load("BTC/USD", TradingMode.SPOT)
    for form in ("json", "jsongz", "parquet"):
        handler(tmp_path, form).trades_store("BTC/USD", trades.copy(), TradingMode.SPOT)
        convert_trades_to_ohlcv(
            *(["BTC/USD"], ["1m", "1h", "1w"], tmp_path, TimeRange(), True, form, "feather", CandleType.SPOT)
        )
    (tmp_path / "kraken-candles-export.json").unlink()
    code, text = command("compare", str(tmp_path), "--tolerance", "1e-12", "--json")
    files = {Path(file["path"]).name: file for file in json.loads(text)["files"]}
    assert len(files) == 13
    for name, file in files.items():
        if "trades" in name:
            assert (file["equal"], file["is_equal"]) == (len(trades), True), file
        elif "1w" in name:  # pandas' W-MON: from Tuesday to the Monday by which it calls them
            assert (file["timeframe"], file["equal"], file["differing"]) == ("1w_monday", 0, 1), file
        else:  # beside the gap its candles lack trades, but nothing there is proven
            assert file["is_equal"], file
            assert file["equal"] > 0
    assert code == 1
    nameless = trades.assign(id="")
    data.trades_store("BTC/USD", nameless, TradingMode.SPOT)
    kept = data.trades_load("BTC/USD", TradingMode.SPOT)
    data.trades_store("BTC/USD", kept, TradingMode.SPOT)
    code, text = command("compare", str(tmp_path / "BTC_USD-trades.feather"), "--json")
    (file,) = json.loads(text)["files"]
    assert (code, file["missing"], file["equal"]) == (1, len(trades) - len(kept), len(kept))
    assert file["missing"] > len(trades) / 10
    print(f"freqtrade drops {file['missing']} of {len(trades)} trades without ids")
