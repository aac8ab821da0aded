"""A story of loads that bring trades and Kraken's candles in an awkward order, as raw rows, step by step."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import duckdb

from tests.dbt_project import raw

SYMBOL = "story"
FIRST = raw.timestamp(raw.ns("2024-02-01 23:30:00"))
MINUTES = 70  # over midnight


def _is_quiet(minute: int) -> bool:
    return minute % 7 == 3


def _trade_id(minute: int) -> int:
    return minute + 1 - (minute + 3) // 7  # a quiet minute uses no id


def _price(minute: int) -> Decimal:
    return Decimal(1000 + minute) / 100


@dataclass
class Story:
    """Writes raw rows; each load has an id of its own. Minutes count from FIRST."""

    connection: duckdb.DuckDBPyConnection
    load: str = ""

    def begin(self, load: str) -> None:
        self.load = load

    def complete(self) -> None:
        self.connection.execute("insert into kraken_raw._dlt_loads values (?, 'kraken', 0, now(), '')", [self.load])

    def trades(self, start: int, end: int, lost: Collection[int] = ()) -> None:
        """A page over minutes start to end, one trade in each that is not quiet; those lost are recorded as holes."""
        rows = self.connection.execute("select trade_id from kraken_raw.trades").fetchall()
        known = {trade_id for (trade_id,) in rows}
        numbers = [minute for minute in range(start, end) if not _is_quiet(minute)]
        for minute in numbers:
            row = {"trade_id": str(_trade_id(minute)), "price": str(_price(minute)), "volume": "1.5"}
            if minute in lost:
                stamps = {"from_time": str(self._at(minute - 1)), "to_time": str(self._at(minute + 1))}
                hole = {
                    "first_missing_id": _trade_id(minute),
                    "last_missing_id": _trade_id(minute),
                    **stamps,
                    "load": self.load,
                }
                raw.insert(self.connection, "id_holes", [raw.hole(SYMBOL, hole)])
            elif _trade_id(minute) not in known:
                trade = {**raw.trade(SYMBOL, {**row, "time": str(self._at(minute))}), "_dlt_load_id": self.load}
                raw.insert(self.connection, "trades", [trade])
        bounds = {"covered_from": str(self._start(start)), "covered_to": str(self._start(end)), "load": self.load}
        page = {**raw.page(SYMBOL, start, bounds), "new_trade_count": len(numbers)}
        raw.insert(self.connection, "pages", [page])

    def snapshot(
        self,
        fetched_at: str,
        start: int,
        end: int,
        other: Mapping[int, Mapping[str, Any]] | None = None,
        left_out: Collection[int] = (),
        timeframe: str = "1m",
    ) -> None:
        """Kraken's answer about buckets that begin in minutes start to end; `other` are figures unlike ours."""
        size, rows = raw.SECONDS[timeframe] // 60, []
        for minute in range(start, end, size):
            if minute in left_out:
                continue
            traded = [m for m in range(minute, minute + size) if not _is_quiet(m)]
            before = _price(max(m for m in range(minute - 7, minute) if not _is_quiet(m)))
            prices = [_price(m) for m in traded] or [before]
            volume = Decimal("1.5") * len(traded)
            vwap = sum(prices, Decimal(0)) / len(prices) if traded else Decimal(0)
            row = {
                "timeframe": timeframe,
                "bucket_start": self._start(minute),
                "fetched_at": fetched_at,
                "load": self.load,
                "open": prices[0],
                "high": max(prices),
                "low": min(prices),
                "close": prices[-1],
                "vwap": vwap.quantize(Decimal("0.01"), "ROUND_DOWN"),
                "base_volume": volume,
                "trade_count": len(traded),
                **(other or {}).get(minute, {}),
            }
            rows.append(raw.rest_candle(SYMBOL, row))
        raw.insert(self.connection, "rest_candles", rows)

    def market(self, decimals: int) -> None:
        self.connection.execute("delete from kraken_raw.markets where symbol = ?", [SYMBOL])
        raw.insert(self.connection, "markets", [raw.market(SYMBOL, decimals)])

    def _start(self, minute: int) -> Any:
        return FIRST + timedelta(minutes=minute)

    def _at(self, minute: int) -> Any:
        return self._start(minute) + timedelta(seconds=30)


def first_answer(story: Story) -> None:
    story.trades(0, 20)
    story.snapshot("2024-02-02 12:02:00", 0, 40)


def older_answer_ends_later(story: Story) -> None:
    story.snapshot("2024-02-02 12:01:00", -10, 15, {5: {"close": "9.00"}, 0: {"base_volume": 7}})


def market_becomes_known(story: Story) -> None:
    story.market(2)


def coverage_grows_and_buckets_are_left_out(story: Story) -> None:
    story.trades(20, MINUTES)
    story.snapshot("2024-02-02 12:03:00", 10, 60, {12: {"trade_count": 4}}, left_out={45, 46})
    story.snapshot("2024-02-02 10:00:00", 44, 45)
    story.snapshot("2024-02-02 10:00:01", 47, 48)
    story.snapshot("2024-02-02 12:03:01", 0, 60, {30: {"high": "99"}}, timeframe="30m")


def older_answer_agrees(story: Story) -> None:
    story.snapshot("2024-02-02 11:30:00", 16, 18)


def older_answer_leaves_the_same_out(story: Story) -> None:
    story.snapshot("2024-02-02 11:00:00", 44, 48, left_out={45, 46})


def kraken_goes_back_to_what_it_said_first(story: Story) -> None:
    story.snapshot("2024-02-02 12:05:00", 12, 13)


def older_answers_disagree(story: Story) -> None:
    story.snapshot("2024-02-02 12:04:00", 5, 14, {5: {"close": "9.00"}, 13: {"low": "1"}})
    story.snapshot("2024-02-02 12:04:01", 0, 60, timeframe="30m")


def coverage_loses_a_stretch(story: Story) -> None:
    story.trades(14, 16, lost={15})
    story.connection.execute(f"delete from kraken_raw.trades where trade_id = {_trade_id(15)}")


def the_stretch_comes_back(story: Story) -> None:
    story.trades(15, 16)


def decimals_change(story: Story) -> None:
    story.market(4)


def nothing(_story: Story) -> None:
    """Only the settings change."""


# Each does one thing, so that nothing else makes the build look; with the number of the settings it is built with.
STEPS: list[tuple[Callable[[Story], None], int]] = [
    (first_answer, 0),
    (older_answer_ends_later, 0),
    (market_becomes_known, 0),
    (coverage_grows_and_buckets_are_left_out, 0),
    (older_answer_agrees, 0),
    (older_answer_leaves_the_same_out, 0),
    (kraken_goes_back_to_what_it_said_first, 0),
    (older_answers_disagree, 0),
    (coverage_loses_a_stretch, 0),
    (the_stretch_comes_back, 0),
    (decimals_change, 0),
    (nothing, 1),
]
