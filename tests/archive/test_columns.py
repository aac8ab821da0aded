"""The two ways to read lines, all at once and one by one, never disagree."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.archive.parser import at_once, line_by_line, parse

NUMBERS = st.sampled_from(
    [
        "1704067200",
        "1",
        "0",
        "-0",
        "+1",
        " 1",
        "1\t",
        "1.",
        ".5",
        ".",
        "",
        "-",
        "e5",
        "1e5",
        "1E-3",
        "1e-13",
        "0x1F",
        "1.0000000000000000000000000000000",
        "0001704067200",
        "1704067200.5",
        "1704067200.123456789",
        "1704067200000",
        "0.000000000001",
        "0.0000000000001",
        "99999999999999999.999999999999",
        "100000000000000000",
        "9" * 30,
        "9" * 38,
        "9223372036854775807",
        "9223372036854775808",
        "nan",
        "inf",
        "1_0",
        "1 0",
        "4.8484180299999995",
        "1.0000000000000001e-08",
        "0.125000005",
        "\xa01",
        "٣",
        "-1",
        "1e30",
        "60",
    ]
) | st.from_regex(r"[-+]?[0-9]{0,12}\.?[0-9]{0,13}([eE][-+]?[0-9]{1,2})?", fullmatch=True)
SIDES = st.sampled_from(["b", "s", "buy", "Sell", "B", " b", "", "x", "m", "l", "market", "LIMIT"])
TEXTS = st.sampled_from(["", "x", " x ", "\xa0x", "é", "\x1f", "a'b"])
FIELDS = {
    "trades": [NUMBERS] * 3,
    "candles": [NUMBERS] * 7,
    "trades_with_ids": [NUMBERS, NUMBERS, NUMBERS, SIDES, SIDES, TEXTS, NUMBERS],
}
WRITTEN = "1704067200,1,2,1,2,4.8484180299999995,3"
GOOD = {
    "trades": "1704067200,1.5,2",
    "candles": "1704067200,1,2,1,2,5,3",
    "trades_with_ids": "1.5,2,1704067200.5,b,l,,7",
}


@st.composite
def blocks(draw: st.DrawFn) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(sorted(FIELDS)))
    line = st.tuples(*FIELDS[kind]).map(",".join) | st.just(GOOD[kind])
    odd = st.sampled_from(["", " ", "1,2", "\r", GOOD[kind] + "\r" + GOOD[kind], '"1",2,3', GOOD[kind] + ",", "\x00"])
    lines = draw(st.lists(line, min_size=1, max_size=2) | st.lists(line | odd, min_size=1, max_size=4))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return kind, (end.join(lines) + draw(st.sampled_from(["", end, end * 2]))).encode()


@given(blocks())
def test_at_once_is_as_line_by_line_or_not_at_all(block: tuple[str, bytes]) -> None:
    kind, data = block
    fast = at_once(data, kind, 1) if data.strip() else None
    slowly = line_by_line(data, kind, 1)
    assert len(slowly.columns["time_ns"]) + len(slowly.refused) == slowly.row_count
    if fast is not None:
        assert not slowly.refused
        for name, column in slowly.columns.items():
            assert len(fast[name]) == slowly.row_count
            assert fast[name].type == column.type
            assert fast[name].to_pylist() == column.to_pylist(), name


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_sound_lines_are_read_at_once(kind: str) -> None:
    for end in ("\n", "\r\n"):
        data = (end.join([GOOD[kind]] * 3) + end).encode()
        assert at_once(data, kind, 1) is not None
        assert at_once(data.rstrip(), kind, 1) is not None


def test_unrounded_volumes_of_candles_are_read_at_once() -> None:
    columns = at_once(f"{WRITTEN}\n{GOOD['candles']}\n".encode(), "candles", 1)
    assert columns is not None
    assert columns["volume"].to_pylist() == [Decimal("4.84841803"), Decimal(5)]
    assert columns["volume_text"].to_pylist() == ["4.8484180299999995", "5"]


@pytest.mark.parametrize(
    ("data", "row_count", "refused"),
    [
        (b"0x6592aa00,1,1\n", 1, 1),  # Arrow would read a hexadecimal number
        (b"1704067200,1,1\r1704067200,1,1\n\n", 1, 1),  # ... and end a line at a CR
        (b"1704067200,1,1\n\n\r\n1704067200,1,1", 2, 0),
        (b'"1704067200","1","1"\n', 1, 0),
        (b"1704067200,1,\n", 1, 1),
        (b"1704067200,100000000000000000,1\n", 1, 1),
        (b"1378771199,1,1\n1378771200,1,1\n", 2, 1),  # there was no Kraken before
    ],
)
def test_what_arrow_reads_otherwise_is_read_line_by_line(data: bytes, row_count: int, refused: int) -> None:
    parsed = parse(data, "trades", None)
    assert (parsed.row_count, len(parsed.refused)) == (row_count, refused)


def test_a_broken_line_costs_only_itself() -> None:
    parsed = parse(b"1704067200,1,1\n\nabc\n1704067201,2,0.1\r\n", "trades", None)
    assert parsed.columns["volume"].to_pylist() == [Decimal(1), Decimal("0.1")]
    assert (parsed.row_count, parsed.offsets) == (3, [0, 2])
    (refused,) = parsed.refused
    assert (refused.offset, refused.line, refused.text) == (1, 2, "abc")
    assert refused.reason == "it has 1 fields, not 3"


@given(st.sampled_from(sorted(GOOD)), st.dictionaries(st.integers(0, 999), st.sampled_from(["x", "", "1,2", '"'])))
def test_a_large_block_is_halved_and_loses_nothing(kind: str, odd: dict[int, str]) -> None:
    data = "\n".join(odd.get(number, GOOD[kind]) for number in range(1_000)).encode()
    found, slowly = parse(data, kind, 1), line_by_line(data, kind, 1)
    assert (found.row_count, found.offsets, found.refused) == (slowly.row_count, slowly.offsets, slowly.refused)
    assert {name: column.to_pylist() for name, column in found.columns.items()} == {
        name: column.to_pylist() for name, column in slowly.columns.items()
    }


def test_a_long_line_is_kept_in_short() -> None:
    parsed = parse(b'"' + b"9" * 300_000 + b"\n", "trades", None)
    assert [len(one.text) for one in parsed.refused] == [500]
