"""How fast an import is against streaming the largest member of the same ZIP straight into DuckDB; memory and disk.

    python bench/archive_import.py ZIP FOLDER      (a ZIP as bench/big_archive.py makes it; FOLDER is made anew)

Both ways inflate the ZIP and parse with pyarrow into the same columns; the other one knows no dlt, no ledger, no
refused rows and no resuming. Each runs in a process of its own, one right after the other.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from dlt_pipeline import import_archives
from dlt_pipeline.archive.members import find_members
from dlt_pipeline.archive.settings import load_import_settings

_MB: Final = 1_000_000


def stream(archive: Path, target: Path) -> int:
    """Stream the largest member into a table of the columns of archive_trades; return its rows."""
    decimal = pa.decimal128(38, 12)
    count = 0
    with zipfile.ZipFile(archive) as opened, duckdb.connect(str(target)) as connection:
        largest = max(opened.infolist(), key=lambda info: info.file_size)
        with opened.open(largest) as member:
            batches = csv.open_csv(
                member,
                read_options=csv.ReadOptions(column_names=["second", "price", "volume"], block_size=4 << 20),
                convert_options=csv.ConvertOptions(
                    column_types={"second": pa.int64(), "price": decimal, "volume": decimal}
                ),
            )
            for batch in batches:
                rows = batch.num_rows
                made = pa.table(  # noqa: F841 - DuckDB reads it by its name
                    {
                        "symbol": pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), ["BTC/USD"]),
                        "edition_id": np.full(rows, 1),
                        "part_id": np.full(rows, 1),
                        "row_number": np.arange(count + 1, count + rows + 1),
                        "time_ns": pc.multiply(batch["second"], 10**9),
                        "traded_on": pc.divide(batch["second"], 86_400).cast(pa.int32()).cast(pa.date32()),
                        "price": batch["price"],
                        "volume": batch["volume"],
                    }
                )
                begin = "insert into streamed" if count else "create table streamed as"
                connection.execute(f"{begin} select * from made")
                count += rows
        connection.execute("checkpoint")
    return count


def import_all(archive: Path, target: Path) -> int:
    """Import all members as the command does; return the rows."""
    return import_archives(archive, symbol_map=archive.parent / "map.csv", warehouse=target).rows


def watched(way: str, archive: Path, folder: Path) -> dict[str, Any]:
    """Run a way in a process of its own; return rows, seconds, peak memory of its tree and peak disk, in bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = {**os.environ, "DLT_DATA_DIR": str(folder / "dlt"), "RUNTIME__LOG_LEVEL": "CRITICAL"}
    peaks = {"memory": 0, "dlt": 0}
    is_over = threading.Event()
    command = [sys.executable, __file__, str(archive), str(folder), "--way", way]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    def watch() -> None:
        while not is_over.wait(0.2):
            try:
                tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                peaks["memory"] = max(peaks["memory"], sum(one.memory_info().rss for one in tree))
            except psutil.Error:
                pass
            peaks["dlt"] = max(peaks["dlt"], _size(folder / "dlt"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = process.communicate()[0]
    is_over.set()
    watcher.join()
    return {**json.loads(said.splitlines()[-1]), **peaks, "warehouse": (folder / "target.duckdb").stat().st_size}


def _size(folder: Path) -> int:
    """Return the bytes of a folder's files, those with several names once; files may vanish meanwhile."""
    sizes = {}
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found = (Path(place) / name).stat()
                sizes[found.st_ino] = found.st_size
    return sum(sizes.values())


def main() -> None:
    """Run both ways and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--way", choices=("stream", "import"))
    given = parser.parse_args()
    if given.way:
        began = time.monotonic()
        run = stream if given.way == "stream" else import_all
        rows = run(given.archive, given.folder / "target.duckdb")
        cpu = time.process_time()
        print(json.dumps({"rows": rows, "seconds": time.monotonic() - began, "cpu": cpu}))
        return
    (given.archive.parent / "map.csv").write_text("XBTUSD,BTC/USD\n")
    began = time.monotonic()
    members = find_members([given.archive], load_import_settings())
    print(f"listing {len(members):,} members: {time.monotonic() - began:.2f} s")
    rates = {}
    for way in ("stream", "import"):
        found = watched(way, given.archive, given.folder / way)
        rates[way] = found["rows"] / found["seconds"]
        print(
            f"{way:7} {found['rows']:,} rows in {found['seconds']:.0f} s ({found['cpu']:.0f} s of CPU), "
            f"{rates[way]:,.0f} rows/s; peak memory "
            f"{found['memory'] / _MB:,.0f} MB, warehouse {found['warehouse'] / _MB:,.0f} MB, dlt's folder "
            f"{found['dlt'] / _MB:,.0f} MB at its peak"
        )
    print(f"import reaches {rates['import'] / rates['stream']:.2f} of the rate of streaming")


if __name__ == "__main__":
    main()
