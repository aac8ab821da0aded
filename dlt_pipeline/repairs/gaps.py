"""What the last build found not proven, and the windows to ask for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import duckdb

from dlt_pipeline.common.time import Span, cut, joined, without
from dlt_pipeline.warehouse.database import open_warehouse, require_built, require_trades

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
REASONS: Final = (
    "never_loaded",
    "archive_ends",
    "rows_refused",
    "ids_missing",
    "trades_lost",
    "rest_hole",
    "listed",
)
# The ledger says of these that they are loaded, so it must not be asked.
_DISTRUSTED: Final = ("ids_missing", "trades_lost")


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
class CoverageState:
    """The state of the last build; spans by symbol, ascending, in ns."""

    covered: dict[str, list[Span]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    breaks: dict[str, list[Span]] = field(default_factory=dict)
    lost: dict[Gap, Lost] = field(default_factory=dict)


def read_coverage_state(path: Path, timeframe: str | None, page_size: int) -> CoverageState:
    """Read what the last build found; breaks in the candles of `timeframe`, None: of the finest that each symbol has.

    Lost trades less than a page apart (`page_size` ids) are asked for together. Raises NothingLoadedError or
    NothingBuiltError where there is nothing to repair yet.
    """
    require_trades(path)
    found = CoverageState()
    with open_warehouse(path, read_only=True) as connection:
        with require_built(f"The warehouse {path}"):
            for symbol, *span in connection.execute(_COVERAGE).fetchall():
                found.covered.setdefault(symbol, []).append((span[0], span[1]))
            rows = connection.execute(_GAPS).fetchall()
            breaks = connection.execute(_BREAKS, {"timeframe": timeframe}).fetchall()
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


@dataclass(frozen=True)
class Repair:
    """A stretch of a symbol, [start_ns, end_ns) in ns UTC, to be asked for, and why.

    `asked` are the parts of it to ask for, ascending; whether the ledger is believed there says `is_distrusted`. `ids`
    is how many trade ids lie in them, None where unknown.
    """

    symbol: str
    start_ns: int
    end_ns: int
    reason: str
    asked: tuple[Span, ...]
    is_distrusted: bool = False
    ids: int | None = None

    @property
    def span(self) -> Span:
        """Its bounds."""
        return self.start_ns, self.end_ns

    def calls(self, page_size: int) -> int | None:
        """Return how many answers it takes, about; each repeats the trade before it. None where ids are unknown."""
        return None if self.ids is None else max(len(self.asked), 1 + self.ids // (page_size - 1))


def repairs_of_gaps(known: CoverageState, symbols: Collection[str], reasons: Collection[str]) -> list[Repair]:
    """Return the gaps that are not accepted, and what breaks in Kraken's own candles leave outside of them."""
    wanted = [gap for gap in known.gaps if gap.symbol in symbols and not gap.is_accepted]
    found = [_of_gap(gap, known) for gap in wanted if gap.reason in reasons]
    if "rest_hole" in reasons:
        for symbol in known.breaks.keys() & symbols:
            taken = [repair.span for repair in found if repair.symbol == symbol]
            taken += [gap.span for gap in known.gaps if gap.symbol == symbol and gap.is_accepted]
            for span in known.breaks[symbol]:
                for part in without(span, taken):
                    found += _of_span(symbol, part, "rest_hole", known)
    return _ordered(found)


def repairs_of_list(known: CoverageState, windows: Iterable[tuple[str, Span]], again: bool = False) -> list[Repair]:
    """Return what listed windows lack, those that touch or overlap joined; what is proven in them needs no repair.

    With `again` they are asked for whole, proven or not.
    """
    by_symbol: dict[str, list[Span]] = {}
    for symbol, span in windows:
        by_symbol.setdefault(symbol, []).append(span)
    spans = [(symbol, span) for symbol, found in by_symbol.items() for span in joined(found)]
    if again:
        return _ordered(Repair(symbol, *span, "listed", (span,), True) for symbol, span in spans)
    return _ordered(repair for symbol, span in spans for repair in _of_span(symbol, span, "listed", known))


def asked_spans(repairs: Sequence[Repair]) -> Mapping[str, list[tuple[Span, bool]]]:
    """Return by symbol what to ask for and whether to distrust the ledger there; what touches is one window.

    Where windows of both kinds overlap, the distrusting one takes the whole of it.
    """
    found: dict[str, list[tuple[Span, bool]]] = {}
    for symbol in dict.fromkeys(repair.symbol for repair in repairs):
        again, first = (
            [
                span
                for repair in repairs
                if repair.symbol == symbol and repair.is_distrusted is kind
                for span in repair.asked
            ]
            for kind in (True, False)
        )
        trusted = joined(part for span in first for part in without(span, again))
        found[symbol] = sorted([(span, True) for span in joined(again)] + [(span, False) for span in trusted])
    return found


def _of_gap(gap: Gap, known: CoverageState) -> Repair:
    lost = known.lost.get(gap)
    asked, ids = (lost.spans, lost.ids) if lost else ((gap.span,), gap.ids)
    return Repair(gap.symbol, *gap.span, gap.reason, asked, gap.reason in _DISTRUSTED, ids)


def _of_span(symbol: str, span: Span, reason: str, known: CoverageState) -> list[Repair]:
    """Cut a span to what is not proven, and widen it to the gaps that only all of their ids can close."""
    gaps = [gap for gap in known.gaps if gap.symbol == symbol and cut(span, [gap.span])]
    closed = [gap for gap in gaps if gap.reason in _DISTRUSTED]
    found = [replace(_of_gap(gap, known), reason=reason) for gap in closed]
    for part in without(span, [*known.covered.get(symbol, []), *(gap.span for gap in closed)]):
        ids = next((gap.ids for gap in gaps if gap.span == part), None)
        found.append(Repair(symbol, *part, reason, (part,), ids=ids))
    return found


def _ordered(repairs: Iterable[Repair]) -> list[Repair]:
    return sorted(dict.fromkeys(repairs), key=lambda repair: (repair.symbol, repair.start_ns))
