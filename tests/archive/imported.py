"""Files put into hand-made raw tables by the reader itself, as a complete import leaves them; dlt is left out."""

from itertools import count
from pathlib import Path

import duckdb
import pyarrow as pa

from dlt_pipeline.archive.members import Member, find_members
from dlt_pipeline.archive.reader import Reading, look, read_parts
from dlt_pipeline.archive.work import load_import_settings
from tests.archive.exported import write_folder

_numbers = count(1)


def import_files(
    connection: duckdb.DuckDBPyConnection, folder: Path, files: dict[str, str], symbol: str, load: str
) -> None:
    """Write the files below the folder and take them into `kraken_raw`, in their order, with the id of a load."""
    for name, text in files.items():
        number = next(_numbers)
        (member,) = find_members([write_folder(folder / str(number), {name: text})], load_import_settings())
        assert isinstance(member, Member)
        plan = Reading(symbol, *look(member), number, (None, None), False, None, lambda: next(_numbers))
        for taken in read_parts(member, plan):
            for table, rows in taken.tables.items():
                _insert(connection, table, rows, load)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, load: str) -> None:
    columns = [row[0] for row in connection.execute(f"describe kraken_raw.{table}").fetchall()]
    connection.register("arriving", rows)
    for name, kind, *_ in connection.execute("describe arriving").fetchall():
        if name not in columns:  # as a load does with a column that an older version did not know
            connection.execute(f"alter table kraken_raw.{table} add column {name} {kind}")
    new = "anti join kraken_raw.trades using (symbol, trade_id, idless_time_ns, place)" if table == "trades" else ""
    loaded = f", '{load}' as _dlt_load_id" if "_dlt_load_id" in columns else ""
    connection.execute(f"insert into kraken_raw.{table} by name select *{loaded} from arriving {new}")
    connection.unregister("arriving")
