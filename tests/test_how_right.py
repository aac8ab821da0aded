"""The figures of docs/how-right.md about recorded answers, reckoned from the recordings by plain Python."""

import csv
import json
from collections import defaultdict
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.pages import page

Minutes = list[tuple[list[Any], list[list[Any]]]]


@pytest.fixture(scope="module")
def minutes(recorded_folder: Path) -> Minutes:
    """Each whole minute with trades: Kraken's own row, and the trades by their ids."""
    read = [
        json.loads((recorded_folder / "xbtusdt" / name).read_text(), parse_float=Decimal)["result"]["XBTUSDT"]
        for name in ("ohlc_1m.json", "trades.json")
    ]
    by_minute = defaultdict(list)
    for trade in read[1]:
        by_minute[int(trade[2]) // 60 * 60].append(trade)
    # The first and the last minute are not whole: the page begins and ends within them.
    first, last = min(by_minute), max(by_minute)
    return [(row, by_minute[row[0]]) for row in read[0] if first < row[0] < last and row[0] in by_minute]


def said(text: str) -> None:
    assert text in " ".join(page("how-right.md").split())


def test_what_time_alone_does_not_tell(minutes: Minutes) -> None:
    unknown = 0
    for _, trades in minutes:
        times = [trade[2] for trade in trades]
        ends = ({Decimal(trade[0]) for trade in trades if trade[2] == end} for end in (min(times), max(times)))
        unknown += any(len(prices) > 1 for prices in ends)
    said(f"in {unknown} of these {len(minutes)} minutes")


def test_what_kraken_does_with_vwap(minutes: Minutes) -> None:
    matched = {ROUND_DOWN: 0, ROUND_HALF_UP: 0}
    for row, trades in minutes:
        quote = sum(Decimal(trade[0]) * Decimal(trade[1]) for trade in trades)
        vwap = quote / sum(Decimal(trade[1]) for trade in trades)
        for way in matched:
            matched[way] += vwap.quantize(Decimal("0.1"), rounding=way) == Decimal(row[5])
    said(f"cut matches {matched[ROUND_DOWN]}, rounded {matched[ROUND_HALF_UP]}")


def test_what_float_sums_of_volume_are(minutes: Minutes) -> None:
    wrong = 0
    for row, trades in minutes:
        added = 0.0
        for trade in trades:
            added += float(trade[1])
        wrong += Decimal(repr(added)) != Decimal(row[6])
    said(f"in {wrong} of them")


def test_what_is_lost_where_trades_are_told_apart_by_their_time(recorded_folder: Path) -> None:
    rows = [row for file in sorted((recorded_folder / "bcheur").glob("*.csv")) for row in csv.reader(file.open())]
    volumes: dict[str, Decimal] = {}
    alike: dict[tuple[str, ...], Decimal] = {}
    for time, price, volume in rows:
        volumes.setdefault(time, Decimal(volume))
        alike.setdefault((time, price, volume), Decimal(volume))
    total = sum(Decimal(row[2]) for row in rows)
    lost = 1 - sum(volumes.values()) / total
    said(f"loses {len(rows) - len(volumes)} of {len(rows)} trades and {lost:.0%} of the volume")
    said(f"loses {len(rows) - len(alike)} of them and {1 - sum(alike.values()) / total:.0%}")
