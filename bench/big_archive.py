"""Makes a ZIP as large as Kraken's time and sales: one file of many rows, and many small ones.

    python bench/big_archive.py FOLDER [--rows 130000000] [--small 1000]

Prints the path. Rows are `seconds,price,volume` of a price that wanders, about 28,000 a day.
"""

import argparse
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Final

import duckdb

_FIRST_SECOND: Final = 1_381_095_255  # 2013-10-06, where Kraken's history begins
_ROWS_AT_ONCE: Final = 5_000_000
_SMALL_ROWS: Final = 1_000


def make(folder: Path, rows: int, small: int) -> Path:
    """Write `history.zip` with XBTUSD.csv of so many rows and so many files of a thousand rows; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "history.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("TimeAndSales_Combined/XBTUSD.csv", "w", force_zip64=True) as member:
            for first in range(0, rows, _ROWS_AT_ONCE):
                member.write(_rows(first, min(rows, first + _ROWS_AT_ONCE)))
        for number in range(small):
            archive.writestr(f"TimeAndSales_Combined/{_altname(number)}.csv", _rows(number, number + _SMALL_ROWS))
    return path


def _rows(first: int, last: int) -> bytes:
    """Return the rows [first, last) of a tape: several in a second, equal ones among them."""
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
        target = f"{scratch}/rows.csv"
        connection.execute(
            f"""
            copy (
                select
                    {_FIRST_SECOND} + row * 3 + (hash(row) % 3)::bigint - (row % 4) * 3 as second,
                    (20000 + 9000 * sin(row / 3e6) + (hash(row + 1) % 4000) / 10.0)::decimal(18, 5) as price,
                    ((hash(row + 2) % 300000000) / 1e8 + 0.00000001)::decimal(18, 8) as volume
                from range({first}, {last}) as made(row)
                order by second
            ) to '{target}' (header false)
            """
        )
        return Path(target).read_bytes()


def _altname(number: int) -> str:
    letters = "".join(chr(ord("A") + number // 26**place % 26) for place in range(3))
    return f"X{letters}USD"


def main() -> None:
    """Make the archive and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=130_000_000)
    parser.add_argument("--small", type=int, default=1_000)
    given = parser.parse_args()
    began = time.monotonic()
    path = make(given.folder, given.rows, given.small)
    print(f"{path}: {path.stat().st_size:,} bytes in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
