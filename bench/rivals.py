"""The whole build, its models and its candle query, beside what people make candles with instead, on the same trades.

    python bench/rivals.py --trades 10000000 --rounds 5

Wants Python 3.11 and the packages of the extra `bench`. Rivals run through their own public code: freqtrade's
`convert_trades_to_ohlcv` (its 8 timeframes, feather to feather), pandas' `resample` (1m alone), ccxt's `build_ohlcvc`
(1m alone, of a tenth of the trades) and polars' `group_by_dynamic` (our nine timeframes, Parquet to Parquet).
Each way is a process of its own, from its start to its end; the trades are invented from a seed and lie ready in the
format that each reads.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
from filled_warehouse import LEAST_TRADES, FilledWarehouse
from ratios import Figure, Run, Runs, command, compare, median, mib, print_figures, ratio, report, run_process, took

_ROOT = Path(__file__).parents[1]
_SIZES = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "4h": 14400,
    "1d": 86400,
    "1w": 604800,
    "15d": 1296000,
}
_PAIR = "S00/USD"
_TRADES = "kraken_raw.trades"
_STAGED = "model.kraken_candles.stg_trades"


def fill(folder: Path, trades: int, days: int) -> None:
    """Write the trades as a warehouse of raw tables, and as a Parquet file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "raw.duckdb").unlink(missing_ok=True)
    warehouse = FilledWarehouse(folder / "raw.duckdb", 1, trades // days)
    warehouse.add_days(days)
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        connection.execute(
            f"copy (select time_ns, price::double as price, volume::double as volume from {_TRADES}) "
            f"to '{folder / 'trades.parquet'}' (compression zstd)"
        )


def write_freqtrade(folder: Path) -> None:
    from freqtrade.data.history import get_datahandler  # noqa: PLC0415 - it takes seconds, in one process alone
    from freqtrade.enums import TradingMode  # noqa: PLC0415

    with duckdb.connect(str(folder / "raw.duckdb"), read_only=True) as connection:
        frame = connection.execute(
            "select time_ns // 1000000 as timestamp, trade_id::varchar as id, 'limit' as type, side, "
            f"price::double as price, volume::double as amount, (price * volume)::double as cost from {_TRADES}"
        ).df()
    get_datahandler(folder, data_format="feather").trades_store(_PAIR, frame, TradingMode.SPOT)


def freqtrade_candles(folder: Path) -> None:
    from freqtrade.configuration import TimeRange  # noqa: PLC0415
    from freqtrade.data.converter import convert_trades_to_ohlcv  # noqa: PLC0415
    from freqtrade.enums import CandleType  # noqa: PLC0415

    timeframes = [name for name in _SIZES if name != "15d"]
    convert_trades_to_ohlcv(
        pairs=[_PAIR],
        timeframes=timeframes,
        datadir=folder,
        timerange=TimeRange(),
        erase=True,
        data_format_ohlcv="feather",
        data_format_trades="feather",
        candle_type=CandleType.SPOT,
    )
    assert len(list(folder.glob("S00_USD-*[mhdw].feather"))) == len(timeframes)


def pandas_candles(folder: Path) -> None:
    import pandas as pd  # noqa: PLC0415

    trades = pd.read_parquet(folder / "trades.parquet")
    trades.index = pd.to_datetime(trades.pop("time_ns"), unit="ns", utc=True)
    minutes = trades["price"].resample("1min").ohlc()
    minutes["volume"] = trades["volume"].resample("1min").sum()
    minutes.to_parquet(folder / "pandas.parquet")


def polars_candles(folder: Path) -> None:
    import polars as pl  # noqa: PLC0415

    # the quickest of four ways that were tried: lazy or not, by group_by or by group_by_dynamic
    time = pl.from_epoch("time_ns", time_unit="ns").alias("time")
    trades = pl.read_parquet(folder / "trades.parquet").with_columns(time).set_sorted("time")
    price = pl.col("price")
    for name, size in _SIZES.items():
        candles = trades.group_by_dynamic("time", every=f"{size}s").agg(
            price.first().alias("open"),
            price.max().alias("high"),
            price.min().alias("low"),
            price.last().alias("close"),
            pl.col("volume").sum(),
            pl.len().alias("trade_count"),
        )
        candles.write_parquet(folder / f"polars_{name}.parquet")


def ccxt_candles(folder: Path) -> None:
    import ccxt  # noqa: PLC0415

    with duckdb.connect() as connection:
        rows = connection.execute(
            "select time_ns // 1000000 as timestamp, price, volume as amount "
            f"from '{folder / 'trades.parquet'}' where file_row_number % 10 = 0"
        ).fetchall()
    trades = [dict(zip(("timestamp", "price", "amount"), row, strict=True)) for row in rows]
    candles = ccxt.kraken().build_ohlcvc(trades, "1m")
    (folder / "ccxt.json").write_text(json.dumps(candles))


def candle_query(folder: Path, rounds: int) -> Runs:
    """Compare the candle query with a bare scan and with one pass in numba over sorted integers in memory."""
    import numba  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    connection = duckdb.connect(str(folder / "raw.duckdb"), read_only=True)
    connection.execute("set threads = 2")
    columns = connection.execute(
        "select time_ns, (price * 100)::bigint as price, (volume * 100000)::bigint as volume, side = 'buy' as bought "
        f"from {_TRADES}"
    ).fetchnumpy()
    arrays = [np.ascontiguousarray(columns[name]) for name in ("time_ns", "price", "volume", "bought")]

    @numba.njit
    def loop(time_ns, price, volume, bought, candles, size_ns):
        row, bucket = -1, -1
        for i in range(len(time_ns)):
            of = time_ns[i] // size_ns
            if of != bucket:
                row, bucket = row + 1, of
                candles[row, 0], candles[row, 1], candles[row, 2], candles[row, 3] = of, price[i], price[i], price[i]
            candles[row, 2] = max(candles[row, 2], price[i])
            candles[row, 3] = min(candles[row, 3], price[i])
            candles[row, 4] = price[i]
            candles[row, 5] += volume[i]
            candles[row, 6] += price[i] * volume[i]
            if bought[i]:
                candles[row, 7] += volume[i]
                candles[row, 8] += price[i] * volume[i]
                candles[row, 9] += 1
            candles[row, 10] += 1
        return row + 1

    minutes = int((arrays[0][-1] - arrays[0][0]) // (60 * 10**9) + 2)

    def numba_loop() -> int:
        return loop(*arrays, np.zeros((minutes, 11), dtype=np.int64), 60 * 10**9)

    query = (folder / "query.sql").read_text()
    return compare(
        {
            "scan": lambda: connection.execute(
                # sums, for the largest and smallest are known without a scan
                "select sum(time_ns), sum(trade_id), sum(price), sum(volume), count(nullif(side, 'buy')), "
                f"sum(place), sum(after_trade_id) from {_TRADES}"
            ).fetchall(),
            "numba": numba_loop,
            "candle query": lambda: connection.execute(f"create or replace temp table made as {query}").fetchall(),
        },
        rounds,
    )


_RIVALS = {"freqtrade": freqtrade_candles, "pandas": pandas_candles, "polars": polars_candles, "ccxt": ccxt_candles}
_SAID = {"pandas": "pandas, 1m alone", "ccxt": "ccxt, 1m of a tenth of the trades"}
_WAYS = {**_RIVALS, "write_freqtrade": write_freqtrade}


def run_way(name: str, folder: Path) -> Run:
    return run_process([sys.executable, __file__, "--way", name, "--folder", folder])


def whole_build(folder: Path, **environment: str) -> Run:
    """Build a copy of the raw warehouse by the whole command.

    Of builds before only dbt's parsed project is left, which the first build of a folder makes.
    """
    place = folder / "build"
    shutil.rmtree(place / "exports", ignore_errors=True)
    (place / "published.duckdb").unlink(missing_ok=True)
    place.mkdir(exist_ok=True)
    shutil.copyfile(folder / "raw.duckdb", place / "warehouse.duckdb")
    return run_process(
        command("build"), cwd=place, KRAKEN_CANDLES_WAREHOUSE=str(place / "warehouse.duckdb"), **environment
    )


def told_build(folder: Path) -> tuple[Run, Run]:
    """Build likewise, with the files in which dbt tells of each node; return that and the models that read trades.

    A node at a time: of two side by side each would be charged with what the other takes.
    """
    run, place = whole_build(folder, DBT_WRITE_JSON="true", KRAKEN_CANDLES_THREADS="1"), folder / "build"
    nodes = json.loads((place / "target" / "manifest.json").read_text())["nodes"]
    readers = {name for name, node in nodes.items() if _STAGED in node.get("depends_on", {}).get("nodes", ())}
    results = json.loads((place / "target" / "run_results.json").read_text())["results"]
    return run, Run(sum(result["execution_time"] for result in results if result["unique_id"] in readers))


def write_query(folder: Path) -> None:
    """Write the query by which a full refresh makes the finest candles of the raw trades."""
    columns = "symbol, 0 as piece_from_ns, time_ns, trade_id, price, volume, side"
    trades = f"(select {columns}, ' ~ kraken_candles.trade_order() ~ ' as trade_order from {_TRADES}) as trades"
    inline = f"{{{{ kraken_candles.candles_of_trades('{trades}', kraken_candles.timeframe_plan()[0]) }}}}"
    dbt = [Path(sys.executable).with_name("dbt"), "--quiet", "compile", "--inline", inline]
    places = ["--project-dir", _ROOT / "dbt_project", "--profiles-dir", _ROOT, "--target-path", folder / "target"]
    environment = {**os.environ, "KRAKEN_CANDLES_WAREHOUSE": ":memory:"}
    done = subprocess.run(
        [*map(str, dbt), *map(str, places)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    (folder / "query.sql").write_text(done.stdout)


def measure(folder: Path, trades: int, rounds: int) -> list[Figure]:
    """Run all ways in turn, as many rounds, and return what they took; of many trades those that go the whole way."""
    is_large = trades >= 50_000_000
    rivals = ("freqtrade", "polars") if is_large else tuple(_RIVALS)
    size = f"{trades / 10**6:,.0f} M trades"
    print(f"{size} of one pair, 100 days, {rounds} rounds", flush=True)
    fill(folder, trades, days=100)
    write_query(folder)
    run_way("write_freqtrade", folder)
    whole_build(folder)
    runs: Runs = {name: [] for name in ("build", "models", *rivals)}
    for _ in range(rounds):
        runs["build"].append(whole_build(folder))
        runs["models"].append(told_build(folder)[1])
        for name in rivals:
            runs[name].append(run_way(name, folder))
    report(runs)
    queries = candle_query(folder, rounds)

    def figure(what: str, of: list[Run], by: list[Run], bound: str = "") -> Figure:
        return Figure(f"{size}: {what}", ratio(of, by), bound, detail=took(of, by))

    whole, readers = runs["build"], runs["models"]
    return [
        figure(
            "freqtrade, 8 timeframes, over our whole build",
            runs["freqtrade"],
            whole,
            f"at least {4 if is_large else 1.5}",
        ),
        *(figure(f"{_SAID[name]}, over our whole build", runs[name], whole) for name in _SAID if name in runs),
        figure(
            "our models that read trades over polars, nine timeframes",
            readers,
            runs["polars"],
            f"at most {1 if is_large else 1.5}",
        ),
        figure(
            "our candle query over a bare scan of the columns", queries["candle query"], queries["scan"], "at most 3"
        ),
        figure(
            "our candle query over one pass in numba, in memory", queries["candle query"], queries["numba"], "at most 1"
        ),
        mib(f"{size}: peak memory of our whole build", median(whole).peak),
        mib(f"{size}: peak memory of freqtrade", median(runs["freqtrade"]).peak),
        mib(f"{size}: peak memory of polars", median(runs["polars"]).peak),
    ]


def measure_thin(folder: Path, symbols: int, trades: int, rounds: int) -> list[Figure]:
    """Build a day of many symbols and of one with as many trades, in turn."""
    names = (f"{symbols:,} symbols", "one symbol")
    for name, count in zip(names, (symbols, 1), strict=True):
        (folder / name).mkdir()
        FilledWarehouse(folder / name / "raw.duckdb", count, trades).add_days(1)
    runs: dict[str, list[tuple[Run, Run]]] = {name: [] for name in names}
    for name in names:
        whole_build(folder / name)
    for _ in range(rounds):
        for name in names:
            runs[name].append(told_build(folder / name))
    whole, readers = ([[run[part] for run in runs[name]] for name in names] for part in (0, 1))
    with duckdb.connect(str(folder / names[0] / "build" / "warehouse.duckdb")) as connection:
        copy = "create or replace table bench.copied as from kraken_internal.day_candles"
        copied = compare({"copy": lambda: connection.execute(copy).fetchall()}, rounds)["copy"]
    what = f"a day of {trades / 10**6:,.0f} M trades in {symbols:,} symbols over one"
    return [
        Figure(f"{what}: our models that read trades", ratio(*readers), "at most 1.5", detail=took(*readers)),
        Figure(
            f"{what}: copying what candles the many have, over the models of the one",
            ratio(copied, readers[1]),
            detail=took(copied, readers[1]),
        ),
        Figure(f"{what}: our whole build, of as many times the candles", ratio(*whole), detail=took(*whole)),
        mib(f"{what}: peak memory of our whole build", median(whole[0]).peak),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trades", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to work; by default a temporary one")
    parser.add_argument("--way", choices=_WAYS, help="run this way alone, once, in the folder")
    chosen = parser.parse_args()
    if chosen.way:
        _WAYS[chosen.way](chosen.folder)
    elif chosen.trades < 100 * LEAST_TRADES:
        parser.error(f"at least {100 * LEAST_TRADES} trades are needed")
    else:
        with tempfile.TemporaryDirectory() as place:
            print_figures(measure(chosen.folder or Path(place), chosen.trades, chosen.rounds))
