"""The page's table of costs is what the settings say."""

import re
from dataclasses import replace

import pytest

from dlt_pipeline.cli.console import duration, size
from dlt_pipeline.estimates.price import Costs, JobSettings, price_trades, total_of
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, KrakenSettings
from tests.pages import page

COSTS = Costs(KrakenSettings(), JobSettings())
SECTION = page("costs.md")


@pytest.mark.parametrize(
    ("row", "pairs", "days"),
    [("one pair, a month", 1, 30), ("one pair, a year", 1, 365), ("ten pairs, five years", 10, 5 * 365 + 1)],
)
def test_the_table_follows_from_the_settings(row: str, pairs: int, days: int) -> None:
    assumed = re.search(r"([\d,]+) trades a day and pair", SECTION)
    assert assumed
    trades = int(assumed[1].replace(",", "")) * days
    one = price_trades(COSTS, "BTC/USD", (0, None), [trades], days=days, snapshots=len(REST_TIMEFRAMES))
    total = total_of([replace(one, symbol=str(number)) for number in range(pairs)], COSTS.jobs)
    cells = [f"{total.trades / 10**6:,.1f} M", f"{total.calls:,}", duration(total.seconds)]
    cells += [size(total.duckdb_bytes), size(total.parquet_bytes), duration(total.build_seconds)]
    cells += [size(total.build_memory_bytes)]
    assert f"| {row} | {' | '.join(cells)} |" in SECTION


def test_all_of_it_follows_from_the_settings() -> None:
    assumed = re.search(r"([\d,]+) pairs of ([\d,]+) days and ([\d,]+) trades a day", SECTION)
    assert assumed
    pairs, days, trades = (int(number.replace(",", "")) for number in assumed.groups())
    one = price_trades(COSTS, "BTC/USD", (0, None), [trades * days], days=days)
    total = total_of([replace(one, symbol=str(number)) for number in range(pairs)], COSTS.jobs)
    for told in (
        f"{total.trades / 10**9:.1f} billion trades",
        f"warehouse of {size(total.duckdb_bytes)}",
        f"{size(total.parquet_bytes)} published",
        f"{duration(total.build_seconds)} of one core",
    ):
        assert told in " ".join(SECTION.split()), told


def test_the_limits_and_the_pace_are_the_settings() -> None:
    assert f"{COSTS.seconds_per_call:.1f} s a call" in SECTION
    assert f"{COSTS.jobs.warn_calls} calls or {size(COSTS.jobs.warn_bytes)[:1]} GB" in SECTION
    settings = "`sources.kraken_jobs.warn_calls`, `warn_bytes` | `SOURCES__KRAKEN_JOBS__WARN_CALLS`, …"
    assert f"| {settings} | {COSTS.jobs.warn_calls} calls" in SECTION
    assert f"| {COSTS.jobs.sample_pages} pages where" in SECTION
    assert f"| {COSTS.jobs.archive_calls:,} calls" in SECTION
