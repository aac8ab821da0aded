"""What the warehouse says before and between rounds: how far symbols are covered, and whose candles are old."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dlt_pipeline.following.settings import FollowSettings
from dlt_pipeline.kraken.ledger_store import reading, rows_found
from dlt_pipeline.kraken.settings import NS_PER_SECOND, REST_TIMEFRAMES
from dlt_pipeline.warehouse.database import DATASET

_TIMEFRAMES_TABLE: Final = "kraken_internal.timeframes"


def old_timeframes(
    path: Path, symbols: Sequence[str], wanted: Sequence[str], settings: FollowSettings
) -> tuple[str, ...]:
    """Return of which timeframes Kraken's own candles are to be fetched anew, for any of the symbols."""
    query = f"select symbol, timeframe, max(fetched_at) from {DATASET}.rest_candles group by 1, 2"  # noqa: S608
    fetched = {(symbol, name): at for symbol, name, at in _rows(path, query)}
    ages = {
        (symbol, name): time.time() - (at - at.__class__(1970, 1, 1)).total_seconds()
        for (symbol, name), at in fetched.items()
    }
    return tuple(name for name in wanted if any(_is_old(ages, symbol, name, settings) for symbol in symbols))


def _is_old(ages: Mapping[tuple[str, str], float], symbol: str, name: str, settings: FollowSettings) -> bool:
    longest = min(settings.rest_candles * REST_TIMEFRAMES[name], settings.rest_seconds)
    age = ages.get((symbol, name))
    return age is None or not 0 <= age < longest  # a clock that was set back tells nothing


def finest_ns(path: Path) -> int:
    """Return the size of the finest timeframe that the last build made candles of; a minute before there was one."""
    found = [size_ns for (size_ns,) in _rows(path, f"select min(size_ns) from {_TIMEFRAMES_TABLE}")]  # noqa: S608
    return int(found[0]) if found and found[0] else 60 * NS_PER_SECOND


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query; none where the table is not there yet."""
    with reading(path) as connection:
        return [] if connection is None else rows_found(connection, query, [])
