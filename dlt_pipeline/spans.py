"""Half-open spans of time, [start, end) in ns: joined, cut and subtracted. Pure."""

from collections.abc import Iterable

Span = tuple[int, int]


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return the spans ascending, with those that touch or overlap made one; empty ones are dropped."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def cut(span: Span, to: Iterable[Span]) -> list[Span]:
    """Return the parts of `span` that lie in `to`, ascending."""
    return joined((max(span[0], start), min(span[1], end)) for start, end in to)


def without(span: Span, taken: Iterable[Span]) -> list[Span]:
    """Return the parts of `span` that lie outside of `taken`, ascending."""
    left: list[Span] = []
    position = span[0]
    for start, end in cut(span, taken):
        left.append((position, start))
        position = end
    left.append((position, span[1]))
    return [part for part in left if part[0] < part[1]]
