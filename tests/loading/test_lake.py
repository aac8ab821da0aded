"""Loads into a folder of Parquet: as into a warehouse, for one writer or several, whatever ends them."""

import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlt_pipeline import kraken_source
from dlt_pipeline.common import SCHEMA_VERSION
from dlt_pipeline.common.exceptions import BadInputError, WarehouseTooNewError, WrongWarehouseError
from dlt_pipeline.exchange import Clock, LocalExchange, SyntheticFeed
from dlt_pipeline.kraken.load import LoadReport, load
from dlt_pipeline.warehouse.lake import lake_at
from tests.conftest import Place, object_in
from tests.loading.quick import NOW, NOW_NS, START, START_NS
from tests.truth import expected_trades

SYMBOLS = ("BTC/USD", "MINA/GBP")


def lake_load(lake: Path, *symbols: str, **options: Any) -> LoadReport:
    return load(symbols or SYMBOLS, START, options.pop("end", None), timeframes=["1h"], lake=lake, **options)


def files(lake: Path, pattern: str = "**/*.parquet") -> set[Path]:
    return set((lake / "kraken_raw").glob(pattern))


def counted_trades(lake: Path, symbol: str) -> list[Any]:
    """What a reader of the files counts: a version of each key, of complete loads."""
    folder = lake / "kraken_raw"
    with duckdb.connect() as connection:
        return connection.execute(
            "select distinct trade_id, time_ns, price, volume, side, order_type, misc from "
            f"read_parquet('{folder}/trades/**/*.parquet', hive_types = {{'symbol': varchar, 'traded_on': date}}) "
            "where symbol = ? and traded_on = make_timestamp(time_ns // 1000)::date and _dlt_load_id in ("
            f"select load_id from read_json('{folder}/_dlt_loads/*.jsonl', columns = {{'load_id': 'varchar'}})"
            ") order by time_ns, trade_id",
            [symbol],
        ).fetchall()


def test_a_lake_is_loaded_like_a_warehouse_and_goes_on_from_its_own_ledger(
    exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path
) -> None:
    lake = tmp_path / "a lake"
    lake_load(lake, "BTC/USD", end="2026-11-07")
    shutil.rmtree(tmp_path / "dlt")  # as from another machine
    report = lake_load(lake)
    for symbol in SYMBOLS:
        assert counted_trades(lake, symbol) == expected_trades(feed, symbol, NOW_NS, START_NS)
    assert files(lake, "trades/symbol=BTC%2FUSD/traded_on=2026-11-06/*.parquet")
    assert report.trades["BTC/USD"] < len(expected_trades(feed, "BTC/USD", NOW_NS, START_NS)), "the rest alone"
    before = files(lake, "trades/symbol=*USD/**/*.parquet")
    assert not any(lake_load(lake).trades.values())
    assert files(lake, "trades/symbol=*USD/**/*.parquet") == before
    everything = files(lake, "**/*")
    load(SYMBOLS, START, "2026-11-08", timeframes=(), lake=lake)
    assert files(lake, "**/*") == everything, "bounds that are loaded take no step"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.long)])
