"""What the tests export is what Kraken would publish: checked by hand on six trades, and by the tape's own candles."""

import csv
import random
import zipfile
from decimal import Decimal
from pathlib import Path

from tests.archive import exported
from tests.archive.exported import SECOND, Candle, Traded
from tests.dbt_project.tape import PRICE_DECIMALS, VOLUME_DECIMALS, buckets, candle, random_tape

START = 1_704_067_200  # 2024-01-01 00:00:00
TAPE = [
    Traded(START * SECOND, "9.50", "0.10000000", "b", "m", "", 7),
    Traded(START * SECOND, "10.00", "0.20000000", "s", "l", "", 8),
    Traded(START * SECOND + 59_999_999_999, "9.90", "1.00000000", "b", "l", "x", 9),
    Traded((START + 60) * SECOND, "9.90", "0.00000001", "s", "m", "", 0),
    Traded((START + 60) * SECOND, "9.90", "0.00000001", "s", "m", "", 0),
    Traded((START + 181) * SECOND + 100, "11", "2", "b", "m", "", 12),
]


def test_time_and_sales_have_three_columns_and_whole_seconds() -> None:
    assert exported.trades_text(TAPE).splitlines() == [
        "1704067200,9.50,0.10000000",
        "1704067200,10.00,0.20000000",
        "1704067259,9.90,1.00000000",
        "1704067260,9.90,0.00000001",
        "1704067260,9.90,0.00000001",
        "1704067381,11,2",
    ]


def test_a_quarter_has_six_names_over_seven_fields() -> None:
    assert exported.trades_with_ids_text(TAPE).splitlines() == [
        "Price,Volume,Timestamp,Type,Miscellaneous,Trade ID",
        "9.50,0.10000000,1704067200,b,m,,7",
        "10.00,0.20000000,1704067200,s,l,,8",
        "9.90,1.00000000,1704067259.999999999,b,l,x,9",
        "9.90,0.00000001,1704067260,s,m,,",
        "9.90,0.00000001,1704067260,s,m,,",
        "11,2,1704067381.0000001,b,m,,12",
    ]


def test_ohlcvt_leaves_quiet_intervals_out() -> None:
    files = exported.candle_files("XBTUSD", TAPE, [1, 5])
    assert files["XBTUSD_1.csv"].splitlines() == [
        "1704067200,9.50,10.00,9.50,9.90,1.30000000,3",
        "1704067260,9.90,9.90,9.90,9.90,0.00000002,2",
        "1704067380,11,11,11,11,2,1",
    ]
    assert files["XBTUSD_5.csv"].splitlines() == ["1704067200,9.50,11,9.50,11,3.30000002,6"]


def test_a_cut_takes_its_start_and_not_its_end() -> None:
    assert exported.cut(TAPE, TAPE[2].time_ns, TAPE[5].time_ns) == TAPE[2:5]
    assert exported.candles(exported.cut(TAPE, to_ns=TAPE[2].time_ns), 1) == [
        Candle(START, "9.50", "10.00", "9.50", "10.00", "0.30000000", 2)
    ]


def test_candles_are_those_of_the_tape_in_every_length() -> None:
    tape = random_tape("OLD/EUR", random.Random(5), 300, 1.0, idless=True)
    trades = exported.of_tape(tape)
    assert [trade.trade_id for trade in trades] == [trade.number if trade.has_id else 0 for trade in tape.trades]
    assert [Decimal(trade.price).scaleb(PRICE_DECIMALS) for trade in trades] == [trade.price for trade in tape.trades]
    assert [Decimal(trade.volume).scaleb(VOLUME_DECIMALS) for trade in trades] == [each.volume for each in tape.trades]
    for minutes in exported.MINUTES:
        truth = buckets(tape.trades, minutes * 60 * SECOND)
        expected = {start_ns // SECOND: candle(found) for start_ns, found in truth.items()}
        for row in exported.candles(trades, minutes):
            prices = tuple(Decimal(price) for price in row[1:5])
            open_, high, low, close, base_volume, _, trade_count, *_ = expected.pop(row.bucket_start)
            assert (*prices, Decimal(row.volume), row.trades) == (open_, high, low, close, base_volume, trade_count)
        assert not expected


def test_the_local_exchange_s_trades_come_as_it_shows_them() -> None:
    from dlt_pipeline.exchange import SyntheticFeed, displayed_ns

    feed = SyntheticFeed()
    now_ns = feed.default_clock().now_ns()
    symbol = feed.markets[0].symbol
    shown = feed.trades(symbol, now_ns)
    assert shown
    trades = exported.of_feed(feed, symbol, now_ns)
    assert [trade.trade_id for trade in trades] == [trade.trade_id for trade in shown]
    assert [trade.time_ns for trade in trades] == [displayed_ns(trade) for trade in shown]
    assert [(trade.price, trade.volume) for trade in trades] == [(trade.price, trade.volume) for trade in shown]


def test_a_zip_and_a_folder_hold_the_same_files_in_their_order(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "b/XBTUSD.csv": exported.trades_text(TAPE),
        **exported.candle_files("XBTUSD", TAPE, [60]),
        "raw.csv": b"\xff",
    }
    folder = exported.write_folder(tmp_path / "folder", files)
    path = exported.write_zip(tmp_path / "down" / "all.zip", files)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == list(files)
        assert archive.testzip() is None
        for name in files:
            assert archive.read(name) == (folder / name).read_bytes()
    with (folder / "XBTUSD_60.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 1
