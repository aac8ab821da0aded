"""Raw trades whose candles are kept are removed: of a job's days, or beyond an age; each wish and deed an event."""

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Final

import duckdb

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.warehouse.database import ask_built, open_warehouse
from dlt_pipeline.warehouse.errors import when_unlocked
from dlt_pipeline.warehouse.ops import REMOVED_DAYS, ensure_table, is_there

WANTED: Final = "wanted"  # remove the trades once their candles are kept
WITHDRAWN: Final = "withdrawn"  # do not, after all
REMOVED: Final = "removed"  # done
Day = tuple[str, date]  # a symbol and a UTC day

# The newest word on each day. Python's clock may stand still or go back between two events, so a new one is later than
# the newest of all.
NEWEST: Final = f"""
    select symbol, removed_on, arg_max(state, happened_at) as state,
        arg_max(coalesce(job_id, ''), happened_at) as job_id
    from {REMOVED_DAYS}
    group by symbol, removed_on
"""  # noqa: S608 - own names only
_NOW: Final = f"""
    greatest(
        (get_current_timestamp() at time zone 'UTC')::timestamp,
        coalesce((select max(happened_at) from {REMOVED_DAYS}) + interval 1 microsecond, '-infinity')
    )
"""  # noqa: S608 - own names only
BY_AGE: Final = "by age"  # who wants the removal of days beyond an age
KEEP_TRADES_DAYS: Final = "KRAKEN_CANDLES_KEEP_TRADES_DAYS"
# Why a wanted day's trades stay, beside the reasons of the model removal_checks.
NOT_BUILT, NOT_KEPT, CHANGED, QUIET = "not_built", "not_kept", "changed", "no_trades"
# Each wanted day with what the last build said of it, what is kept and what is loaded. Each length of kept candles must
# hold all trades.
_CANDIDATES: Final = """
    with newest as ({newest}),
    wanted as (
        select symbol, removed_on as on_day from newest
        where
            state = $wanted
            and (
                $job_id is null
                or (symbol, removed_on) in (
                    select symbol, removed_on from {removed_days} where state = $wanted and job_id = $job_id
                )
            )
    ),
    held as (
        select symbol, kept_on as on_day, size_ns, count(*) as candle_count, sum(trade_count) as trade_count,
            sum(base_volume) as base_volume
        from kraken_kept.kept_candles
        where (symbol, kept_on) in (from wanted)
        group by all
    ),
    kept as (
        select days.symbol, days.kept_on as on_day, max(days.trade_count) as trade_count,
            bool_and(
                coalesce(days.trade_count = held.trade_count, false)
                and days.candle_count = held.candle_count
                and days.base_volume = held.base_volume
            ) and min(days.trade_count) = max(days.trade_count) as is_held
        from kraken_kept.kept_days as days
        left join held on days.symbol = held.symbol and days.kept_on = held.on_day and days.size_ns = held.size_ns
        where (days.symbol, days.kept_on) in (from wanted)
        group by days.symbol, days.kept_on
    ),
    loaded as (
        select symbol, traded_on as on_day, count(*) as trade_count
        from kraken_raw.trades
        where (symbol, traded_on) in (from wanted)
        group by all
    )
    select wanted.symbol, wanted.on_day, checks.symbol is not null, checks.reason, coalesce(kept.is_held, false),
        coalesce(kept.trade_count, 0)::bigint, coalesce(loaded.trade_count, 0)::bigint
    from wanted
    left join kraken_internal.removal_checks as checks
        on wanted.symbol = checks.symbol and wanted.on_day = checks.removed_on
    left join kept on wanted.symbol = kept.symbol and wanted.on_day = kept.on_day
    left join loaded on wanted.symbol = loaded.symbol and wanted.on_day = loaded.on_day
    order by 1, 2
"""
_DELETE: Final = """
    delete from kraken_raw.trades using (select unnest($symbols) as symbol, unnest($days) as on_day) as gone
    where trades.symbol = gone.symbol and trades.traded_on = gone.on_day
"""


def request_removal(path: Path, symbol: str, from_on: date, to_on: date, job_id: str | None = None) -> int:
    """Write down that the raw trades of [from_on, to_on) (UTC days) are to be removed; the next build keeps candles.

    Days that `job_id` wants already are left alone, so that a job which was killed may say it again. Returns for how
    many days it is new. Raises BadInputError for an empty range, WarehouseError for a file in use.
    """
    return _say(path, _days(symbol, from_on, to_on), WANTED, job_id)


def request_removal_of(path: Path, days: Iterable[Day], job_id: str | None = None) -> int:
    """Do the same for days that are not one range."""
    return _say(path, days, WANTED, job_id)


def cancel_removal(path: Path, symbol: str, from_on: date, to_on: date, job_id: str | None = None) -> int:
    """Take back what was wanted of [from_on, to_on) and is not removed yet; returns for how many days."""
    with open_warehouse(path) as connection:
        return withdraw(connection, symbol, from_on, to_on, job_id)


def withdraw(
    connection: duckdb.DuckDBPyConnection, symbol: str, from_on: date, to_on: date, job_id: str | None = None
) -> int:
    """Do the same, in the transaction that is open."""
    if not has_events(connection):
        return 0
    return _add(connection, _days(symbol, from_on, to_on), WITHDRAWN, job_id)


