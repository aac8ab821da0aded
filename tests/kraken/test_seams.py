"""Seams between windows over random trades: each trade in one window, ids prove each seam, few questions."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.kraken.page import TradeRow
from dlt_pipeline.kraken.seams import MOST_GUESSES, Seam, find_seams, seams_of
from tests.kraken.simulated import BASE_NS, DAY_NS, SimulatedExchange

# Ties, 1 ns, under the display's precision, bursts, and silence.
STEPS = st.sampled_from([0, 0, 0, 1, 90, 700, 40_000, 2_000_000, 10**9, 3_600 * 10**9])


def row(trade_id: int, time_ns: int) -> TradeRow:
    return TradeRow(trade_id, time_ns, "1", "1", "buy", "market", "")


def split(exchange: SimulatedExchange, windows: int, count: int) -> list[Seam]:
    def ask(time_ns: int) -> Sequence[TradeRow]:
        return [found for found in exchange.trades(None, time_ns - 1, count).rows if found.time_ns >= time_ns]

    first, last = exchange.rows[0], exchange.rows[-1]
    return find_seams((first.trade_id, first.time_ns), (last.trade_id, last.time_ns), windows, count, ask)


@given(
    steps=st.lists(STEPS, min_size=1, max_size=400),
    windows=st.integers(2, 7),
    count=st.sampled_from([5, 20, 100]),
    inclusive=st.booleans(),
)
def test_every_trade_lies_in_one_window_and_ids_prove_each_seam(
    steps: list[int], windows: int, count: int, inclusive: bool
) -> None:
    trades, time_ns = [(BASE_NS, 3)], BASE_NS
    for number, step in enumerate(steps, start=4):
        time_ns += step
        trades.append((time_ns, number))
    exchange = SimulatedExchange(trades, inclusive=inclusive)
    seams = split(exchange, windows, count)
    assert len(seams) < windows
    assert exchange.asked <= MOST_GUESSES * (windows - 1)
    for seam in seams:
        before = [found.trade_id for found in exchange.rows if found.time_ns < seam.time_ns]
        after = [found.trade_id for found in exchange.rows if found.time_ns >= seam.time_ns]
        assert (max(before), min(after)) == (seam.trade_id - 1, seam.trade_id)
    assert all(first.time_ns < second.time_ns for first, second in pairwise(seams))


@pytest.mark.parametrize("rush", [1, 50, 5_000])
def test_windows_hold_about_as_many_trades_also_where_most_came_in_a_rush(rush: int) -> None:
    """Of 20,000 trades, so many times more in one hour than in each other one of a month."""
    hours = [rush if hour == 300 else 1 for hour in range(720)]
    per_unit = 20_000 / sum(hours)
    trades = []
    for hour, weight in enumerate(hours):
        number = max(1, round(weight * per_unit))
        trades += [
            (BASE_NS + hour * 3_600 * 10**9 + part * (3_600 * 10**9 // number), len(trades) + part + 1)
            for part in range(number)
        ]
    exchange = SimulatedExchange(trades, inclusive=False, now_ns=BASE_NS + 30 * DAY_NS)
    seams = split(exchange, 4, 100)
    ids = [trades[0][1], *(seam.trade_id for seam in seams), trades[-1][1]]
    sizes = [second - first for first, second in pairwise(ids)]
    assert len(sizes) == 4
    assert max(sizes) < 1.2 * min(sizes), sizes
    assert exchange.asked <= MOST_GUESSES * 3


def test_no_seam_lies_inside_an_instant_across_a_jump_or_beside_a_trade_without_id() -> None:
    rows = [row(1, 100), row(2, 100), row(3, 300), row(5, 400), row(0, 500), row(6, 600), row(7, 601), row(8, 603)]
    assert seams_of(rows) == [Seam(200, 3), Seam(602, 8)]
