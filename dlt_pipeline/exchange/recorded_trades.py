"""Recorded pages joined to one sequence, each trade with the truest nanoseconds the recording tells."""

from __future__ import annotations

from typing import Any

from dlt_pipeline.exchange.recording import RecordedPage
from dlt_pipeline.exchange.trade import ExchangeTrade, text_to_ns


def join_pages(pages: list[RecordedPage]) -> list[ExchangeTrade]:
    """Trades of all pages, ascending, none twice.

    Pages may overlap where trades have ids: what is known by id is dropped. Without ids each page follows the one
    before (they were asked by `last + 1`).
    """
    joined: list[ExchangeTrade] = []
    known: set[int] = set()
    for page in sorted(pages, key=lambda page: text_to_ns(str(page.rows[0][2]))):
        # Id 0 stands for years in which Kraken gave none: it tells nothing apart.
        fresh = [row for row in page.rows if not (len(row) > 6 and row[6] and row[6] in known)]
        known.update(row[6] for row in fresh if len(row) > 6)
        floor = 0
        if joined:
            # A page that overlaps can go on within the nanosecond in which the one before was cut.
            floor = joined[-1].time_ns + (1 if len(fresh) == len(page.rows) else 0)
        joined += _page_trades(page, fresh, floor)
    return joined


def _page_trades(page: RecordedPage, rows: list[list[Any]], floor: int) -> list[ExchangeTrade]:
    """The trades of a page: the last one has exactly `last`, the others what they show, kept in between.

    A time is shown rounded, so it can stand up to half its last digit past `last` or before the page before.
    """
    if not rows:
        return []
    times = [text_to_ns(str(row[2])) for row in rows]
    last = int(page.last) if page.last is not None else max(times[-1], floor)
    times = [min(max(time, floor), last) for time in times]
    times[-1] = last
    return [_trade(row, time) for row, time in zip(rows, times, strict=True)]


def _trade(row: list[Any], time_ns: int) -> ExchangeTrade:
    price, volume, time, side, order_type, misc, *trade_id = row
    return ExchangeTrade(
        trade_id[0] if trade_id else None, time_ns, str(time), str(price), str(volume), side, order_type, misc
    )
