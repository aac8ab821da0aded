"""`export`: what stands in the files, what is said of them, and what is left alone."""

import csv
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dlt_pipeline.interchange import export as module
from dlt_pipeline.interchange.export import LIST, export
from tests.conftest import Place, object_in

Command = Callable[..., tuple[int, str]]
CANDLES = "select {} from kraken.candles where symbol = '{}' and timeframe = '{}' and is_closed order by bucket_start"
COLUMNS = "bucket_start, open, high, low, close, base_volume, quote_volume, vwap, trade_count, is_empty"


def test_parquet_and_csv_hold_the_exact_candles_of_built_and_other_timeframes(
    place: Place, command: Command, tmp_path: Path
) -> None:
    for form in ("parquet", "csv"):
        code, text = command(
            *("export", "candles", "BTC/USD", "MANY/USD", "--timeframes", "1m,2h"),
            *("--format", form, "--output", str(tmp_path)),
        )
        assert code == 0, text
    for symbol, name in (("BTC/USD", "BTC_USD"), ("MANY/USD", "MANY_USD")):
        ours = place.query(CANDLES.format(COLUMNS, symbol, "1m"))
        table = pq.read_table(tmp_path / f"{name}-1m.parquet", columns=COLUMNS.split(", "))
        assert [tuple(row.values()) for row in table.to_pylist()] == ours
        with (tmp_path / f"{name}-1m.csv").open() as file:
            rows = list(csv.DictReader(file))
        numbers = ("open", "high", "low", "close", "base_volume", "quote_volume", "vwap")
        texts = [row[column] for row in rows for column in numbers]
        assert all(re.fullmatch(r"|0|(0|[1-9]\d*)(\.\d*[1-9])?", text) for text in texts), (
            "no exponent, no zeros behind"
        )
        read = [[Decimal(row[column]) if row[column] else None for column in numbers] for row in rows]
        assert read == [list(row[1:8]) for row in ours]
        assert [row["bucket_start"] for row in rows] == [f"{row[0]:%Y-%m-%dT%H:%M:%SZ}" for row in ours]
    hours = place.query(CANDLES.format("bucket_start, base_volume", "BTC/USD", "1h"))
    volumes = dict(hours)
    twos = pq.read_table(tmp_path / "BTC_USD-2h.parquet").to_pylist()
    assert len(twos) > 100
    for row in twos:
        parts = [volumes[start] for start in volumes if row["bucket_start"] <= start < row["bucket_end"]]
        assert sum(parts) == row["base_volume"]


def test_trades_are_the_proven_ones_in_order_and_what_is_missing_is_said(
    place: Place, command: Command, tmp_path: Path
) -> None:
    code, text = command("export", "trades", "--format", "parquet", "--output", str(tmp_path), "--json")
    assert code == 0, text
    told = {each["symbol"]: each for each in object_in(text)["files"]}
    assert [gap["reason"] for gap in told["BTC/USD"]["gaps"]] == ["ids_missing"]
    assert "BTC/USD: NOT in it, for it is not proven: 2024-03-0" in text
    assert "(ids_missing)" in text
    rows = pq.read_table(tmp_path / "BTC_USD-trades.parquet").to_pylist()
    ours = place.query(
        "select trade_id, time_ns, price, volume, side from kraken.trades join kraken.coverage using (symbol) "
        "where symbol = 'BTC/USD' and time_ns >= covered_from_ns and time_ns < covered_to_ns order by time_ns, trade_id"
    )
    assert [tuple(row[name] for name in ("trade_id", "time_ns", "price", "volume", "side")) for row in rows] == ours
    assert told["BTC/USD"]["row_count"] == len(ours)
    listed = json.loads((tmp_path / LIST).read_text())
    assert listed["BTC_USD-trades.parquet"]["rows"] == len(ours)
    assert [gap["reason"] for gap in listed["BTC_USD-trades.parquet"]["gaps"]] == ["ids_missing"]
    first, last = "2024-03-01", "2024-03-02T05:00"
    code, text = command(
        *("export", "trades", "BTC/USD", "--format", "csv", "--output", str(tmp_path)),
        *("--start", first, "--end", last),
    )
    assert (code, "Proven without a gap" in text) == (0, True), text
    with (tmp_path / "BTC_USD-trades.csv").open() as file:
        times = [row["traded_at"] for row in csv.DictReader(file)]
    assert times
    assert all("2024-03-01T" <= time < "2024-03-02T05" for time in times)


def test_only_what_an_export_wrote_is_replaced(place: Place, command: Command, tmp_path: Path) -> None:
    arguments = (
        "export",
        "candles",
        "BTC/USD",
        "--timeframes",
        "1h",
        "--format",
        "freqtrade",
        "--output",
        str(tmp_path),
    )
    path = tmp_path / "BTC_USD-1h.feather"
    assert [command(*arguments)[0] for _ in range(2)] == [0, 0]
    whole = path.read_bytes()
    assert command(*arguments, "--end", "2024-03-01T05:00")[0] == 0
    path.write_bytes(whole)
    assert command(*arguments)[0] == 0, "as a kill leaves it that came when the next file was noted and not yet put"
    path.write_bytes(whole + b" ")
    code, text = command(*arguments)
    assert (code, f"{path} is there and is not as an export wrote it; nothing was written." in text) == (2, True), text
    assert command(*arguments, "--overwrite")[0] == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, LIST]), "nothing half-written is left"


def test_two_exports_at_once_leave_a_list_of_both(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = module._listed

    def slowly(folder: Path) -> dict[str, Any]:
        found = listed(folder)
        time.sleep(0.2)
        return found

    monkeypatch.setattr(module, "_listed", slowly)
    with ThreadPoolExecutor() as threads:
        ways = [threads.submit(export, "candles", "csv", tmp_path, "BTC/USD", name) for name in ("1h", "4h")]
        names = [file.path.name for way in ways for file in way.result()]
    assert sorted(listed(tmp_path)) == sorted(names)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*names, LIST])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("candles", "BTC/USDT", "--format", "csv"),
            "No proven candles of BTC/USDT are here; the nearest that there are: BTC",
        ),
        (("candles", "--timeframes", "7m", "--format", "csv"), "No candles of the timeframe 7m can be made"),
        (("candles", "--timeframes", "15d", "--format", "freqtrade"), "freqtrade cannot read candles of 15d"),
        (("trades", "--timeframes", "1m", "--format", "csv"), "Trades have no timeframes"),
        (
            ("candles", "--start", "2024-03-02", "--end", "2024-03-01", "--format", "csv"),
            "does not lie after the start",
        ),
        (("candles", "--timeframes", "1w,1w_monday", "--format", "freqtrade"), "would both be"),
        (("candles", "--format", "xlsx"), "'xlsx' is not one of"),
    ],
)
def test_wrong_input_is_a_sentence_and_makes_no_folder(
    place: Place, command: Command, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    code, text = command("export", *arguments, "--output", str(tmp_path / "out"))
    assert (code, says in text) == (2, True), text
    assert not (tmp_path / "out").exists()
