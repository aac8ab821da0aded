"""What every room uses: the errors, time and timeframes, threads; and the version, of the program and its tables."""

from functools import cache
from typing import Final

# Raised whenever the raw tables change so that an older program would misread them.
SCHEMA_VERSION: Final = 1


@cache
def number() -> str:
    """Return the installed program's version, or `not installed` in a source tree that is not."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - all import this, few ask for it

    try:
        return version("kraken-candles")
    except PackageNotFoundError:
        return "not installed"


def program() -> str:
    """Return the program's name and version, as written into the warehouse."""
    return f"kraken-candles {number()}"
