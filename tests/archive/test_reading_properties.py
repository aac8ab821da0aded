"""Whatever stands in a file, however cut: every good row once, every bad one refused, no claim without proof."""

import datetime
import hashlib
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.archive.exported import QUARTER_HEADER, seconds_text
from tests.archive.reader import Brought, Plan, begun_by, brought, member_of, read, total

EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - as the tables hold UTC
SECOND = 10**9
DAY = 86_400 * SECOND
START = 1_704_067_100 * SECOND  # 100 s before a day's end
MINUTE = 60 * SECOND
NAMES = {"trades": "XBTUSD.csv", "trades_with_ids": "XBTUSD.csv", "candles": "XBTUSD_1.csv"}
BROKEN = [
    "x",
    "1,2",
    "1704067100,abc,1",
    "1704067100,1,-1",
    "1704067100,0,1",
    "1704067100000,1,1",
    "1,1,1704067100,b,l,,abc",
    "1,1,1704067100,q,l,,5",
    "1704067160,5,4,3,5,1,1",
    "1704067101,5,5,5,5,1,1",
    "\x00",
    "1704067100,1,1,1",
    '"',
]


class Row(NamedTuple):
    """A line of the file: a good row with its values, or one whose time_ns is None: broken, or blank."""

    text: str
    time_ns: int | None = None
    price: str = ""
    volume: str = ""
    trade_id: int = 0


@dataclass
class File:
    """A made-up file and how to read it."""

    format: str
    rows: list[Row]
    content: bytes
    plan: Plan

    @property
    def numbered(self) -> list[tuple[int, int, Row]]:
        """Row number, line and row of all that is not blank."""
        first_line = 2 if self.format == "trades_with_ids" else 1
        lines = [(line, row) for line, row in enumerate(self.rows, first_line) if row.text.strip()]
        return [(number, line, row) for number, (line, row) in enumerate(lines, 1)]

    def is_wanted(self, row: Row) -> bool:
        start, end = self.plan.bounds
        assert row.time_ns is not None
        return (start is None or row.time_ns >= start) and (end is None or row.time_ns < end)


@st.composite
def files(draw: st.DrawFn, formats: Sequence[str] = tuple(NAMES)) -> File:
    """Return files with ascending times, broken and blank lines, bounds, and blocks of a few lines."""
    format_ = draw(st.sampled_from(formats))
    grain = {"trades": SECOND, "trades_with_ids": 100_000_000, "candles": MINUTE}[format_]
    kinds = draw(st.lists(st.sampled_from(["good"] * 6 + ["broken", "blank"]), max_size=30))
    time_ns, trade_id = START // MINUTE * MINUTE, 5
    rows: list[Row] = []
    for kind in kinds:
        if kind != "good":
            rows.append(Row(draw(st.sampled_from(BROKEN if kind == "broken" else ["", " ", "\t"]))))
            continue
        steps = [1, 1, 2, 70] if format_ == "candles" else [0, 0, 0, 1, 3, 70]
        time_ns += draw(st.sampled_from(steps)) * grain
        price = draw(st.sampled_from(["1", "30000.5", "0.000000000001", "99999.12345"]))
        volume = draw(st.sampled_from(["0", "0.00000001", "12.5", "1234567.123456789012"]))
        has_id = draw(st.sampled_from([True, True, True, False]))
        if has_id:
            trade_id += draw(st.sampled_from([1, 1, 1, 4]))
        seconds = seconds_text(time_ns)
        text = {
            "trades": f"{seconds},{price},{volume}",
            "trades_with_ids": f"{price},{volume},{seconds},b,m, x,{trade_id if has_id else ''}",
            "candles": f"{seconds},{price},{price},{price},{price},{volume},3",
        }[format_]
        volume = f"{Decimal(volume):.8f}" if format_ == "candles" else volume
        rows.append(Row(text, time_ns, price, volume, trade_id if has_id and format_ == "trades_with_ids" else 0))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = [*([QUARTER_HEADER] if format_ == "trades_with_ids" else []), *(row.text for row in rows)]
    text = end.join(lines) + (end if draw(st.booleans()) else "")
    content = (b"\xef\xbb\xbf" if draw(st.booleans()) else b"") + text.encode()
    good = [row.time_ns for row in rows if row.time_ns is not None]
    bound = st.none() | st.sampled_from([time + grain * step for time in good for step in (-1, 0, 1)] or [None])
    bounds = draw(bound), draw(bound)
    block_bytes = draw(st.integers(5, 400) | st.just(1 << 20))
    timeframe = "1m" if format_ == "candles" else None
    whole_days = draw(st.booleans()) and format_ == "trades"
    return File(format_, rows, content, Plan(format_, timeframe, bounds, whole_days, block_bytes))


