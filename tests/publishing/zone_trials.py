"""What readers get in the session's zone, printed as JSON: `python zone_trials.py FOLDER`, with TZ set.

Each trial is asked of naive UTC times, as published, and of the same files with a zone. It comes out `right`, `shifted`
(another answer, without a word), `refused` by the reader's library, or `guarded`: refused by our views in a sentence.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl

FOLDER = Path(sys.argv[1])
TREE = FOLDER / "exports/candles/source=trades/symbol=BTC-USD/timeframe=1m"
MOMENT = pd.Timestamp("2025-12-31 23:30:30")  # of the candle that opens at 90.1
FRAMES = {"aware": pd.DataFrame({"at": [MOMENT.tz_localize("UTC")]}), "naive": pd.DataFrame({"at": [MOMENT]})}
QUERIES = {
    "literal": ("select count(*) from {} where bucket_start >= '2026-01-01'", 60),
    "date": ("select count(*) from {} where bucket_start::date = '2026-01-01'", 60),
    "aware as-of": ("select open from aware asof left join {} as c on aware.at >= c.bucket_start", 90.1),
    "naive as-of": ("select open from naive asof left join {} as c on naive.at >= c.bucket_start", 90.1),
    "aware bound": ("select count(*) from {} where bucket_start < timestamptz '2026-01-01 00:00+00'", 120),
    "merge": ("select count(*) from {} as c join read_parquet('{tree}/**/*.parquet') as t using (bucket_start)", 180),
}


def outcome(ask: Callable[[], Any], truth: Any) -> str:
    try:
        return "right" if ask() == truth else "shifted"
    except (duckdb.Error, pd.errors.MergeError, pl.exceptions.PolarsError, TypeError, ValueError) as error:
        return "guarded" if "SET TimeZone = 'UTC'" in str(error) else "refused"


def in_duckdb(relation: str, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    for name, frame in FRAMES.items():
        connection.register(name, frame)

    def ask(query: str) -> Any:
        ((value,),) = connection.execute(query.format(relation, tree=TREE)).fetchall()
        return value

    return {name: outcome(lambda query=query: ask(query), truth) for name, (query, truth) in QUERIES.items()}


def in_pandas(candles: pd.DataFrame) -> dict[str, str]:
    def ask(frame: pd.DataFrame) -> Any:
        candle = pd.merge_asof(frame, candles.sort_values("bucket_start"), left_on="at", right_on="bucket_start")
        return candle["open"].item()

    def as_unit(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(at=frame["at"].dt.as_unit("us"))

    return {f"{name} as-of": outcome(lambda frame=frame: ask(as_unit(frame)), 90.1) for name, frame in FRAMES.items()}


def in_polars(candles: pl.DataFrame) -> dict[str, str]:
    def ask(frame: pl.DataFrame) -> Any:
        joined = frame.join_asof(candles.sort("bucket_start"), left_on="at", right_on="bucket_start")
        return joined["open"].item()

    in_us = pl.col("at").dt.cast_time_unit("us")
    frames = {name: pl.from_pandas(frame).with_columns(in_us) for name, frame in FRAMES.items()}
    return {f"{name} as-of": outcome(lambda frame=frame: ask(frame), 90.1) for name, frame in frames.items()}


def trials() -> dict[str, dict[str, str]]:
    files = f"read_parquet('{TREE}/**/*.parquet')"
    aware = f"(select * replace (to_timestamp(epoch(bucket_start)) as bucket_start) from {files})"
    view = "(from candles where symbol = 'BTC/USD' and timeframe = '1m')"
    found = {}
    with duckdb.connect() as connection:
        found["DuckDB, files"] = in_duckdb(files, connection)
        found["DuckDB, files with a zone"] = in_duckdb(aware, connection)
    with duckdb.connect(str(FOLDER / "published.duckdb"), read_only=True) as connection:
        found["DuckDB, published"] = in_duckdb(view, connection)
        connection.execute("set TimeZone = 'UTC'")
        found["DuckDB, published, after SET"] = in_duckdb(view, connection)
        frame = connection.execute(f"from {view}").df()
    tree = pd.read_parquet(TREE)
    zoned = tree.assign(bucket_start=tree["bucket_start"].dt.tz_localize("UTC"))
    found["pandas"] = in_pandas(tree)
    found["pandas"]["merge"] = outcome(lambda: len(tree.merge(frame, on="bucket_start")), 180)
    found["pandas with a zone"] = in_pandas(zoned)
    found["polars"] = in_polars(pl.read_parquet(TREE, hive_partitioning=False))
    found["polars with a zone"] = in_polars(pl.from_pandas(zoned[["bucket_start", "open"]]))
    return found


if __name__ == "__main__":
    print(json.dumps(trials()))
