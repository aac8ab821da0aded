"""Random trades, ties, page sizes and both meanings of `since`: nothing lost, nothing double, always ends."""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlt_pipeline.common.exceptions import StalledCursorError, TransientExchangeError
from dlt_pipeline.kraken.extract import SymbolLoad
from dlt_pipeline.kraken.ledger import LEDGER_COLUMNS, LedgerRow, ledger_row, merge, missing
from dlt_pipeline.kraken.markets import Market
from dlt_pipeline.kraken.settings import DISPLAY_REWIND_NS, START_REWIND_NS, load_settings
from tests.kraken.simulated import BASE_NS, DAY_NS, LIES, SimulatedExchange

MARGIN_NS = 5 * 10**9
MARKET = Market("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD", "BTC", "USD", 1, 8, "online")
HOUR_NS = 3_600 * 10**9
IDS_LEFT_OUT = (
    *((0, 9), (300_000, 10), (600_000, 11), (600_000, 12), (600_000, 0), (600_090, 0), (640_090, 0), (940_090, 0)),
    *((1_240_090, 17), (1_540_090, 0)),
)
BEHIND_THE_END = (40_852, 40_002, 41_002, 41_092, 81_092, 31_092, 2_031_092)
# Steps between neighbours: ties, 1 ns, under the display's precision, bursts, and silence.
BOUND_NS = 200_000
# How far a trade may step back behind the one before it.
BACKS = st.sampled_from([0, 0, 0, 1, 1_000, 90_000])
STEPS = st.sampled_from([0, 0, 1, 90, 150, 700, 40_000, 300_000, 300_000, 2_000_000, 3 * 10**9, 3_600 * 10**9])


