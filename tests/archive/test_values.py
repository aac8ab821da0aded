"""One line, exactly or not at all."""

import pytest

from dlt_pipeline.archive.line_parser import RefusedLine, values_of

TIME = 1_704_067_200 * 10**9


@pytest.mark.parametrize(
    ("line", "time_ns", "price", "volume"),
    [
        ("1704067200,9.5,0.1", TIME, "9.500000000000", "0.100000000000"),
        ("1704067200.5,9.5,0.1\r", TIME + 500_000_000, "9.500000000000", "0.100000000000"),
        ("1704067200.123456789,1,1", TIME + 123_456_789, "1.000000000000", "1.000000000000"),
        ('"1704067200","1","1"', TIME, "1.000000000000", "1.000000000000"),
        (" 1704067200 ,\t1, 1 ", TIME, "1.000000000000", "1.000000000000"),
        ("1704067200,1e-8,1E3", TIME, "0.000000010000", "1000.000000000000"),
        ("1704067200,.5,5.", TIME, "0.500000000000", "5.000000000000"),
        ("1704067200,1,0", TIME, "1.000000000000", "0.000000000000"),
        ("1704067200," + "0" * 50 + "1.5," + "1." + "0" * 60, TIME, "1.500000000000", "1.000000000000"),
        (
            "1704067200,99999999999999999.999999999999,0.000001",
            TIME,
            "99999999999999999.999999999999",
            "0.000001000000",
        ),
    ],
)
def test_a_trade_is_taken_exactly(line: str, time_ns: int, price: str, volume: str) -> None:
    assert values_of(line.encode(), "trades", None) == {"time_ns": time_ns, "price": price, "volume": volume}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1704067200,1", "it has 2 fields, not 3"),
        (b"1704067200,1,1,1", "it has 4 fields, not 3"),
        (b"1704067200000,1,1", "the time 1704067200000 is not in seconds, rather in milliseconds or finer"),
        (b"-5,1,1", "the time -5 lies before 2013-09-10, when Kraken opened"),
        (b"1378771199.9,1,1", "the time 1378771199.9 lies before 2013-09-10, when Kraken opened"),
        (b"1.69612E+09,1,1", "the time 1.69612E+09 has an exponent, as a spreadsheet writes it: its last"),
        (b"1704067200e0,1,1", "the time 1704067200e0 has an exponent"),
        (b"2024-01-01,1,1", "the time '2024-01-01' is not in Unix seconds"),
        (b"0x6592,1,1", "the time '0x6592' is not in Unix seconds"),
        ("٣,1,1".encode(), "the time '٣' is not in Unix seconds"),
        (b"1704067200.0000000001,1,1", "the time 1704067200.0000000001 is finer than nanoseconds and is not rounded"),
        (b"1704067200,0,1", "the price 0 is not above 0"),
        (b"1704067200,-1,1", "the price -1 is not above 0"),
        (b"1704067200,1,-0.5", "the volume -0.5 is negative"),
        (b"1704067200,,1", "the price '' is not a number"),
        (b"1704067200,nan,1", "the price 'nan' is not a number"),
        (b"1704067200,1,1_0", "the volume '1_0' is not a number"),
        (b"1704067200,1,0.0000000000001", "the volume 0.0000000000001 has more than 12 decimals and is not rounded"),
        (b"1704067200,1e20,1", "the price 1e20 is too large to be one"),
        (
            b"1704067200,2000000,500000",
            "the price 2000000 times the volume 500000 is 10^12 of the",
        ),
        (b"1704067200,1e999,1", "the price 1e999 is too large to be one"),
        (b"1704067200,1,1e-999", "the volume 1e-999 has more than 12 decimals and is not rounded"),
        (b"1704067200,1,\x00", "it holds a NUL byte"),
        (b"1704067200,1,\xff", "it is no text in UTF-8"),
        (b'a\rb,"1",1', "its quotes cannot be read"),
        (b'"' + b"9" * 200_000, "its quotes cannot be read"),
        (b"1704067200," + b"9" * 200_000 + b",1", "the price " + "9" * 60 + "... is too large to be one"),
    ],
)
def test_what_cannot_be_taken_exactly_is_refused(line: bytes, reason: str) -> None:
    with pytest.raises(RefusedLine) as refused:
        values_of(line, "trades", None)
    assert str(refused.value).startswith(reason)


def test_a_trade_with_an_id_says_its_side_and_kind_in_full() -> None:
    found = values_of(b"9.5,0.1,1704067200.25,s,m, a ,12", "trades_with_ids", None)
    assert found["time_ns"] == TIME + 250_000_000
    assert (found["side"], found["order_type"], found["misc"], found["trade_id"]) == ("sell", "market", "a", 12)
    words = values_of(b"9.5,0.1,1704067200.25,Buy,Limit,,", "trades_with_ids", None)
    assert (words["side"], words["order_type"], words["trade_id"]) == ("buy", "limit", 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,1,1704067200,x,m,,1", "the side 'x' is neither b nor s"),
        ("1,1,1704067200,b,,,1", "the order type '' is neither m nor l"),
        ("1,1,1704067200,b,m,,-1", "the trade id '-1' is not a whole number"),
        ("1,1,1704067200,b,m,,1.5", "the trade id '1.5' is not a whole number"),
        ("1,1,1704067200,b,m,,9223372036854775808", "the trade id '9223372036854775808' is not a whole number"),
        ("1,1,1704067200,b,m,", "it has 6 fields, not 7"),
        (
            "1,1,1.704067E9,b,m,,1",
            "the time 1.704067E9 has an exponent, as a spreadsheet writes it: its last digits are lost",
        ),
    ],
)
def test_a_trade_with_a_broken_id_or_side_is_refused(line: str, reason: str) -> None:
    with pytest.raises(RefusedLine) as refused:
        values_of(line.encode(), "trades_with_ids", None)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("4.8484180299999995", "4.84841803"),
        ("1.0000000000000001e-08", "0.00000001"),
        ("0.1", "0.10000000"),
        ("5", "5.00000000"),
        ("0.0000000000001", "0.00000000"),
        ("0.125000005", "0.12500000"),
    ],
)
def test_a_candle_s_volume_is_a_sum_of_floats(text: str, volume: str) -> None:
    found = values_of(f"1704067200,1,1,1,1,{text},3".encode(), "candles", 5)
    assert (found["volume"], found["volume_text"]) == (volume, text)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1704067200,1,1,1,1,-1.00000000000001,1", "the volume -1.00000000000001 is negative"),
        ("1704067200,1,1,1,1,1e17,1", "the volume 1e17 is too large to be one"),
        ("0,1,1,1,1,1,1", "the time 0 lies before 2013-09-10, when Kraken opened"),
        ("1704067201,1,1,1,1,1,1", "no bucket of 5 minutes begins at 1704067201"),
        ("1704067260,1,1,1,1,1,1", "no bucket of 5 minutes begins at 1704067260"),
        ("1704067200,3,2,1,2,1,1", "its open and close do not lie between its low and its high"),
        ("1704067200,2,3,2,1,1,1", "its open and close do not lie between its low and its high"),
        ("1704067200,0,1,0,1,1,1", "the open 0 is not above 0"),
        ("1704067200,1,1,1,1,1,x", "the number of trades 'x' is not a whole number"),
    ],
)
def test_a_candle_that_cannot_be_one_is_refused(line: str, reason: str) -> None:
    with pytest.raises(RefusedLine) as refused:
        values_of(line.encode(), "candles", 5)
    assert str(refused.value) == reason