def test_writers_side_by_side_killed_again_and_again_end_in_the_truth(
    serve: Callable[..., LocalExchange], place: Place, chance: random.Random, kills: int
) -> None:
    feed = SyntheticFeed(11, Clock(NOW), days=2, trades_per_day=5.0)
    exchange = serve(feed, Clock(NOW))
    symbols, lake = ("BTC/USD", "BONK/USD"), place.folder / "lake"
    small = {"SOURCES__KRAKEN__CHUNK_PAGES": "2", "SOURCES__KRAKEN__SECONDS_PER_CALL": "0.02", "PYTHONUNBUFFERED": "1"}
    arguments = ("--start", "2026-11-06", "--timeframes", "1h", "--destination", "lake")

    def begun(**settings: str) -> list[subprocess.Popen[bytes]]:
        environment = place.environment(KRAKEN_CANDLES_LAKE=str(lake), **settings)
        commands = [place.command("load", symbol, *arguments) for symbol in symbols]
        return [
            subprocess.Popen(each, cwd=place.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for each in commands
        ]

    survived = []
    for number in range(kills):
        for process in begun(**small):
            assert process.stdout is not None
            for _ in range((4, 1)[number % 2]):
                process.stdout.readline()
            time.sleep(chance.uniform(0, 1))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        assert all(pq.read_metadata(file) for file in files(lake)), "no reader sees half of a file"
        survived.append(len(counted_trades(lake, "BTC/USD")))
    assert survived == sorted(survived)
    assert survived[-1] > 0, "the kills met a load that had begun to commit"
    for symbol, process in zip(symbols, begun(), strict=True):
        said = process.communicate()[0].decode()
        assert process.returncode == 0, said
        assert "ids complete" in said
        truth = expected_trades(feed, symbol, exchange.clock.now_ns(), START_NS)
        assert counted_trades(lake, symbol) == truth
    print(f"BTC/USD trades after each kill: {survived}")


def test_what_a_load_that_was_cut_off_left_behind_counts_for_nothing(
    exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path
) -> None:
    lake_load(tmp_path / "lake", "BTC/USD", end="2026-11-07")
    (of_load,) = files(tmp_path / "lake", "_dlt_loads/*.jsonl")
    of_load.unlink()
    report = lake_load(tmp_path / "lake", "BTC/USD", end="2026-11-07")
    truth = expected_trades(feed, "BTC/USD", NOW_NS, START_NS, START_NS + 86_400 * 10**9)
    assert report.trades["BTC/USD"] >= len(truth), "asked for anew"
    assert counted_trades(tmp_path / "lake", "BTC/USD")[: len(truth)] == truth


def test_the_source_goes_on_in_anybodys_folder(exchange: LocalExchange, feed: SyntheticFeed, tmp_path: Path) -> None:
    folder = dlt.destinations.filesystem(f"file://{tmp_path}/mine")
    pipeline = dlt.pipeline("mine", destination=folder, dataset_name="raw")
    for _ in range(2):
        pipeline.run(kraken_source(["BTC/USD"], START, timeframes=["1h"]))
    times = duckdb.sql(f"select time_ns from '{tmp_path}/mine/raw/trades/*.parquet' order by all").fetchall()
    assert [time_ns for (time_ns,) in times] == [row[1] for row in expected_trades(feed, "BTC/USD", NOW_NS, START_NS)]
    pipeline.run(kraken_source(["MINA/GBP"], START, timeframes=[]), loader_file_format="jsonl")
    with pytest.raises(Exception, match="is not Parquet, so it cannot be looked up what is loaded there"):
        pipeline.run(kraken_source(["MINA/GBP"], START, timeframes=[]))


def test_a_lake_that_another_program_or_exchange_filled_is_refused(
    exchange: LocalExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    lake_load(lake, "MINA/GBP")
    calls = len(exchange.calls)
    with monkeypatch.context() as other:
        other.setenv("SOURCES__KRAKEN__BASE_URL", "https://api.kraken.com")
        with pytest.raises(
            WrongWarehouseError, match=f"The lake {lake} holds trades of a local .* KRAKEN_CANDLES_LAKE"
        ):
            lake_load(lake, "MINA/GBP")
    (versions,) = files(lake, "warehouse_versions/*.parquet")
    table = pq.read_table(versions)
    pq.write_table(table.set_column(0, "schema_version", pa.array([SCHEMA_VERSION + 1])), versions)
    with pytest.raises(WarehouseTooNewError, match=f"The lake {lake} has raw tables of version {SCHEMA_VERSION + 1}"):
        lake_load(lake, "MINA/GBP")
    assert len(exchange.calls) == calls


@pytest.mark.parametrize(
    ("lake", "said"),
    [
        ("s3://bucket/lake", "The lake s3://bucket/lake needs a package of dlt's extra: pip install 'dlt[s3]'."),
        ("ftp://host/lake", "KRAKEN_CANDLES_LAKE is a folder, or begins with s3://, gs:// or az://."),
        ("{folder}/file", "file is a file; set KRAKEN_CANDLES_LAKE to a folder."),
        (
            "{folder}/a[b]",
            "a[b] has [ ] in its name, which dlt and DuckDB take for a pattern; set KRAKEN_CANDLES_LAKE to",
        ),
        ("/proc/nowhere", "The lake /proc/nowhere cannot be written to ("),
    ],
)
def test_a_lake_that_cannot_be_is_said_in_a_sentence(
    exchange: LocalExchange,
    command: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lake: str,
    said: str,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KRAKEN_CANDLES_LAKE", lake.format(folder=tmp_path))
    code, text = command("load", "BTC/USD", "--start", START, "--destination", "lake")
    assert code in (1, 2)
    assert said in text
    assert not any(call.path == "OHLC" for call in exchange.calls)


def test_a_load_goes_into_one_place_that_there_is(command: Callable[..., Any], tmp_path: Path) -> None:
    code, text = command("load", "BTC/USD", "--start", START, "--destination", "lakes")
    assert (code, text) == (2, "Error: --destination is 'lakes'; it is warehouse or lake.")
    with pytest.raises(BadInputError, match="into a warehouse or into a lake"):
        load(["BTC/USD"], START, warehouse=tmp_path / "warehouse.duckdb", lake=tmp_path / "lake")


def test_compacting_leaves_what_others_wrote_and_names_what_it_cannot_do(
    exchange: LocalExchange, tmp_path: Path, command: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layout of dlt's own has several symbols in a file, whose ids are the same numbers."""
    lake = tmp_path / "lake"
    monkeypatch.setenv("KRAKEN_CANDLES_LAKE", str(lake))
    assert command("compact") == (
        1,
        f"Error: There is no lake at {lake}; load first with --destination lake, or set KRAKEN_CANDLES_LAKE.",
    )
    pipeline = dlt.pipeline("own", destination=dlt.destinations.filesystem(str(lake)), dataset_name="kraken_raw")
    for end in ("2026-11-06 12:00", "2026-11-07"):
        pipeline.run(kraken_source(SYMBOLS, start=START, end=end), loader_file_format="parquet")
    before = files(lake)
    assert len([path for path in before if path.parent.name == "trades"]) > 1
    assert command("compact")[0] == 0
    assert files(lake) == before
    in_the_way = lake / "kraken_raw" / "a.parquet"
    in_the_way.mkdir()
    with pytest.raises(IsADirectoryError):
        lake_at(lake)._client().put_whole(min(before), str(in_the_way))
    assert not list(lake.rglob(".a.parquet.*")), "nothing is left of what could not be put"


def test_compacting_leaves_one_file_a_day_and_every_row_that_counts(
    exchange: LocalExchange,
    feed: SyntheticFeed,
    tmp_path: Path,
    command: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lake = tmp_path / "lake"
    monkeypatch.setenv("KRAKEN_CANDLES_LAKE", str(lake))
    for end in ("2026-11-06 12:00", "2026-11-07", None):
        lake_load(lake, end=end)
    (cut_off,) = sorted((lake / "kraken_raw" / "_dlt_loads").glob("*.jsonl"))[-1:]
    line = cut_off.read_text()
    cut_off.unlink()
    assert command("compact")[0] == 0
    cut_off.write_text(line)  # it ended only now
    for symbol in SYMBOLS:
        assert counted_trades(lake, symbol) == expected_trades(feed, symbol, NOW_NS, START_NS)
    kept = {path: path.read_bytes() for path in files(lake, "trades/**/*.parquet")}
    assert command("compact")[0] == 0
    for symbol in SYMBOLS:
        assert counted_trades(lake, symbol) == expected_trades(feed, symbol, NOW_NS, START_NS)
    assert max(Counter(path.parent for path in files(lake, "trades/**/symbol=*/**/*.parquet")).values()) == 1
    anew = [pq.ParquetFile(path).metadata.row_group(0) for path in files(lake, "pages/**/compacted-*.parquet")]
    columns = [group.column(number) for group in anew for number in range(group.num_columns)]
    assert {each.encodings for each in columns if each.path_in_schema == "since"} == {("DELTA_BINARY_PACKED",)}
    for path, content in kept.items():  # as a kill before the old files went would have left them
        path.write_bytes(content)
    assert lake_load(lake).trades == dict.fromkeys(SYMBOLS, 0)
    assert command("compact")[0] == 0
    text = command("compact", "--json")[1]
    assert "no day and no ledger is in several files" in text
    assert object_in(text) == {"lake": str(lake), "replaced_count": 0, "made_count": 0}
    for symbol in SYMBOLS:
        assert counted_trades(lake, symbol) == expected_trades(feed, symbol, NOW_NS, START_NS)
