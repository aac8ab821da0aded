"""The same raw rows for both engines, in two parts: what is loaded first, and what comes later."""

from decimal import Decimal
from pathlib import Path

import duckdb

from dlt_pipeline.archive.raw_tables import ARCHIVE_SCHEMAS
from tests.archive import exported
from tests.archive.imported import import_files
from tests.dbt_project import raw
from tests.dbt_project.conftest import GOLDEN
from tests.dbt_project.random_trades import END, START, SYMBOL, insert_random_trades, trades

LOADED = ("trades", "pages", "id_holes", "rest_candles", "markets", "market_statuses")
TABLES = (*LOADED, *ARCHIVE_SCHEMAS, "_dlt_loads")
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


def export_raw(warehouse: Path, folder: Path) -> None:
    """Write each raw table as Parquet; UTC timestamps as instants, which Spark reads as TIMESTAMP."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for table in TABLES:
            described = connection.execute(f"describe kraken_raw.{table}").fetchall()
            columns = [
                f"{name}::timestamptz as {name}" if kind == "TIMESTAMP" else name for name, kind, *_ in described
            ]
            (folder / table).mkdir(parents=True, exist_ok=True)
            path = folder / table / "rows.parquet"
            connection.execute(
                f"copy (select {', '.join(columns)} from kraken_raw.{table}) to '{path}' (format parquet)"
            )


def _add_loads(connection: duckdb.DuckDBPyConnection, *load_ids: str) -> None:
    for load_id in load_ids:
        connection.execute("insert into kraken_raw._dlt_loads values (?, 'kraken', 0, now(), '')", [load_id])


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
