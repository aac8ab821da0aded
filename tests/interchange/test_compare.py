"""`compare`: what was exported is equal, and what was spoilt in a file is found, with its count and amount."""

import csv
import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

import dlt_pipeline
from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import utc_of_ns
from tests.conftest import Place, small_disk
from tests.pages import fenced, page

Command = Callable[..., tuple[int, str]]
FORMATS = ("freqtrade", "freqtrade-json", "freqtrade-jsongz", "csv", "parquet")
Rows = list[dict[str, Any]]


@pytest.fixture
def exported(place: Place, command: Command, tmp_path: Path) -> Callable[..., Path]:
    def export(what: str, form: str, *arguments: str) -> Path:
        folder = tmp_path / form
        code, text = command("export", what, "--format", form, "--output", str(folder), *arguments)
        assert code == 0, text
        return folder

    return export


@pytest.fixture
def compared(command: Command) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    def compare(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
        code, text = command("compare", *map(str, arguments), "--json")
        return code, json.loads(text)["files"]

    return compare


def counts(file: dict[str, Any]) -> dict[str, int]:
    """All counts that are not 0, but for those of what was looked at."""
    names = ("equal", "as_floats", "tolerated", "restamped", "differing", "missing", "surplus", "doubled")
    return {name: file[name] for name in (*names, "not_comparable") if file[name]}


def spoilt(path: Path, change: Callable[[Rows], Rows]) -> None:
    """Write a Parquet or feather file anew with other rows."""
    table = pq.read_table(path) if path.suffix == ".parquet" else feather.read_table(path)
    changed = pa.Table.from_pylist(change(table.to_pylist()), table.schema)
    pq.write_table(changed, path) if path.suffix == ".parquet" else feather.write_feather(changed, path)


@pytest.mark.parametrize("form", FORMATS)
def test_all_that_is_exported_is_equal(
    exported: Callable[..., Path], compared: Callable[..., tuple[int, Rows]], form: str
) -> None:
    exported("candles", form, "--timeframes", "1m,1h,2h,1w")
    code, files = compared(exported("trades", form))
    assert code == 0
    kinds = [(file["symbol"], file["timeframe"]) for file in files]
    assert {("BTC/USD", "2h"), ("BTC/USD", None), ("OLD/EUR", "1m"), ("OLD/EUR", None), ("MANY/USD", None)} <= set(
        kinds
    )
    for file in files:
        assert file["rows"] == file["compared"] > 0, file
        assert set(counts(file)) <= {"equal", "as_floats"}, file
        assert file["as_floats"] == 0 or form.startswith("freqtrade")


def test_spoilt_trades_are_counted_and_listed(
    exported: Callable[..., Path],
    compared: Callable[..., tuple[int, Rows]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dlt_pipeline.interchange.compare.TRADES_AT_ONCE", 100)
    path = exported("trades", "freqtrade", "BTC/USD") / "BTC_USD-trades.feather"
    whole: Rows = []

    def change(rows: Rows) -> Rows:
        whole[:] = rows
        doubled, price = rows[500], {**rows[900], "price": rows[900]["price"] + 0.0001}
        late = {**rows[1400], "timestamp": rows[-1]["timestamp"] + 10**9}
        return [*rows[:300], *rows[301:900], price, *rows[901:], doubled, doubled, late]

    spoilt(path, change)
    listed = tmp_path / "differences.csv"
    code, (file,) = compared(path, "--output", listed)
    assert (code, counts(file)) == (
        1,
        {"equal": len(whole) - 2, "missing": 2, "surplus": 1, "doubled": 2, "not_comparable": 1},
    )
    with listed.open() as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["status"], row["difference"]) for row in rows] == [
        ("missing", "-1"),
        ("doubled", "2"),
        ("missing", "-1"),
        ("surplus", "1"),
    ]
    assert float(rows[0]["price"]) == whole[300]["price"]
    assert compared(path, "--output", listed)[0] == 1, "one of ours is replaced"


def test_spoilt_candles_are_found_to_the_last_digit_and_a_tolerance_counts_what_it_takes(
    exported: Callable[..., Path], compared: Callable[..., tuple[int, Rows]], tmp_path: Path
) -> None:
    path = exported("candles", "parquet", "BTC/USD", "--timeframes", "1h") / "BTC_USD-1h.parquet"
    traded: list[int] = []

    def change(rows: Rows) -> Rows:
        traded[:] = [place for place, row in enumerate(rows) if not row["is_empty"]]
        empty = next(place for place, row in enumerate(rows) if row["is_empty"] and place > 5)
        digit = pa.scalar("0.000000000001").cast(pa.decimal128(38, 12)).as_py()
        rows[traded[3]]["close"] += digit
        rows[traded[5]]["base_volume"] = round(rows[traded[5]]["base_volume"], 3)
        rows[traded[7]]["trade_count"] += 1
        return [row for place, row in enumerate(rows) if place not in (traded[9], empty)] + [rows[traded[11]]]

    spoilt(path, change)
    differences = tmp_path / "differences.parquet"
    code, (file,) = compared(path, "--output", differences)
    left_out = counts(file)
    assert (code, {name: left_out[name] for name in left_out if name != "equal"}) == (
        1,
        {"differing": 3, "missing": 1, "doubled": 1},
    )
    assert file["left_out"] == 1
    fields = {each["name"]: each for each in file["fields"]}
    assert (fields["close"]["count"], fields["close"]["largest"]) == (1, "0.000000000001")
    assert (fields["trade_count"]["count"], fields["trade_count"]["largest"]) == (1, "1")
    assert fields["volume"]["count"] == 1
    assert len(pq.read_table(differences)) == 5
    code, (file,) = compared(path, "--tolerance", "0.01")
    assert counts(file)["tolerated"] >= 1
    assert file["differing"] < 3


def test_files_of_ccxt_and_kraken_with_and_without_a_header(
    place: Place, compared: Callable[..., tuple[int, Rows]], tmp_path: Path
) -> None:
    query = (
        "select epoch(bucket_start)::bigint, open::double, high::double, low::double, close::double, "
        "base_volume::double, trade_count from kraken.candles where symbol = 'BTC/USD' and timeframe = '1h' "
        "and is_closed and trade_count > 0 order by 1"
    )
    rows = place.query(query)
    ccxt = [(row[0] * 1000, *row[1:6]) for row in rows]
    header = "timestamp,open,high,low,close,volume\n"
    texts = {
        "XBTUSD_60.csv": "".join(",".join(map(str, row)) + "\n" for row in rows),
        "BTC_USD-1h.csv": header + "".join(",".join(map(str, row)) + "\n" for row in ccxt),
        "hourly.csv": "".join(";".join(map(str, row)) + "\r\n" for row in ccxt),
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode())
        given = ("--symbol", "btc/usd", "--timeframe", "60m") if name == "hourly.csv" else ()
        code, (file,) = compared(tmp_path / name, *given)
        assert (code, file["compared"], file["timeframe"] in ("1h", "60m")) == (0, len(rows), True), file
    trades = place.query(
        "select time_ns, price::double, volume from kraken.trades where symbol = 'OLD/EUR' order by 1, 2"
    )
    stamped = [(f"{time // 10**9}", price, volume) for time, price, volume in trades]
    (tmp_path / "OLDEUR.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in stamped[1:]))
    code, (file,) = compared(tmp_path / "OLDEUR.csv")
    assert (code, counts(file)) == (1, {"equal": len(trades) - 1, "missing": 1})


def test_a_part_of_a_history_is_equal_and_what_it_does_not_reach_is_counted(
    place: Place, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Python; the candles lie in a tree as `publish` writes it, with files of other states hidden in it."""
    (whole,) = dlt_pipeline.export("candles", "parquet", tmp_path, "BTC/USD", "1h")
    rows = pq.read_table(whole.path)
    held = rows.to_pylist()
    traded = [place for place, row in enumerate(held) if not row["is_empty"]]
    first, middle, last = traded[3], traded[20], traded[-3]
    tree = tmp_path / "candles" / "source=trades" / "symbol=BTC-USD" / "timeframe=1h"
    for folder, start, end in (("year=2023", first, middle), ("year=2024", middle, last + 1)):
        (tree / folder).mkdir(parents=True)
        pq.write_table(rows.slice(start, end - start), tree / folder / "candles.parquet")
    shutil.copytree(tree, tmp_path / "candles" / ".versions" / "symbol=BTC-USD" / "timeframe=1h")
    found = dlt_pipeline.compare(tmp_path / "candles")
    (file,) = found.files
    assert (found.is_equal, file.rows, file.equal) == (True, last + 1 - first, last + 1 - first)
    assert file.name == "source=trades/symbol=BTC-USD/timeframe=1h"
    for beyond, left in ((file.before, traded[:3]), (file.after, traded[-2:])):
        ends = [held[place]["bucket_start"] for place in (left[0], left[-1])]
        assert (beyond.count, beyond.first_at, beyond.last_at) == (len(left), *ends)
    (one,) = dlt_pipeline.compare(tree / "year=2023" / "candles.parquet").files
    assert (one.timeframe, one.rows, one.is_equal) == ("1h", middle - first, True)

    dlt_pipeline.export("trades", "csv", tmp_path, "BTC/USD", start="2024-03-01", end="2024-03-02")
    code, text = command("compare", str(tmp_path / "BTC_USD-trades.csv"))
    ((first_ns, count),) = place.query(
        "select min(time_ns), count(*) from kraken.trades join kraken.coverage using (symbol) where symbol = 'BTC/USD' "
        "and traded_on >= date '2024-03-02' and time_ns >= covered_from_ns and time_ns < covered_to_ns"
    )
    told = f"{count:,} after its last ({utc_of_ns(first_ns):%Y-%m-%d %H:%M:%S} to "
    assert (code, told in text) == (0, True), text
    monkeypatch.chdir(tmp_path)
    (lines,) = [lines for of, lines in fenced(page("other-formats.md")) if of == "python"]
    scope: dict[str, Any] = {}
    exec(lines.replace("2026-11-07", "2024-03-02"), scope)
    assert scope["found"].is_equal
    assert all(one.before.count and not one.after.count for one in scope["found"].files)
    with pytest.raises(BadInputError, match="candle as csv cannot be exported"):
        dlt_pipeline.export("candle", "csv", tmp_path)  # type: ignore[arg-type]


@small_disk
def test_a_full_disk_is_said_with_what_could_not_be_written(exported: Callable[..., Path], tmp_path: Path) -> None:
    """Of an export also where nothing but its list finds no room: else the next one would not know its own file."""
    path = exported("candles", "csv", "BTC/USD", "--timeframes", "1m") / "BTC_USD-1m.csv"
    header, *lines = (line.split(",") for line in path.read_text().splitlines())
    place = header.index("base_volume")
    path.write_text("\n".join(",".join([*line[:place], "1", *line[place + 1 :]]) for line in lines))
    path.write_text(f"{','.join(header)}\n{path.read_text()}\n")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = f"{sys.executable} -m dlt_pipeline compare {path}"
    hours = exported("candles", "csv", "BTC/USD", "--timeframes", "1h") / "BTC_USD-1h.csv"
    export = f"{sys.executable} -m dlt_pipeline export candles BTC/USD --timeframes 1h --format csv --output {disk}"
    script = f"""
        mount -t tmpfs -o size=4k tmpfs {disk}
        {command} --output {disk}/all.csv; echo "first: $?"
        {command} --page {disk}/page.html; echo "second: $?"
        mount -o remount,size={-(-hours.stat().st_size // 4096) * 4}k {disk}
        {export}; echo "third: $?"
        ls -A {disk}
        mount -o remount,size=1m {disk}
        {export} >&2; echo "fourth: $?"
    """
    done = subprocess.run(["unshare", "-rm", "bash", "-c", script], capture_output=True, text=True)
    for name in ("all.csv", "page.html"):
        assert f"No space is left to write {disk}/{name}; nothing of it was written." in done.stderr, done.stderr
    assert f"No space is left to write into {disk}; files that were finished stay." in done.stderr
    assert done.stdout == "first: 1\nsecond: 1\nthird: 1\nfourth: 0\n", done.stderr


def test_hostile_names_are_text_on_the_page_and_on_the_terminal(
    exported: Callable[..., Path], command: Command, tmp_path: Path
) -> None:
    path = exported("candles", "parquet", "BTC/USD", "--timeframes", "1h") / "BTC_USD-1h.parquet"
    spoilt(path, lambda rows: [{**row, "close": row["high"]} for row in rows])
    hostile = path.rename(tmp_path / "<script>alert(1)<'script>[red]\x1b[31m*?.parquet")
    page = tmp_path / "page.html"
    arguments = ("--symbol", "BTC/USD", "--timeframe", "1h", "--page", str(page))
    code, text = command("compare", str(hostile), *arguments)
    assert code == 1
    assert "[red]?[31m" in text
    assert "\x1b" not in text
    shown = page.read_text()
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert command("compare", str(hostile), *arguments)[0] == 1, "a page of ours is replaced"
    page.write_text("mine")
    code, text = command("compare", str(hostile), *arguments)
    assert (code, "is none that compare wrote" in text, page.read_text()) == (2, True, "mine")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("BTC_USD-1h.csv", b"", "is empty; understood are freqtrade's files"),
        ("BTC_USD-1h.feather", b"none of these", "cannot be read"),
        ("BTC_USD-1h.parquet", b"PAR1 none", "cannot be read"),
        ("BTC_USD-1h.json", b"[]", "holds no rows"),
        ("BTC_USD-1h.json", b'{"a": 1}', "holds no list of rows"),
        ("BTC_USD-1h.json", b"[[1,2,3]]", "holds rows of 3 values"),
        ("BTC_USD-1h.json.gz", gzip.compress(b"[[1,2,3,4,5,6],[1,", mtime=0)[:-4], "cannot be read"),
        ("BTC_USD-1h.csv", b"a,b,c\n1,2,3\n", "has the columns a, b, c, of no candle and no trade"),
        ("BTC_USD-1h.csv", b"1,2\n", "has 2 fields in its first line"),
        ("BTC_USD-1h.csv", b"1709251200,1,1,1,x,1\n", "a row that cannot be read: time 1709251200"),
        ("BTC_USD-1h.csv", b"1709251200,1,1,1,1,1\n1709254800,1,1,nothing,1,1\n", "a row that cannot be read"),
        ("BTC_USD-1h.csv", b"timestamp,price,amount\n1709251200,1,1\n", "holds trades, not candles of 1h"),
        ("BTC_USD-trades.csv", b"1709251200,1,1,1,1,1\n", "holds candles, and its name does not say"),
        ("ETH_USD-1h.csv", b"1709251200,1,1,1,1,1\n", "its name tells no symbol of those here (BTC/USD"),
        ("notes.txt", b"text", "of a format that is not understood"),
        ("gone.csv", None, "There is no file"),
    ],
)
def test_a_file_that_is_none_is_named_in_a_sentence(
    place: Place, command: Command, tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    given = ("--symbol", "BTC/USD") if name == "notes.txt" else ()
    code, text = command("compare", str(path), *given)
    assert (code, says in text, str(path) in text) == (2, True, True), text
