"""Which days' raw trades are to be removed, as events in `kraken_ops.removed_days`; rows are only added."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.warehouse.database import open_warehouse
from dlt_pipeline.warehouse.ops import REMOVED_DAYS, ensure_table, is_there

WANTED: Final = "wanted"  # remove the trades once their candles are kept
WITHDRAWN: Final = "withdrawn"  # do not, after all
REMOVED: Final = "removed"  # done
Day = tuple[str, date]  # a symbol and a UTC day

# The newest word on each day. Python's clock may stand still or go back between two events, so a new one is later than
# the newest of all.
NEWEST: Final = """
    select symbol, removed_on, arg_max(state, happened_at) as state,
        arg_max(coalesce(job_id, ''), happened_at) as job_id
    from kraken_ops.removed_days
    group by symbol, removed_on
"""
_NOW: Final = """
    greatest(
        (get_current_timestamp() at time zone 'UTC')::timestamp,
        coalesce((select max(happened_at) from kraken_ops.removed_days) + interval 1 microsecond, '-infinity')
    )
"""


def want_removal(path: Path, symbol: str, from_on: date, to_on: date, job_id: str | None = None) -> int:
    """Write down that the raw trades of [from_on, to_on) (UTC days) are to be removed; the next build keeps candles.

    Days that `job_id` wants already are left alone, so that a job which was killed may say it again. Returns for how
    many days it is new. Raises BadInputError for an empty range, WarehouseError for a file in use.
    """
    return _say(path, _days(symbol, from_on, to_on), WANTED, job_id)


def want_removal_of(path: Path, days: Iterable[Day], job_id: str | None = None) -> int:
    """Do the same for days that are not one range."""
    return _say(path, days, WANTED, job_id)


def withdraw_removal(path: Path, symbol: str, from_on: date, to_on: date, job_id: str | None = None) -> int:
    """Take back what was wanted of [from_on, to_on) and is not removed yet; returns for how many days."""
    return _say(path, _days(symbol, from_on, to_on), WITHDRAWN, job_id)


def write_events(
    connection: duckdb.DuckDBPyConnection, days: Iterable[tuple[str, date, int | None]], state: str, job_id: str | None
) -> None:
    """Add an event for each (symbol, day, trade count), in the transaction that is open."""
    rows = list(days)
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    connection.execute(
        f"insert into kraken_ops.removed_days "  # noqa: S608 - own names only
        f"select symbol, removed_on, $job_id, $state, trade_count, {_NOW} "
        "from (select unnest($symbols) as symbol, unnest($days) as removed_on, unnest($counts) as trade_count)",
        {"job_id": job_id, "state": state, "symbols": columns[0], "days": columns[1], "counts": columns[2]},
    )


def has_events(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether anything was ever wanted here."""
    return is_there(connection, REMOVED_DAYS)


def _days(symbol: str, from_on: date, to_on: date) -> list[Day]:
    if to_on <= from_on:
        raise BadInputError(f"The day {to_on} does not lie after {from_on}: no day's trades would be removed.")
    return [(symbol, date.fromordinal(number)) for number in range(from_on.toordinal(), to_on.toordinal())]


def _say(path: Path, days: Iterable[Day], state: str, job_id: str | None) -> int:
    with open_warehouse(path) as connection:
        ensure_table(connection, REMOVED_DAYS)
        known = {(symbol, day): (word, job) for symbol, day, word, job in connection.execute(NEWEST).fetchall()}
        if state == WITHDRAWN:
            new = [day for day in days if known.get(day, ("",))[0] == WANTED]
        else:
            new = [day for day in days if known.get(day) != (state, job_id or "")]
        if new:
            write_events(connection, [(*day, None) for day in new], state, job_id)
    return len(new)
