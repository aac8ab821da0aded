"""The program's version and the version of the raw tables it writes."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

# Raised whenever the raw tables change so that an older program would misread them.
SCHEMA_VERSION: Final = 1


def program() -> str:
    """Return the program's name and version, as written into the warehouse."""
    try:
        return f"kraken-candles {version('kraken-candles')}"
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "kraken-candles (not installed)"
