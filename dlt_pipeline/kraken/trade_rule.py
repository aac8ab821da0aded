"""What a trade can be, whoever tells of it: an answer of the exchange, its stream, a file."""

from decimal import Decimal
from typing import Final

# Kraken opened on 2013-09-10 (UTC): what is stamped earlier is a zero, or another exchange's.
OPENED_SECONDS: Final = 1_378_771_200
LATEST_SECONDS: Final = 9_000_000_000  # their ns still fit 64 bits; in milliseconds, of April 1970
# Far beyond any trade, so that sums fit DECIMAL(38, 12) as the values do.
HIGHEST: Final = Decimal(10) ** 17
HIGHEST_WHOLE: Final = 2**63 - 1
SIDES: Final = {"b": "buy", "buy": "buy", "s": "sell", "sell": "sell"}
ORDER_TYPES: Final = {"m": "market", "market": "market", "l": "limit", "limit": "limit"}


def time_flaw(seconds: int | Decimal) -> str | None:
    """Return why Unix seconds cannot be a trade's time, None where they can; of a candle ask for its last second."""
    if seconds < OPENED_SECONDS:
        return "lies before 2013-09-10, when Kraken opened"
    return "is not in seconds, rather in milliseconds or finer" if seconds >= LATEST_SECONDS else None


def price_flaw(price: Decimal) -> str | None:
    """Return why a number cannot be a price (quote currency), None where it can."""
    if price <= 0:
        return "is not above 0"
    return "is too large to be one" if price >= HIGHEST else None


def volume_flaw(volume: Decimal) -> str | None:
    """Return why a number cannot be a trade's volume (base currency), None where it can, as 0 can."""
    if volume < 0:
        return "is negative"
    return "is too large to be one" if volume >= HIGHEST else None
