"""Random trades, ties, page sizes and both meanings of `since`: nothing lost, nothing double, always ends."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlt_pipeline.kraken.cursor import NewTrade, is_contradicted, take
from dlt_pipeline.kraken.ledger import LedgerRow, merge, missing, place_of
from dlt_pipeline.kraken.settings import DISPLAY_REWIND_NS, START_REWIND_NS
from tests.kraken.simulated import BASE_NS, SimulatedExchange

MARGIN_NS = 5 * 10**9
# Steps between neighbours: ties, 1 ns, under the display's precision, bursts, and silence.
STEPS = st.sampled_from([0, 0, 1, 90, 150, 700, 40_000, 300_000, 300_000, 2_000_000, 3 * 10**9, 3_600 * 10**9])


@st.composite
def exchanges(draw: st.DrawFn, ids: str, least: int = 0) -> SimulatedExchange:
    time_ns, trade_id = BASE_NS, draw(st.sampled_from([0, 2]))
    trades = []
    for step, has_id in draw(st.lists(st.tuples(STEPS, st.booleans()), min_size=least, max_size=60)):
        time_ns += step
        trade_id += 1  # a trade shown without id has used one up
        shown = ids == "all" or (ids == "some" and has_id)
        trades.append((time_ns, trade_id if shown else 0))
    return SimulatedExchange(
        trades,
        inclusive=draw(st.booleans()),
        decimals=draw(st.sampled_from([4, 7])),
        drop_last_every=draw(st.sampled_from([0, 0, 1, 3])),
    )


@dataclass
class Warehouse:
    """What loads leave behind: keyed trades and the ledger; a load may be cut off after any page."""

    ledger: list[LedgerRow] = field(default_factory=list)
    trades: dict[tuple[int, int, int], str] = field(default_factory=dict)
    packages: list[tuple[list[LedgerRow], list[tuple[int, int, int]]]] = field(default_factory=list)
    missing_ids: int = 0

    def load(
        self, exchange: SimulatedExchange, start: int, end: int | None, page_size: int, pages: int = 10_000
    ) -> bool:
        """Load like a chunk does; False if it was cut off. Nothing may come twice within one load."""
        seen: set[tuple[int, int, int]] = set()
        package: tuple[list[LedgerRow], list[tuple[int, int, int]]] = ([], [])
        self.packages.append(package)
        for wanted in missing(merge(self.ledger), start, end):
            cursor, done = wanted.cursor, False
            while not done:
                if pages == 0:
                    return False
                pages -= 1
                page = exchange.trades_since(cursor.since, page_size)
                step = take(cursor, page, page_size, wanted.end_ns, MARGIN_NS)
                assert exchange.asked < 5_000, "the load does not end"
                if step.is_silent and is_contradicted(
                    step, exchange.trades_since(None, page_size), page.exchange_ns - MARGIN_NS
                ):
                    continue
                keys = [key(trade) for trade in step.trades]
                assert not seen.intersection(keys)
                assert len(set(keys)) == len(keys)
                seen.update(keys)
                for trade, name in zip(step.trades, keys, strict=True):
                    package[1].append(name)
                    assert self.trades.setdefault(name, trade.row.price) == trade.row.price
                self.missing_ids += len(step.holes)
                self.ledger.append(LedgerRow(step.covered_from_ns, place_of(cursor), step.cursor))
                package[0].append(self.ledger[-1])
                self.assert_covered(exchange, step.covered_from_ns, step.cursor.covered_to_ns)
                cursor, done = step.cursor, step.is_done
        return True

    def lose(self, number: int) -> None:
        """Lose a load with its ledger and the trades it alone brought, as an older copy of the warehouse does."""
        if self.packages:
            rows, names = self.packages.pop(number % len(self.packages))
            for row in rows:
                self.ledger.remove(row)
            kept = {name for _, others in self.packages for name in others}
            for name in set(names) - kept:
                del self.trades[name]

    def assert_covered(self, exchange: SimulatedExchange, from_ns: int, to_ns: int) -> None:
        """What the ledger says is proven must be here, also trades that nobody could see yet."""
        here = set(self.trades.values())
        claimed = {row.price for row in exchange.rows if from_ns <= row.time_ns < to_ns}
        assert claimed <= here

    def is_whole(self, exchange: SimulatedExchange, start: int, end: int | None) -> bool:
        """Tell whether just the displayed range's trades are here, each once."""
        expected = [
            row.price
            for (time_ns, _), row in zip(exchange.trades, exchange.rows, strict=True)
            if time_ns <= exchange.now_ns and row.time_ns >= start and (end is None or row.time_ns < end)
        ]
        found = [price for (_, time_ns, _), price in self.trades.items()]
        return sorted(found) == sorted(expected)


