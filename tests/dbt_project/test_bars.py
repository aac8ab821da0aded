"""Bars of trades and volume: against the rule in a few lines of Python, load by load, behind gaps, and made anew."""

import random
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt_project import raw
from tests.dbt_project.dbt_in_process import DbtProject

Trade = dict[str, Any]
SYMBOL = "BTC/USD"
DAY_NS = 86_400 * 10**9
BARS = [
    {"name": "ticks_7", "trades": 7},
    {"name": "coins", "base_volume": "2.5"},
    {"name": "dollars", "quote_volume": 400, "symbols": [SYMBOL]},
    {"name": "others", "trades": 1, "symbols": ["ETH/USD"]},
]
# A load each: what of two days it covers; an hour of the second day is never asked for.
STRETCHES = [
    ("2024-05-01 00:00:00", "2024-05-01 13:00:00"),
    ("2024-05-01 13:00:00", "2024-05-02 09:00:00"),
    ("2024-05-02 10:00:00", "2024-05-02 20:00:00"),
]
FIELDS = (
    "bar, traded_on::varchar, bar_number, first_time_ns, last_time_ns, open, high, low, close, base_volume, "
    "quote_volume, taker_buy_base_volume, taker_buy_count, trade_count, first_trade_id, last_trade_id, is_full, "
    "is_closed"
)


def trades_of(stretch: tuple[str, str], chance: random.Random, first_id: int) -> list[Trade]:
    """Some in one instant, some over a whole size, some of no size to speak of."""
    start_ns, end_ns = map(raw.ns, stretch)
    times = sorted(chance.randrange(start_ns, end_ns) for _ in range(60))
    times[10:14] = [times[10]] * 4
    return [
        {
            "trade_id": first_id + number,
            "time_ns": time_ns,
            "price": Decimal(chance.randrange(9000, 11000)) / 100,
            "volume": Decimal(chance.choice([1, 10_000_000, 25_000_000, 50_000_000, 750_000_000])) / 10**8,
            "side": chance.choice(["buy", "sell"]),
        }
        for number, time_ns in enumerate(times)
    ]


def expected(loads: list[list[Trade]]) -> list[tuple[Any, ...]]:
    """The rule: a trade is in the multiple of the size in which what was traded before it on the day ends."""
    own = {
        "trades": lambda _: Decimal(1),
        "base_volume": lambda trade: trade["volume"],
        "quote_volume": lambda trade: trade["price"] * trade["volume"],
    }
    to_ns = raw.ns(STRETCHES[len(loads) - 1][1])
    gap_ns = raw.ns(STRETCHES[1][1])
    rows = []
    for bar in BARS[:3]:
        (measure,) = own.keys() & bar.keys()
        size = Decimal(str(bar[measure]))
        for day, trades in groupby(
            (trade for load in loads for trade in load), lambda trade: trade["time_ns"] // DAY_NS
        ):
            places: dict[tuple[bool, int], list[Trade]] = {}
            before = {False: Decimal(0), True: Decimal(0)}
            for trade in trades:
                behind = trade["time_ns"] >= gap_ns
                trade["full"] = before[behind] + own[measure](trade)
                places.setdefault((behind, int(before[behind] // size)), []).append(dict(trade))
                before[behind] = trade["full"]
            for number, ((behind, place), held) in enumerate(places.items(), 1):
                prices = [trade["price"] for trade in held]
                bought = [trade for trade in held if trade["side"] == "buy"]
                is_full = held[-1]["full"] >= (place + 1) * size
                rows.append(
                    (
                        bar["name"],
                        f"{raw.timestamp(day * DAY_NS):%Y-%m-%d}",
                        number,
                        held[0]["time_ns"],
                        held[-1]["time_ns"],
                        *(prices[0], max(prices), min(prices), prices[-1]),
                        sum(trade["volume"] for trade in held),
                        sum(trade["price"] * trade["volume"] for trade in held),
                        sum(trade["volume"] for trade in bought),
                        len(bought),
                        len(held),
                        held[0]["trade_id"],
                        held[-1]["trade_id"],
                        is_full,
                        not behind and (is_full or to_ns >= (day + 1) * DAY_NS),
                    )
                )
    return sorted(rows)


def load(path: Path, number: int, trades: list[Trade]) -> None:
    name, (start, end) = str(number), STRETCHES[number]
    with duckdb.connect(str(path)) as connection:
        rows = []
        for trade in trades:
            row = {"trade_id": str(trade["trade_id"]), "time": "1970-01-01", "price": trade["price"], "volume": "1"}
            times = {"time_ns": trade["time_ns"], "traded_at": raw.timestamp(trade["time_ns"])}
            times["traded_on"] = times["traded_at"].date()
            rows.append(raw.trade(SYMBOL, row) | times | {"volume": trade["volume"], "side": trade["side"]})
        raw.insert(connection, "trades", rows)
        page = raw.page(SYMBOL, number, {"covered_from": start, "covered_to": end, "load": name})
        page |= {"first_trade_id": trades[0]["trade_id"], "last_trade_id": trades[-1]["trade_id"]}
        page |= {"first_time_ns": trades[0]["time_ns"], "last_time_ns": trades[-1]["time_ns"]}
        raw.insert(connection, "pages", [page | {"new_trade_count": len(trades)}])
        connection.execute("insert into kraken_raw._dlt_loads values (?, 'kraken', 0, now(), '')", [name])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "warehouse.duckdb"
    raw.create(made).close()
    return made


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(f"select {FIELDS} from kraken.bars order by all").fetchall()


def test_bars_follow_the_rule_load_by_load_and_are_checked(path: Path, tmp_path: Path, chance: random.Random) -> None:
    project = DbtProject(tmp_path / "target", path, {"kraken_candles_bars": BARS})
    loads: list[list[Trade]] = []
    for number, stretch in enumerate(STRETCHES):
        # behind the gap the ids show that something was traded in it
        loads.append(trades_of(stretch, chance, 1 + number * 60 + 5 * (number == 2)))
        load(path, number, loads[-1])
        project.run(path, "--select", "+bars")
        assert rows_of(path) == expected(loads)
    assert {(row[0], row[-2], row[-1]) for row in rows_of(path)} >= {("coins", True, True), ("coins", True, False)}
    checks = ("--select", "bars_are_sound")
    assert project.red(path, *checks) == set()
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema good; create table good.bars as from kraken.bars")
        connection.execute("update kraken.bars set high = low / 2 where bar = 'coins' and bar_number = 1")
        connection.execute("delete from kraken.bars where bar = 'ticks_7' and traded_on = '2024-05-01'")
    assert project.red(path, *checks) == {"bars_are_sound"}
    for broken in (
        "delete from kraken.bars where bar = 'coins'",
        "delete from kraken.bars",
        "update kraken.bars set bar_size = 'trades 8' where bar = 'ticks_7'",  # of days whose trades were removed since
    ):
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                f"begin; delete from kraken.bars; insert into kraken.bars from good.bars; {broken}; commit"
            )
        assert project.red(path, *checks) == {"bars_are_sound"}, broken
    fewer = DbtProject(tmp_path / "fewer", path, {"kraken_candles_bars": BARS[1:]})
    fewer.run(path, "--select", "+bars")
    assert rows_of(path) == [row for row in expected(loads) if row[0] != "ticks_7"], "made anew, and one not at all"
