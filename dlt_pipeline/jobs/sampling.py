"""How many trades a range holds where ids do not tell: counted on a few pages, in between by how dense they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from dlt_pipeline.jobs.edges import Ask, Edge
from dlt_pipeline.kraken.answers import TradePage
from dlt_pipeline.kraken.settings import DISPLAY_REWIND_NS


@dataclass(frozen=True)
class Sample:
    """[from_ns, to_ns) holds `count` trades, counted; `first_id` is the first one's id, None where it has none."""

    from_ns: int
    to_ns: int
    count: int
    first_id: int | None

    @property
    def density(self) -> float:
        """Trades a nanosecond."""
        return self.count / max(1, self.to_ns - self.from_ns)


@dataclass(frozen=True)
class Sampled:
    """The number of trades, and whether it is only by the density of time in a part of the range."""

    trades: int
    is_approximate: bool


def take_sample(page: TradePage, page_size: int, from_ns: int, end_ns: int) -> Sample:
    """Return what a page asked for at `from_ns` shows of [from_ns, end_ns)."""
    rows = [row for row in page.rows if row.time_ns >= from_ns]
    is_whole = len(page.rows) < page_size or (bool(rows) and rows[-1].time_ns >= end_ns)
    # Trades that share the page's last moment may stand on the next page, so it ends before that moment.
    to_ns = end_ns if is_whole else min(end_ns, max(rows[-1].time_ns if rows else from_ns, from_ns + 1))
    count = sum(1 for row in rows if row.time_ns < to_ns)
    first_id = rows[0].trade_id or None if rows and rows[0].time_ns < end_ns else None
    return Sample(from_ns, to_ns, count, first_id)


def by_samples(samples: Sequence[Sample], end_ns: int, end_id: int | None) -> Sampled:
    """Return the trades from the first sample's beginning to `end_ns`; `end_id` is the id at the end, if known.

    Between two samples that know their ids, the ids tell. Elsewhere what a page did not reach is filled by the mean
    density of the samples at its two sides; the first sample tells nothing of what follows it, for trading often
    begins with a burst.
    """
    trades, is_approximate = 0.0, False
    for number, sample in enumerate(samples):
        following = samples[number + 1] if number + 1 < len(samples) else None
        stretch_end = following.from_ns if following else end_ns
        next_id = following.first_id if following else end_id
        if sample.first_id is not None and next_id is not None and next_id >= sample.first_id:
            trades += next_id - sample.first_id
            continue
        trades += sample.count
        rest_ns = stretch_end - sample.to_ns
        if rest_ns > 0:
            is_approximate = True
            beside = [sample] if number or following is None else []
            beside += [following] if following else []
            trades += rest_ns * sum(one.density for one in beside) / len(beside)
    return Sampled(round(trades), is_approximate)


def sample_range(ask: Ask, start: Edge, end_ns: int, end: Edge, pages: int, page_size: int) -> Sampled:
    """Count what lies between two edges by the range's first page and `pages` more, spread over its time.

    A range that the pages reach through is counted exactly. `start.time_ns` is its first trade's (ns, UTC).
    """
    if start.time_ns is None or start.time_ns >= end_ns:
        return Sampled(0, False)
    first_ns = start.time_ns
    points = [first_ns, *(first_ns + (end_ns - first_ns) * (2 * step + 1) // (2 * pages) for step in range(pages))]
    samples: list[Sample] = []
    for point in points:
        from_ns = max(point, samples[-1].to_ns) if samples else point
        if from_ns >= end_ns:
            break
        page = ask(max(0, from_ns - DISPLAY_REWIND_NS), page_size)
        samples.append(take_sample(page, page_size, from_ns, end_ns))
    return by_samples(samples, end_ns, end.next_id)
