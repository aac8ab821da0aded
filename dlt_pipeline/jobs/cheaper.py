"""What else gives candles of a time: Kraken's OHLC endpoint, and its ZIP downloads. Pure; times in ns, UTC."""

from datetime import datetime, timezone
from typing import Final

from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_TIMEFRAMES

# Kraken answers at most 720 candles, of which the newest is still open.
COMMITTED_CANDLES: Final = 719
# As Kraken offers them in 2026.
ARCHIVE_SIZES: Final = "some 5 GB a quarter zipped, the whole history 47 GB unzipped"


def rest_reach(seconds: int, now_ns: int) -> tuple[int, int]:
    """Return the time for which the OHLC endpoint has committed candles of so many seconds: [start, end)."""
    size_ns = seconds * NS_PER_SECOND
    open_ns = now_ns // size_ns * size_ns
    return max(0, open_ns - COMMITTED_CANDLES * size_ns), open_ns


def rest_timeframes(start_ns: int, end_ns: int, now_ns: int) -> list[str]:
    """Return Kraken's timeframes whose candles reach back over all of [start, end), at least one of them whole."""
    return [
        name
        for name, seconds in REST_TIMEFRAMES.items()
        if rest_reach(seconds, now_ns)[0] <= start_ns and end_ns - start_ns >= seconds * NS_PER_SECOND
    ]


def archive_end(now_ns: int) -> int:
    """Return how far Kraken's ZIP downloads reach: it publishes a file for each quarter after the quarter's end."""
    now = datetime.fromtimestamp(now_ns // NS_PER_SECOND, tz=timezone.utc)
    quarter = datetime(now.year, (now.month - 1) // 3 * 3 + 1, 1, tzinfo=timezone.utc)
    return int(quarter.timestamp()) * NS_PER_SECOND
