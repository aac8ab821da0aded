"""Whole UTC days that imported archives hold: a load does not ask for them again. Pure but for `read_archived`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

import dlt
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from dlt_pipeline.common.time import NS_PER_DAY, Span, joined, without
from dlt_pipeline.editions import editions
from dlt_pipeline.kraken.session import Request, Window

# The time (ns) that each unbroken run of rows of finished imports of time and sales covers, of complete loads (the
# last one up to where its file ends) and files that count; the names in braces are the tables.
PARTS_QUERY: Final = (
    "with "  # noqa: S608 - own names only
    + editions("{files}", "{loads}")
    + "select p.symbol, p.edition_id, p.covered_from_ns, case when p.last_row = max(p.last_row) over "
    "(partition by p.edition_id) then greatest(p.covered_to_ns, f.covered_to_ns) else p.covered_to_ns end as to_ns "
    "from {parts} as p "
    "inner join {loads} as a on p._dlt_load_id = a.load_id and a.status = 0 "
    "inner join standing as f on p.edition_id = f.edition_id "
    "where p.format in ('trades', 'trades_with_ids') and p.edition_id not in (select older_id from replaced) "
    "and (f.is_ascending or f.refused_count = 0) "
    "order by p.symbol, p.edition_id"
)


def whole_days(parts: Iterable[Sequence[Any]]) -> dict[str, list[Span]]:
    """Return the whole UTC days by symbol, joined, that single editions cover without a break; rows as of the query.

    Two editions do not share a day: each day of candles comes from one source.
    """
    found: dict[str, list[Span]] = {}
    for (symbol, _edition), rows in groupby(parts, key=lambda row: (row[0], row[1])):
        for start, end in joined((row[2], row[3]) for row in rows):
            found.setdefault(symbol, []).append((-(-start // NS_PER_DAY) * NS_PER_DAY, end // NS_PER_DAY * NS_PER_DAY))
    return {symbol: joined(spans) for symbol, spans in found.items()}


def held_spans(parts: Iterable[Sequence[Any]]) -> dict[str, list[Span]]:
    """Return by symbol all that the editions cover, joined, the hours of a cut day too; rows as of the query."""
    found: dict[str, list[Span]] = {}
    for symbol, _edition, start, end in parts:
        found.setdefault(symbol, []).append((start, end))
    return {symbol: joined(spans) for symbol, spans in found.items()}


def without_days(window: Window, days: Iterable[Span]) -> list[Window]:
    """Return what of a window lies outside of the days, ascending; of one that distrusts what is there, all of it."""
    if window.is_distrusted:
        return [window]
    taken = list(days)
    if window.end_ns is not None:
        pieces: list[tuple[int, int | None]] = list(without((window.start_ns, window.end_ns), taken))
    else:
        # The newest trades are always asked for, whatever an archive holds.
        last = max([window.start_ns, *(end for _, end in taken)])
        pieces = [*without((window.start_ns, last), taken), (last, None)]
        if len(pieces) > 1 and pieces[-2][1] == last:
            pieces[-2:] = [(pieces[-2][0], None)]
    return [replace(window, start_ns=start, end_ns=end) for start, end in pieces]


def without_archived(windows: Iterable[Window], archived: Mapping[str, list[Span]], symbol: str) -> list[Window]:
    """Return what of a symbol's windows the archives do not hold."""
    return [piece for window in windows for piece in without_days(window, archived.get(symbol, ()))]


def read_archived(pipeline: dlt.Pipeline, request: Request) -> dict[str, list[Span]]:
    """Read the whole days by symbol that a load need not ask for; none where the request wants them all the same."""
    if request.also_archived:
        return {}
    with pipeline.sql_client() as client:
        parts, files, loads = (
            client.make_qualified_table_name(name) for name in ("archive_parts", "archive_files", "_dlt_loads")
        )
        try:
            return whole_days(client.execute_sql(PARTS_QUERY.format(parts=parts, files=files, loads=loads)) or ())
        except DatabaseUndefinedRelation:  # no archive was ever imported here
            return {}
