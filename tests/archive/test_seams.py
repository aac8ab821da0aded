"""Archives and Kraken's answers joined at random seams: every candle of every timeframe is the tape's.

One market a seam, all loaded, imported and built together; `KRAKEN_CANDLES_SEAM_SEEDS=10-20` runs other seams.
"""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dlt_pipeline import build, import_archives
from dlt_pipeline.exchange import Clock, SyntheticFeed
from dlt_pipeline.kraken.load import load_request
from dlt_pipeline.kraken.request import Window, make_windows_request
from dlt_pipeline.warehouse.database import open_warehouse, warehouse_path
from tests.archive import exported
from tests.archive.exported import SECOND, Traded
from tests.built_parts import only

_FIRST, _, _LAST = os.environ.get("KRAKEN_CANDLES_SEAM_SEEDS", "1-2").partition("-")
SEEDS = range(int(_FIRST), int(_LAST or _FIRST) + 1)
NOW = datetime(2026, 11, 8, 12, 34, 56, tzinfo=timezone.utc)
NOW_NS = int(NOW.timestamp()) * SECOND
DAY, HOUR, MINUTE = 86_400 * SECOND, 3_600 * SECOND, 60 * SECOND
MARKETS = 20
MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440, "1w": 10_080, "15d": 21_600}
pytestmark = pytest.mark.timeout(300)


@dataclass
class Seam:
    """How one market comes: files without ids of spans, with ids of spans, and answers from a moment on (ns)."""

    plain: list[tuple[int, int]] = field(default_factory=list)
    with_ids: list[tuple[int, int]] = field(default_factory=list)
    answers_from: int = 0


