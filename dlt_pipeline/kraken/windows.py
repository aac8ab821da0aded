"""Splits a range of one symbol into windows of about as many trades, at instants whose seams ids prove."""

from collections.abc import Sequence

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.common.time import When, show_ns
from dlt_pipeline.kraken.client import KrakenClient
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.page import TradeRow
from dlt_pipeline.kraken.seams import find_seams
from dlt_pipeline.kraken.session import Request, Session, Window, make_window


def split_at_ids(
    session: Session, symbol: str, start: When, end: When | None, windows: int, *, exact: bool = False
) -> list[Window]:
    """Split [start, end) of a symbol into `windows` windows of about as many trades, ascending and without a gap.

    Start and end as of `load`; without an end the last window is open. No trade lies at the instant where two windows
    meet, and the trades on both sides carry neighbouring ids: so each trade belongs to one window, and once both are
    loaded, in whatever order, the ledger proves the seam. Takes at most 3 calls and 12 for each seam.
    Fewer windows come back where the range has fewer seams. Raises BadInputError where Kraken shows no ids there, or
    for what makes no sense, and what a call raises.
    """
    if windows < 1:
        raise BadInputError(f"{symbol} cannot be split into {windows} windows; ask for 1 or more.")
    whole = make_window(start, end, exact)
    session.open(Request({symbol: (whole,)}, ()))
    market, client = session.market(symbol), session.client(symbol)
    # A call costs its second whatever it brings, and a full page is the surest to hold the seam.
    page_size = session.settings.page_size
    edges = _edges(client, market, whole, page_size)
    if windows == 1 or edges is None:
        return [whole]
    seams = [
        seam.time_ns
        for seam in find_seams(*edges, windows, page_size, lambda time_ns: _from(client, market, time_ns, page_size))
    ]
    starts, ends = [whole.start_ns, *seams], [*seams, whole.end_ns]
    asked_starts, asked_ends = [whole.asked_start_ns, *seams], [*seams, whole.asked_end_ns]
    return [Window(*bounds) for bounds in zip(starts, ends, asked_starts, asked_ends, strict=True)]


def _edges(
    client: KrakenClient, market: Market, whole: Window, page_size: int
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return (id, time) of the first trade and of the first one after the range; None if there are no two trades."""
    rows = _from(client, market, whole.start_ns, page_size)
    later = _from(client, market, whole.end_ns, page_size) if whole.end_ns is not None else []
    if not later:  # the range reaches up to the newest trade
        later = _checked(market, client.trades(market, None, page_size).rows)[-1:]
    first, after = (next((row for row in found if row.trade_id), None) for found in (rows, later))
    if first is None or after is None or after.trade_id <= first.trade_id or after.time_ns <= first.time_ns:
        return None
    return (first.trade_id, first.time_ns), (after.trade_id, after.time_ns)


def _from(client: KrakenClient, market: Market, time_ns: int, page_size: int) -> Sequence[TradeRow]:
    """Ask for some trades from a time on; `since` may bring earlier ones, which are left out."""
    page = client.trades(market, max(0, time_ns - 1), page_size)
    return _checked(market, [row for row in page.rows if row.time_ns >= time_ns])


def _checked(market: Market, rows: Sequence[TradeRow]) -> Sequence[TradeRow]:
    if rows and not any(row.trade_id for row in rows):
        raise BadInputError(
            f"{market.symbol} cannot be split: Kraken shows the trades from {show_ns(rows[0].time_ns)} on without ids, "
            "so nothing would prove the seams. Load the range as one window."
        )
    return rows
