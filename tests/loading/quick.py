"""What the tests of a load share: the moment, the symbols, and a load without Kraken's own candles."""

from datetime import datetime, timezone
from typing import Any

from dlt_pipeline.kraken.load import LoadReport, load

NOW = datetime(2026, 11, 8, 12, 34, 56, tzinfo=timezone.utc)
NOW_NS = int(NOW.timestamp()) * 10**9
DAY_NS = 86_400 * 10**9
START = "2026-11-06"
START_NS = int(datetime(2026, 11, 6, tzinfo=timezone.utc).timestamp()) * 10**9
SYMBOLS = ("BTC/USD", "MINA/GBP", "BONK/USD")


def quick_load(*symbols: str, **options: Any) -> LoadReport:
    return load(symbols or SYMBOLS, options.pop("start", START), timeframes=options.pop("timeframes", ()), **options)


class Silent:
    """Hears of a load and says nothing; tests override what they need."""

    def begin(self, *_: Any) -> None:
        """The exchange answered."""

    def page(self, _: Any) -> None:
        """A page was taken in."""

    def committed(self, _: Any) -> None:
        """A chunk is in the warehouse."""
