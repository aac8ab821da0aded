"""The program's version and the version of the raw tables it writes."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

# Raised whenever the raw tables change so that an older program would misread them.
SCHEMA_VERSION: Final = 1


@cache
def number() -> str:
    """Return the installed program's version, or `not installed` in a source tree that is not."""
    try:
        return version("kraken-candles")
    except PackageNotFoundError:
        return "not installed"


def program() -> str:
    """Return the program's name and version, as written into the warehouse."""
    return f"kraken-candles {number()}"
