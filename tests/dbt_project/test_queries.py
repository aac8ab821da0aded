"""Each query of dbt_project/queries, on what is published and on the warehouse, beside plain loops over the trades."""

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from tests.conftest import ROOT
from tests.dbt_project import random_trades, raw
from tests.dbt_project.dbt_run import Built

FOLDER = ROOT / "dbt_project" / "queries"
QUERIES = sorted(file.stem for file in FOLDER.glob("*.sql"))
SYMBOL = random_trades.SYMBOL
DAY = 86_400 * 10**9
HOUR = 3600 * 10**9
MINUTE = 60 * 10**9
STEP = Decimal(1000)
SET = {
    "symbol": f"'{SYMBOL}'",
    "starts_at": "timestamp '2024-02-28'",
    "ends_at": "timestamp '2024-03-20'",
    "starts_on": "date '2024-02-28'",
    "ends_on": "date '2024-03-20'",
    "step": f"{STEP}::decimal(38, 12)",
    "how_many": "200",
}
# Of what trades alone can tell, and of what only the published macro can.
WAREHOUSE_ALONE = {"trade_at_orders", "volume_profile_of_trades"}
PUBLISHED_ALONE = {"resample"}
Row = tuple[Any, ...]


class Trade(NamedTuple):
    """A trade of the golden tape."""

    time_ns: int
    trade_id: int
    price: Decimal
    volume: Decimal
    side: str


class Order(NamedTuple):
    """A fill of one's own."""

    order_id: str
    side: str
    filled_ns: int
    price: Decimal
    volume: Decimal


class Candle(NamedTuple):
    """A closed candle, reckoned; its stretch is the number of the range that proves it."""

    stretch: int
    start_ns: int
    end_ns: int
    trades: list[Trade]

    @property
    def base(self) -> Decimal:
        return sum((trade.volume for trade in self.trades), Decimal(0))

    @property
    def quote(self) -> Decimal:
        return sum((trade.price * trade.volume for trade in self.trades), Decimal(0))

    @property
    def vwap(self) -> Decimal:
        return (self.quote / self.base).quantize(Decimal("1e-12"), rounding="ROUND_DOWN")


TRADES = [
    Trade(
        row["time_ns"],
        row["trade_id"],
        Decimal(row["price"]).scaleb(-4),
        Decimal(row["volume"]).scaleb(-8),
        row["side"],
    )
    for row in random_trades.trades()
]
RANGES = random_trades.ranges()
GAP = (RANGES[0][1], RANGES[1][0])


def fills() -> list[Order]:
    """Amid trades, at an instant that several share, at midnight, around the gap and where nothing is proven."""
    shared = next(one.time_ns for one, other in pairwise(TRADES[200:]) if one.time_ns == other.time_ns)
    times = [
        *(TRADES[number].time_ns + 10**6 for number in (50, 333, 620, 900, 1300)),
        shared // 1000 * 1000 + 1000,
        raw.ns("2024-03-05 00:00:00"),
        GAP[0] - 5 * MINUTE,
        (GAP[0] + GAP[1]) // 2,
        GAP[1] + MINUTE,
        RANGES[0][0] - HOUR,
        RANGES[1][1] + HOUR,
    ]
    return [
        Order(
            f"fill{number:02}",
            "buy" if number % 2 else "sell",
            time_ns // 1000 * 1000,
            Decimal(40_000 + number),
            Decimal(number + 1) / 8,
        )
        for number, time_ns in enumerate(times)
    ]


ORDERS = fills()


