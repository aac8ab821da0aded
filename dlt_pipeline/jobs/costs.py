"""What turns a number of trades and days into calls, bytes and seconds. Pure arithmetic over settings."""

import math
from dataclasses import dataclass
from typing import Final

from dlt_pipeline.jobs.settings import JobSettings
from dlt_pipeline.kraken.settings import KrakenSettings

_MINUTES_PER_DAY: Final = 1_440


@dataclass(frozen=True)
class Costs:
    """Everything that turns trades into a price."""

    kraken: KrakenSettings
    jobs: JobSettings

    @property
    def seconds_per_call(self) -> float:
        """Seconds from call to call of one pair while nothing slows it; an answer's own time lies within."""
        return self.kraken.seconds_per_call


def calls_of(trades: int, page_size: int) -> int:
    """Return how many answers bring the trades of one range, with the one that proves its end.

    Each page but the first repeats the last trade of the page before it, which proves the seam. It is one call too
    many where the range ends in the middle of a page with a later trade.
    """
    return 2 + math.ceil(max(0, trades + 1 - page_size) / (page_size - 1))


def disk_of(trades: int, days: float, jobs: JobSettings) -> tuple[int, int]:
    """Return bytes in the warehouse and in the published files for trades of one pair spread over so many days."""
    minutes = days * _MINUTES_PER_DAY
    # Of trades that fall anywhere in the minutes, so many minutes see one: empty candles take less than others.
    traded = 1 - math.exp(-trades / minutes) if minutes else 0.0

    def candles(quiet: float, busy: float) -> float:
        return days * (quiet + (busy - quiet) * traded)

    built = candles(jobs.duckdb_bytes_per_quiet_day, jobs.duckdb_bytes_per_busy_day)
    published = candles(jobs.parquet_bytes_per_quiet_day, jobs.parquet_bytes_per_busy_day)
    return round(trades * jobs.duckdb_bytes_per_trade + built), round(published)


def build_seconds_of(trades: int, days: float, jobs: JobSettings) -> float:
    """Return the seconds of a build that makes so many trades and days of one pair anew."""
    return jobs.build_start_seconds + trades / jobs.build_trades_per_second + days * jobs.build_seconds_per_day
