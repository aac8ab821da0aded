"""The same raw rows for both engines, in two parts: what is loaded first, and what comes later."""

from decimal import Decimal
from pathlib import Path

import duckdb

from dlt_pipeline.archive.raw_tables import ARCHIVE_SCHEMAS
from dlt_pipeline.warehouse.lake import PARTITIONS
from tests.archive import exported
from tests.archive.imported import import_files
from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.random_trades import END, START, SYMBOL, insert_random_trades, trades

LOADED = ("trades", "pages", "id_holes", "rest_candles", "markets", "market_statuses")
TABLES = (*LOADED, *ARCHIVE_SCHEMAS, "_dlt_loads")
REPEATING = "repeating"  # a load that only a lake has, later than all others
LATER = ("rest_equal", "ties", "week_over_new_year")  # golden rules whose symbols come with the second part
LATE_FROM, LATE_TO = raw.ns("2024-03-05 11:17:23.5"), raw.ns("2024-03-08 02:41:09.75")  # a stretch filled in later


def load_first_part(warehouse: Path) -> None:
    """Make a warehouse of the golden rules and the random trades, but for what comes later."""
    with raw.create(warehouse) as connection:
        for folder in sorted((GOLDEN / "green").iterdir()):
            if folder.name not in LATER:
                raw.insert_rule(connection, folder)
        insert_random_trades(connection)
        _hold_back_the_late_stretch(connection)
        _add_loads(connection, "archives")
        # the archive has what is loaded later, and ends within a day
        known = exported.cut(_random_tape(), to_ns=LATE_TO)
        files = exported.trades_file("RANDOM", known) | exported.candle_files("RANDOM", known, [60])
        import_files(connection, warehouse.parent / "archives", files, SYMBOL, "archives")


def load_second_part(warehouse: Path) -> None:
    """Add the other golden rules, and the stretch of days between those of the first part, as a load of its own."""
    with duckdb.connect(str(warehouse)) as connection:
        _add_loads(connection, "later", "later_archives")
        for name in LATER:
            raw.insert_rule(connection, GOLDEN / "green" / name)
            for table in LOADED:
                connection.execute(f"update kraken_raw.{table} set _dlt_load_id = 'later' where symbol = ?", [name])
        connection.execute("insert into kraken_raw.trades select * from held_back.trades")
        connection.execute("insert into kraken_raw.pages select * from held_back.pages")
        whole = _random_tape()
        for files in (
            exported.trades_file("RANDOM", exported.cut(whole, to_ns=LATE_TO + 3 * 86_400 * 10**9)),
            exported.trades_with_ids_file("RANDOM", whole[-200:]),
            exported.candle_files("RANDOM", whole, [1, 60]),
        ):
            import_files(connection, warehouse.parent / "archives", files, SYMBOL, "later_archives")


def export_lake(warehouse: Path, lake: Path) -> None:
    """Write the raw tables as loads leave them in a lake.

    All trades once more with other prices, as of a load that was cut off and of one that brought what was there.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for table in TABLES:
            rows = f"from kraken_raw.{table}" + (" where status = 0" if table == "_dlt_loads" else "")
            write_table(connection, lake, table, rows, "rows")
        for load_id in ("cut_off", REPEATING):
            replaced = f"select * replace (price * 2 as price, '{load_id}' as _dlt_load_id) from kraken_raw.trades"
            write_table(connection, lake, "trades", replaced, load_id)
        repeating = f"select '{REPEATING}' as load_id, * exclude (load_id) from kraken_raw._dlt_loads limit 1"
        write_table(connection, lake, "_dlt_loads", repeating, REPEATING)


def write_table(connection: duckdb.DuckDBPyConnection, lake: Path, table: str, rows: str, file: str) -> None:
    """Write what a query finds as files of that name into a raw table of the lake, one for each partition."""
    folder = lake / "kraken_raw" / table
    folder.mkdir(parents=True, exist_ok=True)
    place, options = folder / f"{file}.parquet", "format parquet"
    if table == "_dlt_loads":
        place, options = folder / f"kraken__{file}.jsonl", "format json"
        rows = f"select * replace (strftime(inserted_at, '%Y-%m-%dT%H:%M:%S+00:00') as inserted_at) from ({rows})"
    elif columns := PARTITIONS.get(table):
        parted = f"partition_by ({', '.join(columns)})"
        place, options = folder, f"format parquet, {parted}, overwrite_or_ignore, filename_pattern '{file}_{{i}}'"
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"copy ({rows}) to '{place}' ({options})")


def _add_loads(connection: duckdb.DuckDBPyConnection, *load_ids: str) -> None:
    for load_id in load_ids:
        kind = "archive" if load_id.endswith("archives") else "kraken"
        connection.execute("insert into kraken_raw._dlt_loads values (?, ?, 0, now(), '')", [load_id, kind])


def _random_tape() -> list[exported.Traded]:
    return [
        exported.Traded(
            row["time_ns"],
            f"{Decimal(row['price']).scaleb(-4):f}",
            f"{Decimal(row['volume']).scaleb(-8):f}",
            trade_id=row["trade_id"],
        )
        for row in trades()
    ]


def _hold_back_the_late_stretch(connection: duckdb.DuckDBPyConnection) -> None:
    """Cut the random trades' one page into three; the middle one and its trades wait in schema held_back."""
    connection.execute("delete from kraken_raw.pages where symbol = ?", [SYMBOL])
    for start, end, load in [(START, LATE_FROM, "complete"), (LATE_FROM, LATE_TO, "later"), (LATE_TO, END, "complete")]:
        of_stretch = f"symbol = '{SYMBOL}' and time_ns >= {start} and time_ns < {end}"
        connection.execute(f"update kraken_raw.trades set _dlt_load_id = '{load}' where {of_stretch}")
        bounds = "min(trade_id), max(trade_id), min(time_ns), max(time_ns)"
        found = connection.execute(f"select {bounds} from kraken_raw.trades where {of_stretch}").fetchone() or ()
        names = ("first_trade_id", "last_trade_id", "first_time_ns", "last_time_ns")
        page = {"symbol": SYMBOL, "since": start, "covered_from_ns": start, "covered_to_ns": end}
        page |= {"asked_at": raw.timestamp(0), "_dlt_load_id": load}
        raw.insert(connection, "pages", [{**page, **dict(zip(names, found, strict=True))}])
    connection.execute("create schema held_back")
    for table in ("trades", "pages"):
        late = f"from kraken_raw.{table} where _dlt_load_id = 'later'"
        connection.execute(f"create table held_back.{table} as select * {late}")
        connection.execute(f"delete {late}")
