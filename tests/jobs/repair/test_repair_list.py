"""The list of a quality tool: what is read of it, and what is said of each line that cannot be used."""

from pathlib import Path

import pytest

from dlt_pipeline.common.exceptions import BadInputError, UnknownSymbolError
from dlt_pipeline.repairs.plan import ListedWindow, read_list
from tests.jobs.repair.gappy import ns

NOW_NS = ns("2026-11-08T12:00")
HOUR = (ns("2026-11-06T10:00"), ns("2026-11-06T11:00"))


def check_symbol(symbol: str) -> None:
    if symbol not in ("BTC/USD", "ETH/USD"):
        raise UnknownSymbolError(f"Unknown symbol {symbol}.")


def read(tmp_path: Path, content: bytes | str) -> tuple[list[ListedWindow], list[tuple[int, str]]]:
    path = tmp_path / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    windows, broken = read_list(path, NOW_NS, check_symbol)
    return windows, [(line.line, line.why) for line in broken]


@pytest.mark.parametrize(
    "content",
    [
        "symbol,start,end\nBTC/USD,2026-11-06T10:00,2026-11-06T11:00\n",
        b"\xef\xbb\xbfsymbol,start,end\r\nBTC/USD,2026-11-06T10:00,2026-11-06T11:00\r\n",
        'tool,End,Start, Symbol\n"a\nb",2026-11-06T11:00:00Z,2026-11-06T11:00+01:00,"BTC/USD"',
        "symbol,start,end\n\n  \n,,\nBTC/USD,2026-11-06 10:00, 2026-11-06 11:00\n\n",
    ],
    ids=["plain", "mark and Windows line ends", "other columns, order, zone and quotes", "blank lines"],
)
def test_a_window_is_read_however_the_file_is_written(tmp_path: Path, content: bytes | str) -> None:
    windows, broken = read(tmp_path, content)
    assert [(each.symbol, each.start_ns, each.end_ns) for each in windows] == [("BTC/USD", *HOUR)]
    assert broken == []


def test_each_broken_line_is_named_with_its_reason_and_the_others_are_read(tmp_path: Path) -> None:
    lines = [
        "symbol,start,end",
        "BTC/USD,2026-11-06,2026-11-07",
        "BTC/USX,2026-11-06,2026-11-07",
        "",
        "BTC/USD,yesterday,2026-11-07",
        "BTC/USD,2026-11-07,2026-11-07",
        "BTC/USD,2026-11-08,2026-11-09",
        "BTC/USD,2026-11-06",
        ",2026-11-06,2026-11-07",
        "ETH/USD,2026-11-06,2026-11-08T12:00",
    ]
    windows, broken = read(tmp_path, "\n".join(lines))
    assert [(each.line, each.symbol) for each in windows] == [(2, "BTC/USD"), (10, "ETH/USD")]
    assert broken == [
        (3, "Unknown symbol BTC/USX."),
        (5, "The start 'yesterday' is not a date: write it as 2026-11-01 or 2026-11-01T12:30:00 (UTC)."),
        (6, "The end 2026-11-07 does not lie after the start 2026-11-07."),
        (7, "The end 2026-11-09 lies in the future: the exchange's clock says 2026-11-08 12:00:00 (UTC)."),
        (8, "There is no end."),
        (9, "There is no symbol."),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1: the header must name symbol, start and end once each, not nothing"),
        (b"BTC/USD,2026-11-06,2026-11-07\n", "line 1: the header must name symbol, start and end"),
        (b"\nsymbol;start;end\n", "line 2: the header must name .* not symbol;start;end"),
        (b"symbol,start,end,end\n", "once each, not symbol,start,end,end"),
        (b"symbol,start,end\nBTC/USD,\xff,\n", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused_as_a_whole(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        read(tmp_path, content)


def test_a_list_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadInputError, match=r"cannot be read|is no file"):
            read_list(path, NOW_NS, check_symbol)