def key(trade: NewTrade) -> tuple[int, int, int]:
    """The raw table's key: the id, or else the displayed time and the place."""
    row = trade.row
    return (row.trade_id, 0, 0) if row.trade_id else (0, row.time_ns, trade.place)


def densest(exchange: SimulatedExchange) -> int:
    """How many trades fall into the time that a rewind can reach back over: a page must hold more to get on."""
    times = [time_ns for time_ns, _ in exchange.trades]
    reach = DISPLAY_REWIND_NS * 2
    return max((sum(1 for other in times if t <= other <= t + reach) for t in times), default=1)


@pytest.mark.parametrize("ids", ["all", "none", "some"])
@given(data=st.data(), room=st.integers(1, 6))
def test_every_trade_is_loaded_once_with_and_without_ids(ids: str, data: st.DataObject, room: int) -> None:
    exchange = data.draw(exchanges(ids))
    warehouse = Warehouse()
    assert warehouse.load(exchange, BASE_NS, None, densest(exchange) + room)
    assert warehouse.is_whole(exchange, BASE_NS, None)
    assert warehouse.missing_ids == 0, "ids used up by trades without one are no hole"


@given(
    exchange=exchanges("all", least=12) | exchanges("none", least=12) | exchanges("some", least=12),
    loads=st.lists(
        st.tuples(st.integers(0, 59), st.none() | st.integers(0, 59), st.integers(1, 8), st.integers(0, 59)),
        max_size=6,
    ),
    room=st.integers(1, 6),
    lost=st.lists(st.integers(0, 9), max_size=2),
)
def test_any_order_of_loads_backfills_cuts_and_losses_ends_in_the_same_warehouse(
    exchange: SimulatedExchange,
    loads: list[tuple[int, int | None, int, int]],
    room: int,
    lost: list[int],
) -> None:
    """Each load: first trade wanted, end trade (or none), pages until it is cut off, how far the clock is."""
    shown = [row.time_ns for row in exchange.rows]
    page_size = densest(exchange) + room
    warehouse = Warehouse()
    last_now = exchange.now_ns
    clock = BASE_NS
    for first, end, pages, now in loads:
        clock = max(clock, exchange.trades[now % len(shown)][0] + MARGIN_NS)
        exchange.now_ns = clock
        start_ns = shown[first % len(shown)]
        end_ns = None if end is None else max(start_ns + 1, shown[end % len(shown)])
        warehouse.load(exchange, start_ns, end_ns, page_size, pages)
    for number in lost:
        warehouse.lose(number)
    exchange.now_ns = last_now
    assert warehouse.load(exchange, BASE_NS, None, page_size)
    assert warehouse.is_whole(exchange, BASE_NS, None)
    known = len(warehouse.trades)
    asked = exchange.asked
    assert warehouse.load(exchange, BASE_NS, None, page_size)
    assert len(warehouse.trades) == known, "a second load adds nothing"
    assert exchange.asked <= asked + 4, "a second load asks for the head alone, and whether it is"


@pytest.mark.parametrize("ids", ["all", "none", "some"])
@given(
    data=st.data(),
    room=st.integers(1, 6),
    lies=st.dictionaries(st.integers(0, 9).map(lambda number: 3 * number + 1), st.integers(0, 3), min_size=1),
)
def test_no_single_answer_cut_short_is_believed(ids: str, data: st.DataObject, room: int, lies: dict[int, int]) -> None:
    """Each lie is followed by true answers; what is claimed to be covered never lacks a trade, and nothing is lost."""
    exchange = data.draw(exchanges(ids, least=4))
    exchange.lies = lies
    warehouse = Warehouse()
    assert warehouse.load(exchange, BASE_NS, None, densest(exchange) + room)
    assert warehouse.is_whole(exchange, BASE_NS, None)


def test_the_rewind_is_wider_than_what_a_display_can_hide() -> None:
    """Four decimals hide 50 µs either way; a float64 of seconds another 0.12 µs."""
    assert DISPLAY_REWIND_NS > 50_000 + 200
    assert START_REWIND_NS > DISPLAY_REWIND_NS