def read_file(file: File, plan: Plan | None = None) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAMES[file.format]
        path.write_bytes(file.content)
        return read(member_of(path), plan or file.plan)


@given(files())
def test_every_good_row_comes_once_and_in_order(file: File) -> None:
    found = brought(read_file(file), file.format)
    good = [(number, row) for number, _, row in file.numbered if row.time_ns is not None and file.is_wanted(row)]
    assert values(file.format, found) == [
        (row.time_ns, Decimal(row.price), Decimal(row.volume), row.trade_id) for _, row in good
    ]
    broken = [(number, line, row.text.strip()) for number, line, row in file.numbered if row.time_ns is None]
    assert [(row["row_number"], row["line_number"], row["line"].strip()) for row in found.refused] == [
        (number, line, text.replace("\0", "\N{REPLACEMENT CHARACTER}")) for number, line, text in broken
    ]
    numbers = [number for number, _ in good]
    assert [number for part in found.parts for number in range(part["first_row"], part["last_row"] + 1)] == numbers
    if file.format != "trades_with_ids":
        assert [row["row_number"] for row in found.rows] == numbers
        part_of = {n: part["part_id"] for part in found.parts for n in range(part["first_row"], part["last_row"] + 1)}
        assert [row["part_id"] for row in found.rows] == [part_of[number] for number in numbers]
    check_parts(found, dict(good))
    check_file(file, found, [row for _, row in good])


def values(format_: str, found: Brought) -> list[tuple[Any, ...]]:
    if format_ == "candles":
        return [
            (int((row["bucket_start"] - EPOCH).total_seconds()) * SECOND, row["close"], row["base_volume"], 0)
            for row in found.rows
        ]
    return [(row["time_ns"], row["price"], row["volume"], row.get("trade_id", 0)) for row in found.rows]


