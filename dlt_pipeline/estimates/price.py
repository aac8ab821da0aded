"""The price of loads: an estimate a symbol, and their total. Pure; talks to nobody."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.common.time import NS_PER_DAY, show_ns
from dlt_pipeline.kraken.settings import NS_PER_SECOND, KrakenSettings, resolved

_LIMITS: Final[dict[str, tuple[float, float]]] = {
    "warn_calls": (0, 1_000_000_000),
    "warn_bytes": (0, 10**18),
    "sample_pages": (1, 1_000),
    "archive_calls": (0, 1_000_000_000),
    "duckdb_bytes_per_trade": (0, 100_000),
    "duckdb_bytes_per_quiet_day": (0, 10**9),
    "duckdb_bytes_per_busy_day": (0, 10**9),
    "parquet_bytes_per_quiet_day": (0, 10**9),
    "parquet_bytes_per_busy_day": (0, 10**9),
    "build_start_seconds": (0, 86_400),
    "build_trades_per_second": (1, 10**12),
    "build_seconds_per_day": (0, 86_400),
    "build_start_memory": (0, 10**12),
    "build_memory_per_day": (0, 10**9),
    "build_memory_per_trade": (0, 100_000),
}


@configspec
class JobSettings(BaseConfiguration):
    """Settings of prices; `SOURCES__KRAKEN_JOBS__<NAME>` in the environment or `[sources.kraken_jobs]` in config.toml.

    Bytes and rates are measured, on two cores and trades that the local exchange invents; `make bench BENCH=sizes`
    measures them again.
    """

    # Ten minutes of one pair at the default pace: what somebody starts without thinking of it.
    warn_calls: int = 500
    # More than a laptop's owner wants to find out afterwards.
    warn_bytes: int = 1_000_000_000
    # Where there are no ids: ten seconds of asking at the default pace.
    sample_pages: int = 8
    # From here on (some hours) a download of gigabytes is the shorter way to what the archives cover.
    archive_calls: int = 10_000
    # Raw trades with their ledger, as dlt leaves them: 24.5 of 1,222,921 trades.
    duckdb_bytes_per_trade: float = 24.5
    # What a day of one pair adds when it is built, in all nine timeframes: with hardly a trade, and with one a minute.
    duckdb_bytes_per_quiet_day: float = 59_000.0
    duckdb_bytes_per_busy_day: float = 203_000.0
    # The published files of such a day; busy is one of 20,000 trades, one of 5,000 takes 88,000.
    parquet_bytes_per_quiet_day: float = 11_000.0
    parquet_bytes_per_busy_day: float = 103_000.0
    # Seconds of one core's work: a build that makes little still starts dbt, runs all tests and publishes.
    build_start_seconds: float = 9.0
    build_trades_per_second: float = 5_000_000.0
    build_seconds_per_day: float = 0.031
    # Bytes of memory at the peak: dbt and DuckDB themselves, then days and trades of all pairs that are built at once.
    build_start_memory: float = 470e6
    build_memory_per_day: float = 3.1e6
    build_memory_per_trade: float = 13.0


def load_job_settings() -> JobSettings:
    """Resolve the settings from dlt's config; BadInputError names one that cannot be."""
    return resolved(JobSettings(), "sources", "kraken_jobs", limits=_LIMITS)


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


def memory_of(trades: int, days: float, jobs: JobSettings) -> int:
    """Return the peak in bytes of a build of so many trades and days of one pair, if nothing bounds it."""
    return round(jobs.build_start_memory + trades * jobs.build_memory_per_trade + days * jobs.build_memory_per_day)


