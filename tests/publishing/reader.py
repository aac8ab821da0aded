"""A reader in a process of its own: opens what is published again and again, until it is told to stop.

`python -m tests.publishing.reader FOLDER STOP [any]` prints JSON: how often it looked, the states it saw, and what was
wrong. A state is whole if both timeframes have the same volume, in each source, and the tree has every file once; with
`any`, the candles are not made by hand, and it is whole if it does not change within a session.
"""

import json
import sys
from pathlib import Path

import duckdb
import pyarrow.dataset as ds

PUBLISHED = """
    with every as (from candles union all from kraken.rest_candles)
    select source, symbol, timeframe, round(sum(base_volume), 3) as volume, count(*) as buckets from every group by all
"""


def look_at_database(path: Path) -> str:
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(PUBLISHED).fetchall()
        again = connection.execute(PUBLISHED).fetchall()
    assert sorted(rows) == sorted(again), "two states in one session"
    assert len(rows) == 8, rows
    assert {(timeframe, buckets) for _, _, timeframe, _, buckets in rows} == {("1m", 180), ("1h", 3)}, rows
    volumes = {(source, symbol, volume) for source, symbol, _, volume, _ in rows}
    assert len(volumes) == 4, f"the timeframes are of two states: {rows}"
    return str(sorted(volumes))


def look_at_tree(tree: Path) -> None:
    files = ds.dataset(tree, partitioning="hive")
    assert len(files.files) == 16, files.files
    assert files.to_table().num_rows == 2 * 2 * 183


def look_at_any(folder: Path) -> str:
    query = "select timeframe, count(*), sum(hash(columns(*))) from candles group by all order by all"
    with duckdb.connect(str(folder / "published.duckdb"), read_only=True) as connection:
        rows = connection.execute(query).fetchall()
        assert rows == connection.execute(query).fetchall(), "two states in one session"
    ds.dataset(folder / "exports" / "candles", partitioning="hive").to_table()
    return str(rows)


def main(folder: str, stop: str, what: str = "made") -> None:
    looked, states, wrong = 0, set(), []
    while not Path(stop).exists():
        try:
            if what == "any":
                states.add(look_at_any(Path(folder)))
            else:
                states.add(look_at_database(Path(folder) / "published.duckdb"))
                look_at_tree(Path(folder) / "exports" / "candles")
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is what is looked for
            wrong.append(f"{type(error).__name__}: {error}")
        looked += 1
    print(json.dumps({"looked": looked, "states": len(states), "wrong": wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
