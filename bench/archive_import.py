"""How fast an import is against streaming the largest member of the same ZIP straight into DuckDB; memory and disk.

    python bench/archive_import.py [--rows 110000000 --small 1000]

Both ways inflate the ZIP and parse with pyarrow into the same columns; the other one knows no dlt, no ledger, no
refused rows and no resuming. Each runs in a process of its own, in turn.
"""

import argparse
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from big_archive import make
from pyarrow import csv
from ratios import Figure, Run, Runs, median, mib, print_figures, ratio, report, run_process, took

from dlt_pipeline import import_archives


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


def run_way(way: str, archive: Path, folder: Path) -> Run:
    """Run a way in a process of its own, and watch dlt's folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = {"DLT_DATA_DIR": str(folder / "dlt"), "RUNTIME__LOG_LEVEL": "CRITICAL"}
    command = [sys.executable, __file__, "--archive", archive, "--folder", folder, "--way", way]
    return run_process(command, watched=folder / "dlt", **settings)


def measure(folder: Path, is_quick: bool, rows: int = 20_000_000, small: int = 0) -> list[Figure]:
    """Run both ways in turn on an archive of one file of so many rows, and as many small ones of a thousand."""
    rows, rounds = (200_000, 1) if is_quick else (rows, 5)
    archive = make(folder, rows, small)
    (folder / "map.csv").write_text("XBTUSD,BTC/USD\n")
    runs: Runs = {"stream": [], "import": []}
    for _ in range(rounds):
        for way in runs:
            runs[way].append(run_way(way, archive, folder / way))
    report(runs)
    rate = ratio(runs["stream"], runs["import"])
    both = took(runs["stream"], runs["import"])
    size = f"an archive of {rows / 10**6:,.1f} M rows"
    peaks = median(runs["import"])
    return [
        Figure(
            f"{size}: import over streaming it into DuckDB, rate",
            rate,
            "at least 0.5",
            detail=both,
        ),
        mib(f"{size}: peak memory of the import", peaks.peak),
        mib(f"{size}: dlt's folder at its peak", peaks.spilled),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--small", type=int, default=0, help="files of a thousand rows beside the large one")
    for name in ("--archive", "--folder"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=("stream", "import"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        (stream if given.way == "stream" else import_all)(given.archive, given.folder / "target.duckdb")
    else:
        with tempfile.TemporaryDirectory() as place:
            print_figures(measure(Path(place), False, given.rows, given.small))
