"""What a price is reckoned with, and from which price on a load asks first; dlt section `sources.kraken_jobs`."""

from typing import Final

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.kraken.settings import resolved

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
    # Raw trades with their ledger, as dlt leaves them: 24.3 of 1,222,921 trades.
    duckdb_bytes_per_trade: float = 24.3
    # What a day of one pair adds when it is built, in all nine timeframes: with hardly a trade, and with one a minute.
    duckdb_bytes_per_quiet_day: float = 59_000.0
    duckdb_bytes_per_busy_day: float = 203_000.0
    # The published files of such a day; busy is one of 20,000 trades, one of 5,000 takes 145,000.
    parquet_bytes_per_quiet_day: float = 40_000.0
    parquet_bytes_per_busy_day: float = 166_000.0
    # Seconds of one core's work: a build that makes little still starts dbt, runs all tests and publishes.
    build_start_seconds: float = 12.0
    build_trades_per_second: float = 5_000_000.0
    build_seconds_per_day: float = 0.031
    # Bytes of memory at the peak: dbt and DuckDB themselves, then days and trades of all pairs that are built at once.
    build_start_memory: float = 410e6
    build_memory_per_day: float = 3.1e6
    build_memory_per_trade: float = 18.0


def load_job_settings() -> JobSettings:
    """Resolve the settings from dlt's config; BadInputError names one that cannot be."""
    settings = resolved(JobSettings(), "sources", "kraken_jobs")
    for name, (lowest, highest) in _LIMITS.items():
        value = getattr(settings, name)
        if not lowest <= value <= highest:
            raise BadInputError(f"sources.kraken_jobs.{name} is {value}; it must lie between {lowest} and {highest}.")
    return settings