def _seam(chance: random.Random, trades: Sequence[Traded], begin: int) -> Seam:
    """A seam at a random second, at midnight, at a trade's own second, with an overlap, without, or with a gap."""
    times = [trade.time_ns for trade in trades]
    at = chance.choice(
        [
            begin + chance.randrange(NOW_NS - begin),
            (begin // DAY + chance.randint(1, 3)) * DAY,
            chance.choice(times),
            chance.choice(times) // MINUTE * MINUTE + chance.choice([0, SECOND, 59 * SECOND]),
        ]
    )
    at = at // SECOND * SECOND
    overlap = chance.choice([0, 0, 1, SECOND, 7 * SECOND, MINUTE, HOUR, DAY, -1, -SECOND, -HOUR])
    seam = Seam(answers_from=min(max(begin, at - overlap), NOW_NS - MINUTE))
    kind = chance.choice(["plain", "plain", "with_ids", "both", "two"])
    if kind in ("plain", "both"):
        seam.plain.append((0, at))
    if kind in ("with_ids", "both"):
        seam.with_ids.append((0 if kind == "with_ids" else max(0, at - 2 * HOUR), at + chance.choice([0, HOUR])))
    if kind == "two":
        middle = begin + (at - begin) // 2 // SECOND * SECOND
        seam.plain += [(0, middle + chance.choice([0, HOUR])), (middle, at)]
    return seam


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _covered(seam: Seam, trades: Sequence[Traded]) -> list[tuple[int, int]]:
    """Where every bucket must have a row: what each source alone holds."""
    spans = [(seam.answers_from, NOW_NS - 6 * SECOND)]
    for start, end in seam.plain:
        cut = exported.cut(trades, start, end)
        if cut:
            spans.append((cut[0].time_ns // SECOND * SECOND, (cut[-1].time_ns // SECOND + 1) * SECOND))
    for start, end in seam.with_ids:
        cut = exported.cut(trades, start, end)
        if cut:
            spans.append((cut[0].time_ns, cut[-1].time_ns + 1))
    return _joined(spans)


def _wrong(
    rows: Sequence[tuple[Any, ...]], trades: Sequence[Traded], covered: Sequence[tuple[int, int]]
) -> tuple[list[str], int]:
    """Say which closed candles are not the tape's and which are missing; also how many with trades are right."""
    wrong, right = [], 0
    by_timeframe: dict[str, dict[int, tuple[Any, ...]]] = {name: {} for name in MINUTES}
    for timeframe, start, *values in rows:
        by_timeframe[timeframe][start] = tuple(values)
    for timeframe, minutes in MINUTES.items():
        truth = {one.bucket_start: one for one in exported.candles(trades, minutes)}
        ours, size = by_timeframe[timeframe], minutes * 60
        for start, values in ours.items():
            expected = truth.get(start)
            figures = (*tuple(Decimal(text) for text in expected[1:6]), expected.trades) if expected else None
            if values != (figures if figures else (None, None, None, None, Decimal(0), 0)):
                wrong.append(f"{timeframe} {start}: {values} is not {figures}")
            else:
                right += expected is not None
        for from_ns, to_ns in covered:
            first = -(-from_ns // (size * SECOND)) * size
            missing = [start for start in range(first, to_ns // SECOND - size + 1, size) if start not in ours]
            wrong += [f"{timeframe} {start}: lies in {from_ns} to {to_ns} and is missing" for start in missing]
    return wrong, right


@pytest.mark.parametrize("seed", [SEEDS[0], *(pytest.param(seed, marks=pytest.mark.long) for seed in SEEDS[1:])])
def test_every_candle_is_the_tapes_wherever_sources_meet(seed: int, serve: Any, tmp_path: Path) -> None:
    chance = random.Random(seed)
    feed = SyntheticFeed(seed, Clock(NOW), days=3, trades_per_day=0.02, extra_markets=MARKETS, burst=False)
    serve(feed, Clock(NOW))
    begin = int((NOW - timedelta(days=3)).replace(hour=0, minute=0, second=0).timestamp()) * SECOND
    seams: dict[str, Seam] = {}
    tapes: dict[str, list[Traded]] = {}
    folders = {"plain": tmp_path / "plain", "later": tmp_path / "later", "ids": tmp_path / "ids"}
    for market in feed.markets:
        trades = [one for one in exported.of_feed(feed, market.key, NOW_NS) if one.time_ns < NOW_NS]
        tapes[market.symbol] = trades
        seam = seams[market.symbol] = _seam(chance, trades, begin)
        for number, span in enumerate(seam.plain):
            folder = folders["later" if number else "plain"]
            exported.write_folder(folder, exported.trades_file(market.altname, exported.cut(trades, *span)))
        for span in seam.with_ids:
            exported.write_folder(
                folders["ids"], exported.trades_with_ids_file(market.altname, exported.cut(trades, *span))
            )
    windows = {symbol: [Window(seam.answers_from, None, seam.answers_from, None)] for symbol, seam in seams.items()}
    request = replace(make_windows_request(windows, ()), also_archived=True)
    steps = ["load", *(str(folder) for folder in folders.values() if folder.exists())]
    chance.shuffle(steps)
    for step in steps:
        if step == "load":
            report = load_request(request)
            assert not report.failures
        else:
            imported = import_archives(step)
            assert [one for one in imported.problems if "empty" not in one] == []
    build(arguments=only("candles", "trades", "check_archive_join", "check_import"), quiet=True)
    _check(seams, tapes)


def _check(seams: dict[str, Seam], tapes: dict[str, list[Traded]]) -> None:
    with open_warehouse(warehouse_path(), read_only=True) as warehouse:
        right = 0
        for symbol, seam in seams.items():
            rows = warehouse.execute(
                "select timeframe, epoch(bucket_start)::bigint, open, high, low, close, base_volume, trade_count "
                "from kraken.candles where is_closed and symbol = ?",
                [symbol],
            ).fetchall()
            wrong, good = _wrong(rows, tapes[symbol], _covered(seam, tapes[symbol]))
            assert wrong == [], f"{symbol} {seam}: {len(wrong)} wrong\n" + "\n".join(wrong[:5])
            right += good
            held = warehouse.execute(
                "select count(*), coalesce(sum(volume), 0) from kraken.trades where symbol = ?", [symbol]
            ).fetchall()[0]
            kept = _of_any(seam, tapes[symbol])
            assert held == (len(kept), sum((Decimal(one.volume) for one in kept), Decimal(0))), (symbol, seam)
        assert right > 5_000
        lost = warehouse.execute("select sum(lost_trade_count), count(*) from kraken.check_archive_join").fetchall()[0]
        assert lost[0] == 0
        assert lost[1] > 5
        decisions = {row[0] for row in warehouse.execute("select decision from kraken.check_archive_join").fetchall()}
        assert {"rest", "split"} <= decisions
        unequal = "is_current and (trade_difference <> 0 or volume_difference <> 0)"
        assert warehouse.execute(f"select * from kraken.check_import where {unequal}").fetchall() == []


def _of_any(seam: Seam, trades: Sequence[Traded]) -> list[Traded]:
    """The trades that any source has, once each."""
    spans = [*seam.plain, *seam.with_ids, (seam.answers_from, NOW_NS)]
    return [one for one in trades if any(start <= one.time_ns < end for start, end in spans)]