@st.composite
def exchanges(draw: st.DrawFn, ids: str, least: int = 0) -> SimulatedExchange:
    time_ns, trade_id = BASE_NS, draw(st.sampled_from([0, 2]))
    trades = []
    for step, has_id, back in draw(st.lists(st.tuples(STEPS, st.booleans(), BACKS), min_size=least, max_size=60)):
        time_ns += step
        trade_id += 1  # a trade shown without id has used one up
        shown = ids == "all" or (ids == "some" and has_id)
        trades.append((time_ns - (back if ids == "all" and trades else 0), trade_id if shown else 0))
    return SimulatedExchange(
        trades,
        inclusive=draw(st.booleans()),
        decimals=draw(st.sampled_from([4, 7])),
        drop_last_every=draw(st.sampled_from([0, 0, 1, 3])),
        finds_by_place=draw(st.booleans()),
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
        load = SymbolLoad(
            *(exchange, MARKET, load_settings(page_size=page_size)),
            *(missing(merge(self.ledger), start, end), False, (), threading.Event()),
        )
        for taken in load.answers():
            assert exchange.asked < 5_000, "the load does not end"
            (page,) = taken.rows["pages"]
            for trade in taken.tables["trades"].to_pylist() if taken.trade_count else []:
                name = trade["trade_id"], trade["idless_time_ns"], trade["place"]
                assert name not in seen
                seen.add(name)
                package[1].append(name)
                assert self.trades.setdefault(name, str(trade["price"])) == str(trade["price"])
            self.missing_ids += len(taken.rows["id_holes"])
            self.ledger.append(ledger_row(tuple(page[name] for name in LEDGER_COLUMNS)))
            package[0].append(self.ledger[-1])
            self.assert_covered(exchange, page["covered_from_ns"], page["covered_to_ns"])
            pages -= 1
            if pages == 0:
                return False
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
        """Tell whether just the displayed range's trades are here, each once.

        A trade so near to a bound that times may step back over it may be here, too: an end moves behind those that do,
        and a page proves it only where a trade lies as much later still.
        """
        seen = [
            row
            for (time_ns, _), row in zip(exchange.true_trades, exchange.rows, strict=True)
            if time_ns <= exchange.now_ns
        ]
        within = {row.price for row in seen if row.time_ns >= start and (end is None or row.time_ns < end)}
        first_ns = start - BOUND_NS if exchange.steps_back else start
        last_ns = exchange.now_ns if end is None else end + 2 * BOUND_NS
        near = {row.price for row in seen if first_ns <= row.time_ns <= last_ns}
        found = list(self.trades.values())
        return len(found) == len(set(found)) and within <= set(found) <= near


def densest(exchange: SimulatedExchange) -> int:
    """How many trades fall into the time that a rewind can reach back over: a page must hold more to get on.

    The first page of a range reaches back to the trade before it, too, and to its neighbours.
    """
    times = [time_ns for time_ns, _ in exchange.true_trades]
    reach = DISPLAY_REWIND_NS * 2 + (BOUND_NS * 2 if exchange.steps_back else 0)

    widest = max((sum(1 for other in times if t <= other <= t + reach) for t in times), default=1)
    shown = [row.time_ns for row in exchange.rows]
    for start_ns in shown:
        before_ns = max((t for t in shown if t < start_ns - BOUND_NS), default=start_ns - BOUND_NS)
        widest = max(widest, sum(1 for t in shown if before_ns - DISPLAY_REWIND_NS * 2 <= t <= start_ns))
    return widest


@pytest.mark.parametrize("ids", ["all", "none", "some"])
@given(data=st.data(), room=st.integers(1, 6))
def test_every_trade_is_loaded_once_with_and_without_ids(ids: str, data: st.DataObject, room: int) -> None:
    exchange = data.draw(exchanges(ids))
    warehouse = Warehouse()
    assert warehouse.load(exchange, BASE_NS, None, densest(exchange) + room)
    assert warehouse.is_whole(exchange, BASE_NS, None)
    assert warehouse.missing_ids == 0, "ids used up by trades without one are no hole"


@example(  # a page ends 40 µs behind the end of a range, and the next range of that load begins there
    exchange=SimulatedExchange(
        [(BASE_NS + HOUR_NS * (number - number // 6) + 40_000 * (number // 6), number + 1) for number in range(12)],
        inclusive=True,
    ),
    loads=[(5, 0, 8, 11)],
    room=2,
    lost=[],
)
@example(  # the trade after the known one has no id, and a page before it was known whole
    exchange=SimulatedExchange(
        [
            *((BASE_NS + offset, trade_id) for offset, trade_id in ((300_000, 0), (340_000, 4), (HOUR_NS, 0))),
            *((BASE_NS + 2 * HOUR_NS + offset, trade_id) for offset, trade_id in ((0, 6), (300_000, 0), (300_000, 8))),
            *((BASE_NS + 2 * HOUR_NS + 3 * 10**9 + offset, trade_id) for offset, trade_id in IDS_LEFT_OUT),
        ],
        inclusive=False,
    ),
    loads=[(9, 13, 7, 37), (39, None, 8, 49)],
    room=1,
    lost=[9],
)
@example(  # behind the end lies a trade that is shown before it, where `since` hides it
    exchange=SimulatedExchange(
        [
            *((BASE_NS + offset, number) for number, offset in enumerate((1, 40_001, 40_700, 40_851, 40_852), 1)),
            (BASE_NS + 1_950_852, 6),
            *((BASE_NS + HOUR_NS + offset, number) for number, offset in enumerate(BEHIND_THE_END, 7)),
            *((BASE_NS + (2 + number) * HOUR_NS, 14 + number) for number in range(8)),
        ],
        inclusive=True,
        decimals=4,
    ),
    loads=[(7, 1, 3, 20)],
    room=2,
    lost=[],
)
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
        clock = max(clock, exchange.true_trades[now % len(shown)][0] + MARGIN_NS)
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
    first=st.integers(0, 3),
    end=st.none() | st.integers(1, 3),
    lies=st.dictionaries(
        st.integers(0, 9).map(lambda number: 3 * number + 1),
        st.tuples(st.sampled_from(sorted(LIES)), st.integers(0, 3)),
        min_size=1,
    ),
)
def test_no_single_answer_that_is_not_true_is_believed(
    *,
    ids: str,
    data: st.DataObject,
    room: int,
    first: int,
    end: int | None,
    lies: dict[int, tuple[str, int]],
) -> None:
    """Each lie is followed by true answers; what is claimed to be covered never lacks a trade, and nothing is lost."""
    exchange = data.draw(exchanges(ids, least=4))
    exchange.lies = lies
    warehouse = Warehouse()
    start_ns = exchange.rows[first].time_ns
    end_ns = None if end is None else max(start_ns + 1, exchange.rows[-end].time_ns)
    for _ in range(10):
        try:
            assert warehouse.load(exchange, start_ns, end_ns, densest(exchange) + room)
            break
        except TransientExchangeError:
            continue
    assert warehouse.is_whole(exchange, start_ns, end_ns)
    assert warehouse.missing_ids == 0


@pytest.mark.parametrize("lying", [3, 4])
def test_an_answer_that_shows_a_trade_which_steps_back_is_better_than_one_without(lying: int) -> None:
    """What its times prove ends sooner for that trade, and still it is the one without a hole."""
    apart = [BASE_NS + number * 10**9 for number in (-32, -31, -30, 0, 1, 2)]
    close = (2_901_490, 3_201_490, 3_111_490, 3_201_640, 3_112_340, 3_202_340, 3_202_489, 3_202_490, 3_412_490)
    times = [*apart, *(apart[-1] + offset for offset in close)]
    exchange = SimulatedExchange([(time_ns, number) for number, time_ns in enumerate(times, 3)], True, decimals=4)
    exchange.lies = {lying: ("headless", 3)}
    warehouse = Warehouse()
    assert warehouse.load(exchange, apart[1], None, 10)
    assert warehouse.is_whole(exchange, apart[1], None)
    assert warehouse.missing_ids == 0


OFFSETS = (0, 300_000, 600_000, 600_000, 600_000, 900_000, 1_200_000, 1_199_999, 1_200_000)
CUT_SHORT = (0, 0, 0, 0, 300_000, 600_000, 600_000, 2_600_000, 2_600_000, 2_599_999, 2_600_000)


@pytest.mark.parametrize(
    ("trades", "page_size", "lies", "end"),
    [
        # two answers show a hole, for `since` hides a trade; the one before them hides their ids
        ([(offset, number) for number, offset in enumerate(OFFSETS, 3)], 5, {4: ("without ids", 0)}, None),
        # one shows the hole, and the one further back ends before it
        (
            [(offset, number) for number, offset in enumerate(CUT_SHORT, 3)],
            7,
            {1: ("absurd id", 0), 4: ("cut short", 3), 7: ("cut short", 2)},
            None,
        ),
        # a trade without id has used one up, and takes the place of a known one where that is left out
        ([(0, 1), (1, 2), (1, 0), (1, 4)], 5, {1: ("old", 1), 4: ("headless", 0)}, None),
        (
            [
                *((offset, 0) for offset in (0, 0, 0, 300_000, 600_000, 600_000, 900_000)),
                *((1_200_000, n) for n in (8, 0, 10)),
            ],
            8,
            {4: ("headless", 0)},
            None,
        ),
        # the same behind the end of the range
        (
            [
                *((offset, 0) for offset in (0, 0, 0, 0, 0, 0, 0, 0, 300_000)),
                *((3_000_300_000, 0) for _ in range(4)),
                *((3_000_400_000, 14), (3_000_500_000, 0), (3_000_500_000, 0), (3_000_800_000, 0), (3_000_800_000, 18)),
            ],
            14,
            {4: ("headless", 3)},
            -3,
        ),
        # `since` hides the last two, which the newest page once showed and then does not
        ([(0, 1), (0, 2), (-1, 3), (-1, 4)], 5, {1: ("cut short", 1), 4: ("old", 1)}, None),
    ],
)
def test_the_one_answer_of_three_that_is_not_true_is_outvoted(
    trades: list[tuple[int, int]], page_size: int, lies: dict[int, tuple[str, int]], end: int | None
) -> None:
    true_trades = [(BASE_NS + offset, number) for offset, number in trades]
    exchange = SimulatedExchange(true_trades, inclusive=False, decimals=4, lies=lies)
    warehouse = Warehouse()
    end_ns = None if end is None else exchange.rows[end].time_ns
    assert warehouse.load(exchange, BASE_NS, end_ns, page_size)
    assert warehouse.is_whole(exchange, BASE_NS, end_ns)
    assert warehouse.missing_ids == 0


def test_a_newest_page_that_is_old_proves_no_more_than_the_page_before_it() -> None:
    """A trade happens between two slow calls, and the copy that is asked second does not have it yet."""
    start_ns = BASE_NS + DAY_NS
    trades = [(start_ns - 10 * 10**9, 1), (start_ns - 9 * 10**9, 2), (start_ns + 3 * 10**9, 3)]
    exchange = SimulatedExchange(trades, inclusive=True, now_ns=start_ns - 20 * 10**9, seconds_per_call=20)
    exchange.lies = {2: ("old", 0)}
    warehouse = Warehouse()
    assert warehouse.load(exchange, BASE_NS + 1, None, 10)
    assert warehouse.load(exchange, BASE_NS + 1, None, 10)
    assert warehouse.is_whole(exchange, BASE_NS + 1, None)


@pytest.mark.parametrize(
    ("offsets", "page_size", "empty"),
    [
        ((-100, 10, 20), 9, (1, 3, 4, 5, 6, 7, 8, 9)),  # the newest page showed trades before it was empty
        ((-100, 10, -1, -1, -1, -1), 4, (1,)),  # a full newest page of the last seconds alone
        ((-100, 10, -1, -1, -1, -1), 4, (1, 3, 5, 7)),
    ],
)
@pytest.mark.parametrize("first_id", [1, 5_000])
def test_empty_answers_at_a_beginning_prove_no_silence(
    offsets: tuple[int, ...], page_size: int, empty: tuple[int, ...], first_id: int
) -> None:
    """Offsets in seconds behind the start, or before the exchange's clock for the last ones."""
    start_ns, now_ns = BASE_NS, BASE_NS + 1_000 * 10**9
    times = [start_ns + offsets[0] * 10**9]
    times += [(start_ns if offset > 0 else now_ns) + offset * 10**9 for offset in offsets[1:]]
    exchange = SimulatedExchange([*zip(times, count(first_id), strict=False)], inclusive=False, now_ns=now_ns)
    exchange.lies = dict.fromkeys(empty, ("cut short", 0))
    warehouse = Warehouse()  # which looks whether all is there that is said to be covered
    with suppress(TransientExchangeError):
        warehouse.load(exchange, start_ns, start_ns + 500 * 10**9, page_size)


@pytest.mark.parametrize("ids", [(5, 0, 7, 10, 11), (0, 0, 0, 0, 0, 6, 9)])
def test_a_hole_that_stays_beside_a_trade_without_id_is_recorded(ids: tuple[int, ...]) -> None:
    exchange = SimulatedExchange([(BASE_NS + n * 10**9, trade_id) for n, trade_id in enumerate(ids)], inclusive=True)
    warehouse = Warehouse()
    assert warehouse.load(exchange, BASE_NS, None, 20)
    assert warehouse.is_whole(exchange, BASE_NS, None)
    assert warehouse.missing_ids == 1


@pytest.mark.parametrize("page_size", [3, 4, 5])
def test_a_page_that_ends_just_before_the_start_is_followed_by_one_that_shows_what_precedes_it(page_size: int) -> None:
    exchange = SimulatedExchange(
        [(BASE_NS + offset, number) for number, offset in enumerate((0, 0, 210_000, 300_000, 10**9), 1)], inclusive=True
    )
    warehouse = Warehouse()
    start_ns = exchange.rows[3].time_ns
    if page_size == 3:
        with pytest.raises(StalledCursorError, match=r"BTC/USD: .* Begin the range a second earlier or later"):
            warehouse.load(exchange, start_ns, None, page_size)
        start_ns -= 10**9
    assert warehouse.load(exchange, start_ns, None, page_size)
    assert warehouse.is_whole(exchange, start_ns, None)
    assert exchange.asked < 10


def test_the_rewind_is_wider_than_what_a_display_can_hide() -> None:
    """Four decimals hide 50 µs either way; a float64 of seconds another 0.12 µs."""
    assert DISPLAY_REWIND_NS > 50_000 + 200
    assert START_REWIND_NS > DISPLAY_REWIND_NS
