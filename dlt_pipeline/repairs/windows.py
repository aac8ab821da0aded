"""What to repair: gaps, listed windows and breaks in Kraken's own candles, as windows to ask for. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dlt_pipeline.common.time import Span, cut, joined, without
from dlt_pipeline.repairs.gaps import Gap, Unproven

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


def repairs_of_gaps(known: Unproven, symbols: Collection[str], reasons: Collection[str]) -> list[Repair]:
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


def repairs_of_list(known: Unproven, windows: Iterable[tuple[str, Span]], again: bool = False) -> list[Repair]:
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


def _of_gap(gap: Gap, known: Unproven) -> Repair:
    lost = known.lost.get(gap)
    asked, ids = (lost.spans, lost.ids) if lost else ((gap.span,), gap.ids)
    return Repair(gap.symbol, *gap.span, gap.reason, asked, gap.reason in _DISTRUSTED, ids)


def _of_span(symbol: str, span: Span, reason: str, known: Unproven) -> list[Repair]:
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