@dataclass(frozen=True)
class Estimate:
    """The price of one symbol's load over [start_ns, end_ns) (ns, UTC; None: up to the newest trade).

    `calls` are answers of the exchange, `seconds` what they take at the set pace; `duckdb_bytes` is the growth of the
    warehouse with its candles built, `parquet_bytes` that of the published files, `build_seconds` a build of this
    symbol alone and `build_memory_bytes` its peak, where KRAKEN_CANDLES_MEMORY makes DuckDB spill nothing. `trades` is
    exact unless `is_approximate`; `asked_calls` is what finding out took.
    """

    symbol: str
    start_ns: int
    end_ns: int | None
    first_trade_id: int | None
    last_trade_id: int | None
    trades: int
    is_approximate: bool
    calls: int
    seconds: float
    duckdb_bytes: int
    parquet_bytes: int
    build_seconds: float
    build_memory_bytes: int
    asked_calls: int

    @property
    def bytes(self) -> int:
        """Bytes on disk in all."""
        return self.duckdb_bytes + self.parquet_bytes

    def as_json(self) -> dict[str, Any]:
        """Return the fields for machines: times as ISO 8601 UTC."""
        fields = asdict(self)
        start_ns, end_ns = fields.pop("start_ns"), fields.pop("end_ns")
        bounds = {"start": iso(start_ns), "end": None if end_ns is None else iso(end_ns)}
        return {"symbol": fields.pop("symbol")} | bounds | fields | {"bytes": self.bytes}


@dataclass(frozen=True)
class Total:
    """All symbols together: they load side by side, so the slowest counts; a build starts once for all of them."""

    trades: int
    is_approximate: bool
    calls: int
    seconds: float
    duckdb_bytes: int
    parquet_bytes: int
    build_seconds: float
    build_memory_bytes: int

    @property
    def bytes(self) -> int:
        """Bytes on disk in all."""
        return self.duckdb_bytes + self.parquet_bytes


def total_of(estimates: Sequence[Estimate], jobs: JobSettings) -> Total:
    """Add up the symbols of one load and one build."""
    builds = sum(one.build_seconds - jobs.build_start_seconds for one in estimates)
    memory = sum(one.build_memory_bytes - round(jobs.build_start_memory) for one in estimates)
    return Total(
        trades=sum(one.trades for one in estimates),
        is_approximate=any(one.is_approximate for one in estimates),
        calls=sum(one.calls for one in estimates),
        seconds=max((one.seconds for one in estimates), default=0.0),
        duckdb_bytes=sum(one.duckdb_bytes for one in estimates),
        parquet_bytes=sum(one.parquet_bytes for one in estimates),
        build_seconds=builds + jobs.build_start_seconds,
        build_memory_bytes=memory + round(jobs.build_start_memory),
    )


def price_trades(
    costs: Costs,
    symbol: str,
    bounds: tuple[int, int | None],
    trades: Sequence[int],
    *,
    days: float,
    snapshots: int = 0,
    ids: tuple[int | None, int | None] = (None, None),
    is_approximate: bool = False,
    asked_calls: int = 0,
) -> Estimate:
    """Price the trades of one symbol, a number for each range that is to be asked for; `days` is their length in all.

    `snapshots` is how many of Kraken's own timeframes are fetched beside them, `bounds` the time (ns, UTC) they span.
    """
    count = sum(trades)
    calls = sum(calls_of(one, costs.kraken.page_size) for one in trades) + snapshots
    duckdb_bytes, parquet_bytes = disk_of(count, days, costs.jobs)
    return Estimate(
        symbol=symbol,
        start_ns=bounds[0],
        end_ns=bounds[1],
        first_trade_id=ids[0],
        last_trade_id=ids[1],
        trades=count,
        is_approximate=is_approximate,
        calls=calls,
        seconds=calls * costs.seconds_per_call,
        duckdb_bytes=duckdb_bytes,
        parquet_bytes=parquet_bytes,
        build_seconds=build_seconds_of(count, days, costs.jobs),
        build_memory_bytes=memory_of(count, days, costs.jobs),
        asked_calls=asked_calls,
    )


def days_between(start_ns: int, end_ns: int) -> float:
    """Return the length of [start_ns, end_ns) in days."""
    return max(0, end_ns - start_ns) / NS_PER_DAY


def until(end_ns: int | None, now_ns: int) -> int:
    """Return where a range that ends at `end_ns` (None: open) ends as of now."""
    return now_ns if end_ns is None else min(end_ns, now_ns)


def iso(time_ns: int) -> str:
    """Return ns since the epoch as ISO 8601, UTC, with as many decimals as it needs (cut to microseconds)."""
    fraction = f"{time_ns % NS_PER_SECOND // 1_000:06}".rstrip("0")
    return show_ns(time_ns).replace(" ", "T") + (f".{fraction}" if fraction else "") + "Z"