@cache
def candles(size: int) -> list[Candle]:
    """All closed candles of a length in ns."""
    inside: dict[int, list[Trade]] = {}
    for trade in TRADES:
        inside.setdefault(trade.time_ns // size, []).append(trade)
    return [
        Candle(stretch, number * size, (number + 1) * size, inside.get(number, []))
        for stretch, (covered_from, covered_to) in enumerate(RANGES)
        for number in range(-(-covered_from // size), covered_to // size)
    ]


def within(time_ns: int) -> bool:
    return raw.ns("2024-02-28 00:00:00") <= time_ns < raw.ns("2024-03-20 00:00:00")


def stamp(time_ns: int) -> datetime:
    return raw.timestamp(time_ns)


def latest_candles() -> list[Row]:
    newest = candles(HOUR)[-1]
    traded = [candle for candle in candles(HOUR) if candle.trades][-1]
    newest_row = (stamp(newest.start_ns), stamp(newest.end_ns), not newest.trades, newest.base, len(newest.trades))
    return [(SYMBOL, *newest_row, traded.trades[-1].price, stamp(traded.start_ns))]


def resample() -> list[Row]:
    rows = []
    for candle in candles(2 * HOUR):
        if within(candle.start_ns):
            prices = [trade.price for trade in candle.trades]
            four = (prices[0], max(prices), min(prices), prices[-1]) if prices else (None,) * 4
            sums = (candle.base, candle.quote, candle.vwap if prices else None, len(prices), not prices)
            rows.append((stamp(candle.start_ns), stamp(candle.end_ns), *four, *sums, "trades"))
    return rows


def moves(size: int) -> list[tuple[Candle, Candle]]:
    """Each candle with trades and the one before it, of one stretch."""
    traded = [candle for candle in candles(size) if candle.trades]
    return [(before, candle) for before, candle in pairwise(traded) if before.stretch == candle.stretch]


def realised_volatility() -> list[Row]:
    days: dict[date, list[tuple[float, int]]] = {}
    for before, candle in moves(MINUTE):
        change = math.log(candle.trades[-1].price / before.trades[-1].price)
        days.setdefault(stamp(candle.start_ns).date(), []).append(
            (change, (candle.start_ns - before.start_ns) // MINUTE)
        )
    return [
        (
            day,
            len(returns),
            float(sum(minutes for _, minutes in returns)),
            math.sqrt(sum(change**2 for change, _ in returns) / sum(minutes for _, minutes in returns) * 525_600),
        )
        for day, returns in sorted(days.items())
    ]


def top_moves() -> list[Row]:
    rows = []
    for before, candle in moves(HOUR):
        close_before, close = before.trades[-1].price, candle.trades[-1].price
        if within(candle.start_ns):
            change = float((close - close_before) / close_before * 100)
            quiet = (candle.start_ns - before.end_ns) // 10**9
            figures = (close_before, close, change, quiet, candle.base, len(candle.trades))
            rows.append((SYMBOL, stamp(candle.start_ns), *figures))
    return sorted(rows, key=lambda row: -abs(row[4]))[:200]


def volume_profile() -> list[Row]:
    levels: dict[Decimal, list[Candle]] = {}
    for candle in candles(MINUTE):
        if candle.trades and within(candle.start_ns):
            levels.setdefault(candle.vwap - candle.vwap % STEP, []).append(candle)
    sums = {level: sum(candle.base for candle in inside) for level, inside in levels.items()}
    return [
        (
            level,
            sums[level],
            sum(candle.quote for candle in inside),
            sum(len(candle.trades) for candle in inside),
            float(sums[level] / sum(sums.values())),
        )
        for level, inside in sorted(levels.items())
    ]


def volume_profile_of_trades() -> list[Row]:
    levels: dict[Decimal, list[Trade]] = {}
    for trade in TRADES:
        if within(trade.time_ns) and any(start <= trade.time_ns < end for start, end in RANGES):
            levels.setdefault(trade.price - trade.price % STEP, []).append(trade)
    return [
        (
            level,
            sum(trade.volume for trade in inside),
            sum(trade.volume for trade in inside if trade.side == "buy"),
            len(inside),
        )
        for level, inside in sorted(levels.items())
    ]


def reference(order: Order) -> tuple[Candle | None, Candle | None]:
    """The proven minute in which an order was filled, and the last one before with trades, of the same stretch."""
    minutes = candles(MINUTE)
    own = next((candle for candle in minutes if candle.start_ns <= order.filled_ns < candle.end_ns), None)
    if own is None:
        return None, None
    before = [
        candle
        for candle in minutes
        if candle.trades and candle.end_ns <= order.filled_ns and candle.stretch == own.stretch
    ]
    return own, before[-1] if before else None


def by_time(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row[3], row[0]))


def head(order: Order) -> Row:
    return (order.order_id, SYMBOL, order.side, stamp(order.filled_ns), order.price)


def price_at_orders() -> list[Row]:
    rows = []
    for order in ORDERS:
        own, before = reference(order)
        prices = [trade.price for trade in own.trades] if own else []
        low, high = (min(prices), max(prices)) if prices else (None, None)
        price_before = before.trades[-1].price if before else None
        # As date_diff counts: the seconds of the clock that began between.
        seconds = order.filled_ns // 10**9 - before.end_ns // 10**9 if before else None
        inside = None if own is None else bool(prices) and min(prices) <= order.price <= max(prices)
        rows.append((*head(order), own is not None, price_before, seconds, low, high, inside))
    return by_time(rows)


def trade_at_orders() -> list[Row]:
    rows = []
    for order in ORDERS:
        stretch = [(start, end) for start, end in RANGES if start <= order.filled_ns < end]
        known = [trade for trade in TRADES if stretch and stretch[0][0] <= trade.time_ns < order.filled_ns + 1000]
        last = known[-1] if known else None
        past = (order.filled_ns - last.time_ns // 1000 * 1000) // 1000 if last else None
        rows.append((*head(order), bool(last), last and last.trade_id, last and last.price, past))
    return by_time(rows)


def slippage() -> list[Row]:
    rows = []
    for side in ("buy", "sell"):
        orders = [order for order in ORDERS if order.side == side]
        figures: list[Any] = []
        for which in (0, 1):
            known = []
            for order in orders:
                candle = reference(order)[which]
                if candle and candle.trades:
                    known.append((order, candle.trades[-1].price if which else candle.vwap))
            sign = 1 if side == "buy" else -1
            cost = sum((order.price - price) * order.volume * sign for order, price in known)
            worth = sum(price * order.volume for order, price in known)
            figures += [len(orders) - len(known), cost, float(cost / worth * 10_000)]
        rows.append((SYMBOL, side, len(orders), sum(order.volume for order in orders), *figures))
    return rows


def proven_days() -> list[Row]:
    days: dict[int, int] = {}
    for start, end in [(start // 1000, end // 1000) for start, end in RANGES]:
        for day in range(start // (DAY // 1000), -(-end // (DAY // 1000))):
            days[day] = days.get(day, 0) + min(end, (day + 1) * DAY // 1000) - max(start, day * DAY // 1000)
    gaps = {day: int(day == GAP[0] // DAY) for day in days}
    return [
        (SYMBOL, stamp(day * DAY).date(), covered / 1e6, covered / 864e6, gaps[day])
        for day, covered in sorted(days.items())
        if within(day * DAY)
    ]


def candles_as_known() -> list[Row]:
    rows = []
    for candle in candles(HOUR):
        if within(candle.start_ns):
            close = candle.trades[-1].price if candle.trades else None
            pairs = [(figure, figure) for figure in (close, candle.base, len(candle.trades))]
            rows.append((stamp(candle.start_ns), "same", *(figure for pair in pairs for figure in pair)))
    return rows


def gaps_as_known() -> list[Row]:
    gap_from, gap_to = (stamp(time_ns) for time_ns in GAP)
    last = max(trade.trade_id for trade in TRADES if trade.time_ns < GAP[0])
    ids = min(trade.trade_id for trade in TRADES if trade.time_ns >= GAP[1]) - last - 1
    return [(SYMBOL, gap_from, gap_to, (gap_to - gap_from) / timedelta(seconds=1), "ids_missing", ids, False, True)]


RECKONED: dict[str, Callable[[], list[Row]]] = {
    function.__name__: function
    for function in (
        *(latest_candles, resample, realised_volatility, top_moves, volume_profile, volume_profile_of_trades),
        *(price_at_orders, trade_at_orders, slippage, proven_days, candles_as_known, gaps_as_known),
    )
}


def run(connection: duckdb.DuckDBPyConnection, query: str, variables: Mapping[str, str]) -> list[Row]:
    """Run a query with other values of the variables that it sets, and with these orders where it has any."""
    *before, last = connection.extract_statements((FOLDER / f"{query}.sql").read_text())
    for statement in before:
        connection.execute(statement)
    for name, value in variables.items():
        if any(f"set variable {name} = " in statement.query for statement in before):
            connection.execute(f"set variable {name} = {value}")
    if any("temp table orders" in statement.query for statement in before):
        connection.execute("delete from orders")
        rows = [
            (order.order_id, SYMBOL, order.side, stamp(order.filled_ns), order.price, order.volume) for order in ORDERS
        ]
        connection.executemany("insert into orders values (?, ?, ?, ?, ?, ?)", rows)
    return connection.execute(last).fetchall()


def same(value: Any, expected: Any, is_exact: bool) -> bool:
    """Equal to the digit; where both are not decimals, as doubles."""
    if isinstance(expected, Decimal) and is_exact:
        return value == expected
    if isinstance(expected, Decimal | float) and value is not None:
        return math.isclose(float(value), float(expected), rel_tol=1e-9, abs_tol=1e-9)
    return bool(value == expected)


@pytest.mark.parametrize("where", ["published", "warehouse"])
@pytest.mark.parametrize("query", QUERIES)
def test_a_query_says_what_the_trades_say(query: str, where: str, built: Built, published: Path) -> None:
    if query in (WAREHOUSE_ALONE if where == "published" else PUBLISHED_ALONE):
        return
    path = published if where == "published" else built.warehouse
    with duckdb.connect(str(path), read_only=True) as connection:
        if where == "warehouse":
            connection.execute("use kraken")
        rows = run(connection, query, SET)
    if query in {"latest_candles", "gaps_as_known", "top_moves"}:  # of all symbols
        rows = [row for row in rows if row[0] == SYMBOL]
    expected = RECKONED[query]()
    assert expected
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        assert len(row) == len(wanted)
        assert all(same(*pair, where == "warehouse") for pair in zip(row, wanted, strict=True)), (row, wanted)


def test_each_query_says_what_it_answers_its_units_and_what_to_change() -> None:
    assert set(RECKONED) == set(QUERIES)
    for query in QUERIES:
        comment = (FOLDER / f"{query}.sql").read_text().split("set TimeZone = 'UTC';")[0].splitlines()
        assert all(line.startswith("--") for line in comment), query
        assert [line for line in comment if line.startswith("-- Units: ")], query
        assert [line for line in comment if line.startswith("-- Change: ")], query