def check_parts(found: Brought, good: dict[int, Row]) -> None:
    for part in found.parts:
        rows = [good[number] for number in range(part["first_row"], part["last_row"] + 1)]
        times = [row.time_ns for row in rows]
        ids = [row.trade_id for row in rows if row.trade_id]
        assert part["row_count"] == len(rows)
        assert part["base_volume"] == total(row.volume for row in rows)
        assert (part["first_time_ns"], part["last_time_ns"]) == (min(times), max(times))
        assert (part["first_trade_id"], part["last_trade_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
        assert part["idless_count"] == (0 if part["format"] == "candles" else len(rows) - len(ids))


def check_file(file: File, found: Brought, good: list[Row]) -> None:
    (row,) = found.files
    all_good = [one for _, _, one in file.numbered if one.time_ns is not None]
    assert row["content_hash"] == hashlib.sha256(file.content).hexdigest()
    assert row["row_count"] == len(good)
    assert row["refused_count"] == len(file.numbered) - len(all_good)
    assert row["left_out_count"] == len(all_good) - len(good)
    assert row["base_volume"] == total(one.volume for one in good)
    assert (row["first_time_ns"], row["last_time_ns"]) == (
        (good[0].time_ns, good[-1].time_ns) if good else (None, None)
    )
    assert row["is_ascending"]
    if not good:
        assert (row["covered_from_ns"], row["covered_to_ns"]) == (0, 0)


@given(files())
def test_what_is_claimed_is_exactly_what_is_proven(file: File) -> None:
    found = brought(read_file(file), file.format)
    assert merged(claims(found)) == merged(proven(file))


def claims(found: Brought) -> list[tuple[int, int]]:
    """Return what the parts claim, the last one up to where the file does, as the models read it."""
    parts = [(part["covered_from_ns"], part["covered_to_ns"]) for part in found.parts]
    if parts:
        parts[-1] = parts[-1][0], found.files[0]["covered_to_ns"]
    return parts


def proven(file: File) -> Iterator[tuple[int, int]]:
    """Yield what the file holds everything of: from row to row, but for where a refused one may belong."""
    grain = {"trades": SECOND, "trades_with_ids": 1, "candles": MINUTE}[file.format]
    rows = [row for _, _, row in file.numbered]
    accepted = [row.time_ns for row in rows if row.time_ns is not None]
    kept = [row.time_ns for row in rows if row.time_ns is not None and file.is_wanted(row)]
    if not kept:
        return
    start, end = accepted[0] // grain * grain, accepted[-1] // grain * grain + grain
    if file.plan.is_whole_days:
        start, end = start // DAY * DAY, (accepted[-1] // DAY + 1) * DAY
    wanted_from, wanted_to = file.plan.bounds
    if wanted_from is not None and accepted[0] < wanted_from:
        start = wanted_from if file.format != "candles" else kept[0]
    if wanted_to is not None and accepted[-1] >= wanted_to:
        end = wanted_to
    holes = []
    for place, row in enumerate(rows):
        if row.time_ns is None:
            before = [one.time_ns for one in rows[:place] if one.time_ns is not None]
            behind = [one.time_ns for one in rows[place:] if one.time_ns is not None]
            if file.format == "candles":  # buckets ascend: the refused one lies between its neighbours
                holes.append((before[-1] + grain if before else 0, behind[0] if behind else 2**62))
            else:
                a, b = (before[-1] if before else 0), (behind[0] if behind else 2**62)
                holes.append((a // grain * grain, b // grain * grain + grain))
    at = start
    for hole_start, hole_end in sorted(holes):
        yield at, min(hole_start, end)
        at = max(at, hole_end)
    yield at, end


def merged(spans: Any) -> list[tuple[int, int]]:
    found: list[list[int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return [(start, end) for start, end in found]


@given(files(), st.integers(5, 400))
def test_read_on_from_any_commit_is_as_if_never_stopped(file: File, other_bytes: int) -> None:
    taken = read_file(file)
    whole = brought(taken, file.format)
    for count, block_bytes in itertools.product(range(len(taken)), (file.plan.block_bytes, other_bytes)):
        committed = brought(taken[:count], file.format)
        begun = begun_by(committed)
        plan = Plan(**{**file.plan.__dict__, "begun": begun, "block_bytes": block_bytes})
        rest = brought(read_file(file, plan), file.format)
        if begun is None:
            committed.refused = []  # an insert-only merge keeps one of each
        again = {row["row_number"] for row in rest.refused}
        refused = [row for row in committed.refused if row["row_number"] not in again] + rest.refused
        joined = Brought(committed.rows + rest.rows, committed.parts + rest.parts, refused, rest.files)
        assert plain(joined.files) == plain(whole.files)
        assert [row["row_number"] for row in joined.refused] == [row["row_number"] for row in whole.refused]
        assert plain(joined.rows) == plain(whole.rows)
        assert merged(claims(joined)) == merged(claims(whole))
        if block_bytes == file.plan.block_bytes:
            assert plain(joined.parts) == plain(whole.parts)


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what differs from time to time."""
    return [
        {name: value for name, value in row.items() if name not in ("part_id", "taken_at", "imported_at", "archive")}
        for row in rows
    ]
