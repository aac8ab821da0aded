"""Exactness where 28 digits would not do."""

from fractions import Fraction

from dlt_pipeline.exchange import ExchangeTrade
from dlt_pipeline.exchange.api import cut_text
from dlt_pipeline.exchange.trade import candles


def trade(price, volume):
    return ExchangeTrade(1, 0, "0", price, volume, "b", "l", "")


def test_huge_volumes_at_micro_prices_stay_exact():
    (candle,) = candles([trade("97.1234567891", "89177305636.72672319")] * 3, 60)  # products of 31 digits
    assert Fraction(candle.quote_volume) == 3 * Fraction("97.1234567891") * Fraction("89177305636.72672319")
    assert cut_text(candle.vwap, 10) == "97.1234567891"


def test_a_vwap_just_below_a_tick_is_cut_not_rounded():
    (candle,) = candles([trade("0.2", "1"), trade("0.1", "0.00000001")], 60)
    assert cut_text(candle.vwap, 1) == "0.1"


def test_trades_without_volume_have_no_vwap():
    (candle,) = candles([trade("0.2", "0.00000000")], 60)
    assert (candle.vwap, candle.count) == (0, 1)
