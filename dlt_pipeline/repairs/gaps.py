"""What the last build says is not proven: coverage, gaps, and breaks in the store of Kraken's own candles."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.common.exceptions import NothingBuiltError
from dlt_pipeline.common.time import Span
from dlt_pipeline.warehouse.database import open_warehouse, require_trades

_COVERAGE: Final = "select symbol, covered_from_ns, covered_to_ns from kraken.coverage order by all"
_GAPS: Final = """
    select symbol, gap_from_ns, gap_to_ns, reason, last_trade_id_before, first_trade_id_after, is_accepted
    from kraken.gaps order by symbol, gap_from_ns
"""
# Kraken's answers are whole, so a break in the grid is time that lies between two of them, more than 720 candles apart.
_BREAKS: Final = """
    with stored as (
        select symbol, bucket_start, bucket_end, bucket_end - bucket_start as size
        from kraken.rest_candles
        where $timeframe is null or timeframe = $timeframe
        qualify size = min(size) over (partition by symbol)
    ),
    followed as (
        select *, lead(bucket_start) over (partition by symbol order by bucket_start) as next_start from stored
    )
    select symbol, epoch_ns(bucket_end), epoch_ns(next_start)
    from followed where next_start > bucket_end order by all
"""
# The trades of a gap, and those beside it where coverage goes on there; each jump in their ids is what was lost.
_JUMPS: Final = """
    with near as (
        select trade_id, time_ns from kraken_raw.trades
        where symbol = $symbol and trade_id > 0 and time_ns >= $start and time_ns < $end
        union all
        select max(trade_id), max_by(time_ns, trade_id) from kraken_raw.trades
        where symbol = $symbol and trade_id > 0 and time_ns < $start and $goes_on_before
        union all
        select min(trade_id), min_by(time_ns, trade_id) from kraken_raw.trades
        where symbol = $symbol and trade_id > 0 and time_ns >= $end and $goes_on_after
    ),
    followed as (
        select
            trade_id, time_ns,
            lead(trade_id) over (order by trade_id) as next_id,
            lead(time_ns) over (order by trade_id) as next_time_ns
        from near where trade_id is not null
    )
    select trade_id, next_id, time_ns, next_time_ns from followed where next_id > trade_id + 1 order by trade_id
"""
_LOADED: Final = """
    select 1 from kraken_raw.trades where symbol = $symbol and time_ns >= $start and time_ns < $end limit 1
"""


@dataclass(frozen=True)
class Gap:
    """A row of `kraken.gaps`: times in ns, UTC; the trade ids beside it are None where unknown."""

    symbol: str
    span: Span
    reason: str
    id_before: int | None
    id_after: int | None
    is_accepted: bool

    @property
    def ids(self) -> int | None:
        """How many ids lie between its neighbours, loaded or not."""
        return None if self.id_before is None or self.id_after is None else self.id_after - self.id_before - 1


@dataclass(frozen=True)
class Lost:
    """Trades that the ledger speaks of and that are not there: all in `spans`; `ids` is how many, None: unknown."""

    spans: tuple[Span, ...]
    ids: int | None


@dataclass
class Unproven:
    """The state of the last build; spans by symbol, ascending, in ns."""

    covered: dict[str, list[Span]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    breaks: dict[str, list[Span]] = field(default_factory=dict)
    lost: dict[Gap, Lost] = field(default_factory=dict)


def read_unproven(path: Path, timeframe: str | None, page_size: int) -> Unproven:
    """Read what the last build found; breaks in the candles of `timeframe`, None: of the finest that each symbol has.

    Lost trades less than a page apart (`page_size` ids) are asked for together. Raises NothingLoadedError or
    NothingBuiltError where there is nothing to repair yet.
    """
    require_trades(path)
    found = Unproven()
    with open_warehouse(path, read_only=True) as connection:
        try:
            for symbol, *span in connection.execute(_COVERAGE).fetchall():
                found.covered.setdefault(symbol, []).append((span[0], span[1]))
            rows = connection.execute(_GAPS).fetchall()
            breaks = connection.execute(_BREAKS, {"timeframe": timeframe}).fetchall()
        except duckdb.CatalogException as error:
            raise NothingBuiltError(
                f"The warehouse {path} is not built yet, so its gaps are not known; run `kraken-candles build` first."
            ) from error
        found.gaps = [Gap(symbol, (start, end), *rest) for symbol, start, end, *rest in rows]
        for symbol, *span in breaks:
            found.breaks.setdefault(symbol, []).append((span[0], span[1]))
        for gap in found.gaps:
            if gap.reason == "trades_lost":
                found.lost[gap] = _lost(connection, gap, found.covered.get(gap.symbol, []), page_size)
    return found


def _lost(connection: duckdb.DuckDBPyConnection, gap: Gap, covered: Sequence[Span], page_size: int) -> Lost:
    start, end = gap.span
    values = {
        "symbol": gap.symbol,
        "start": start,
        "end": end,
        "goes_on_before": any(span[1] == start for span in covered),
        "goes_on_after": any(span[0] == end for span in covered),
    }
    found = lost_of(connection.execute(_JUMPS, values).fetchall(), gap.span, page_size)
    if (
        not found.spans
        and not connection.execute(_LOADED, {"symbol": gap.symbol, "start": start, "end": end}).fetchall()
    ):
        return Lost((gap.span,), None)  # rows of an archive without ids are lost: Kraken has the trades still
    return found


def lost_of(jumps: Sequence[tuple[Any, ...]], within: Span, page_size: int) -> Lost:
    """Join jumps (id, next id, time, next time), ascending, that one page can show; cut to the gap they lie in."""
    groups: list[tuple[int, int, int, int]] = []
    for before_id, after_id, before_ns, after_ns in jumps:
        if groups and before_id - groups[-1][1] < page_size:
            groups[-1] = (groups[-1][0], after_id, groups[-1][2], after_ns)
        else:
            groups.append((before_id, after_id, before_ns, after_ns))
    spans = ((max(start, within[0]), min(end + 1, within[1])) for _, _, start, end in groups)
    return Lost(
        tuple(span for span in spans if span[0] < span[1]), sum(last - first - 1 for first, last, _, _ in groups)
    )
