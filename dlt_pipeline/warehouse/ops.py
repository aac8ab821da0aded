"""`kraken_ops`: the tables that commands write beside what is loaded and built; rows are only ever added."""

from typing import Final

import duckdb

SCHEMA: Final = "kraken_ops"
JOB_EVENTS: Final = f"{SCHEMA}.job_events"
REMOVED_DAYS: Final = f"{SCHEMA}.removed_days"
REPAIR_ATTEMPTS: Final = f"{SCHEMA}.repair_attempts"
STREAMED_STRETCHES: Final = f"{SCHEMA}.streamed_stretches"

COLUMNS: Final[dict[str, dict[str, str]]] = {
    JOB_EVENTS: {
        "event_id": "bigint",
        "job_id": "bigint",
        "job_type": "varchar",
        "symbol": "varchar",
        "start_ns": "bigint",
        "end_ns": "bigint",
        "options": "varchar",
        "status": "varchar",
        "phase": "varchar",
        "attempt": "bigint",
        "is_cancel_requested": "boolean",
        "estimated_trades": "bigint",
        "estimated_calls": "bigint",
        "estimated_seconds": "double",
        "estimated_bytes": "bigint",
        "trades": "bigint",
        "calls": "bigint",
        "seconds": "double",
        "bytes": "bigint",
        "cursor_ns": "bigint",
        "summary": "varchar",
        "error": "varchar",
        "process_id": "bigint",
        "process_started_at": "timestamp",
        "happened_at": "timestamp",
        "written_by": "varchar",
    },
    REMOVED_DAYS: {
        "symbol": "varchar not null",
        "removed_on": "date not null",
        "job_id": "varchar",
        "state": "varchar not null",
        "trade_count": "bigint",
        "happened_at": "timestamp not null",
    },
    REPAIR_ATTEMPTS: {
        "symbol": "varchar not null",
        "from_ns": "bigint not null",
        "to_ns": "bigint not null",
        "reason": "varchar not null",
        "first_missing_id": "bigint",
        "last_missing_id": "bigint",
        "times_asked": "bigint not null",
        "outcome": "varchar not null",
        "error": "varchar",
        "is_given_up": "boolean not null",
        "happened_at": "timestamp not null",
        "job_id": "bigint",
    },
    STREAMED_STRETCHES: {
        "symbol": "varchar not null",
        "first_trade_id": "bigint not null",
        "last_trade_id": "bigint not null",
        "heard_count": "bigint not null",
        "missing_in_stream": "bigint not null",
        "completed_from_rest": "bigint not null",
        "not_loaded_yet": "bigint not null",
        "outside_load": "bigint not null",
        "not_in_rest": "bigint not null",
        "first_not_in_rest": "bigint",
        "last_not_in_rest": "bigint",
        "connected_at": "timestamp not null",
        "disconnected_at": "timestamp",
        "first_heard_at": "timestamp not null",
        "last_heard_at": "timestamp not null",
        "proven_at": "timestamp not null",
    },
}


def ensure_table(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make one of the tables where there is none."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS[table].items())
    connection.execute(f"create schema if not exists {SCHEMA}")
    connection.execute(f"create table if not exists {table} ({columns})")


def is_there(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether the table was ever made here."""
    query = "select 1 from duckdb_tables() where schema_name || '.' || table_name = ?"
    return bool(connection.execute(query, [table]).fetchall())