def write_events(
    connection: duckdb.DuckDBPyConnection, days: Iterable[tuple[str, date, int | None]], state: str, job_id: str | None
) -> None:
    """Add an event for each (symbol, day, trade count), in the transaction that is open."""
    rows = list(days)
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    connection.execute(
        f"insert into {REMOVED_DAYS} "  # noqa: S608 - own names only
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
        return _add(connection, days, state, job_id)


def _add(connection: duckdb.DuckDBPyConnection, days: Iterable[Day], state: str, job_id: str | None) -> int:
    known = {(symbol, day): (word, job) for symbol, day, word, job in connection.execute(NEWEST).fetchall()}
    if state == WITHDRAWN:
        new = [day for day in days if known.get(day, ("",))[0] == WANTED]
    else:
        new = [day for day in days if known.get(day) != (state, job_id or "")]
    if new:
        write_events(connection, [(*day, None) for day in new], state, job_id)
    return len(new)


@dataclass
class RemovalReport:
    """What became of the wanted days: rows of `kraken_raw.trades` removed by (symbol, UTC day), and why others stay."""

    removed: dict[Day, int] = field(default_factory=dict)
    stay: dict[Day, str] = field(default_factory=dict)

    @property
    def trades(self) -> int:
        """How many trades were removed."""
        return sum(self.removed.values())


def remove_trades(path: Path, job_id: str | None = None, stop: threading.Event | None = None) -> RemovalReport:
    """Remove the raw trades of the days that are wanted (by `job_id`, or others too; None: by whomever) and kept.

    All of it is one transaction with the events that say so: a kill leaves everything or nothing, and the same call
    again ends in the same state. A day that the last build did not keep stays, with the reason in the report. Waits up
    to ten minutes for a warehouse in use. Raises WarehouseLockedError after that, LoadStoppedError where `stop` is set.
    """
    return when_unlocked(lambda: _remove(path, job_id), path, stop or threading.Event())


def _remove(path: Path, job_id: str | None) -> RemovalReport:
    report = RemovalReport()
    with open_warehouse(path) as connection:
        done: list[tuple[str, date, int | None]] = []
        connection.execute("begin")
        for day, state, kept_count, loaded_count in _judged(connection, job_id):
            if state:
                report.stay[day] = state
                continue
            done.append((*day, kept_count))
            if loaded_count:
                report.removed[day] = loaded_count
        if report.removed:
            symbols, days = zip(*report.removed, strict=True)
            connection.execute(_DELETE, {"symbols": list(symbols), "days": list(days)})
        if done:
            write_events(connection, done, REMOVED, job_id)
        connection.execute("commit")
        # Rows that are gone are only marked so; a checkpoint frees the blocks in which nothing else stands.
        connection.execute("checkpoint")
    return report


def _judged(connection: duckdb.DuckDBPyConnection, job_id: str | None) -> Iterable[tuple[Day, str, int, int]]:
    """Give each wanted day, why its trades stay ('': they may go), and the numbers of kept and of loaded trades."""
    if not has_events(connection):
        return
    parameters = {"wanted": WANTED, "job_id": job_id}
    rows = ask_built(connection, _CANDIDATES.format(newest=NEWEST, removed_days=REMOVED_DAYS), parameters)
    if rows is None:
        query = f"select symbol, removed_on, job_id from ({NEWEST}) where state = $wanted"  # noqa: S608 - own names only
        found = connection.execute(query, {"wanted": WANTED}).fetchall()
        rows = [(*day, False, None, False, 0, 0) for *day, job in found if job_id in (None, job)]
    for symbol, day, is_built, reason, is_held, kept_count, loaded_count in rows:
        state = ""
        if not is_built:
            state = NOT_BUILT
        elif reason == QUIET and not loaded_count:
            state = ""  # nothing to remove
        elif reason:
            state = reason
        elif not is_held:
            state = NOT_KEPT
        elif loaded_count > kept_count:
            state = CHANGED
        yield (symbol, day), state, kept_count, loaded_count


def keep_trades_days() -> int | None:
    """Return for how many days raw trades are kept, by KRAKEN_CANDLES_KEEP_TRADES_DAYS; None: for ever.

    Raises BadInputError for what is no whole number from 0.
    """
    text = os.environ.get(KEEP_TRADES_DAYS, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise BadInputError(f"{KEEP_TRADES_DAYS} is {text!r}; it must be a whole number of days from 0, or empty.")
    return int(text)


def days_by_age(path: Path, keep_days: int, now: datetime | None = None) -> list[Day]:
    """Return the days with raw trades that are older than the `keep_days` whole UTC days before today's."""
    moment = now or datetime.now(timezone.utc)
    today = moment.astimezone(timezone.utc).date() if moment.tzinfo else moment.date()
    oldest = date.fromordinal(max(1, today.toordinal() - keep_days))  # who keeps all may say so by any number
    with open_warehouse(path, read_only=True) as connection:
        query = "select distinct symbol, traded_on from kraken_raw.trades where traded_on < ? order by all"
        return connection.execute(query, [oldest]).fetchall()


def request_old_days(
    path: Path, keep_days: int | None = None, now: datetime | None = None, job_id: str | None = None
) -> bool:
    """Ask the next build to keep the candles of the days beyond an age; whether there are any. Arguments as above."""
    days_kept = keep_trades_days() if keep_days is None else keep_days
    days = [] if days_kept is None else days_by_age(path, days_kept, now)
    if days:
        request_removal_of(path, days, job_id or BY_AGE)
    return bool(days)
