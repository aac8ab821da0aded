"""The paces of `follow`, each with its reason; dlt config section `sources.kraken.follow`."""

import math
from typing import Final

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.kraken.settings import resolved

_LOWEST: Final[dict[str, float]] = {
    "least_round_seconds": 0.001,
    "check_seconds": 0,
    "red_check_seconds": 0,
    "first_pause_seconds": 0.001,
    "longest_pause_seconds": 0.001,
    "longest_symbol_pause_seconds": 0.001,
    "rest_candles": 1,
    "rest_seconds": 0,
}


@configspec
class FollowSettings(BaseConfiguration):
    """Settings of `follow`; `SOURCES__KRAKEN__FOLLOW__<NAME>` or `[sources.kraken.follow]` in config.toml."""

    # Rounds follow the finest timeframe, but with one of seconds not closer than this: a round takes a few of them.
    least_round_seconds: float = 10.0
    # A whole build with all tests takes seconds to a minute; once an hour it is lost in the hour.
    check_seconds: float = 3_600.0
    # After a red one nothing is published, so look again sooner: a line in a seed may have been added.
    red_check_seconds: float = 300.0
    # Trouble that concerns all (no network, a warehouse in use) ends mostly soon, and catching up should not wait long.
    first_pause_seconds: float = 5.0
    longest_pause_seconds: float = 60.0
    # One symbol's trouble may be an exchange that does not answer for it: each try then holds up the others' round.
    longest_symbol_pause_seconds: float = 900.0
    # Kraken shows 720 candles of a timeframe: after half of them they are fetched anew, …
    rest_candles: float = 360.0
    # … and those of longer timeframes at the least so often.
    rest_seconds: float = 86_400.0


def load_follow_settings() -> FollowSettings:
    """Resolve the settings from dlt's config; BadInputError for one that cannot be."""
    settings = resolved(FollowSettings(), "sources", "kraken", "follow")
    for name, lowest in _LOWEST.items():
        value = getattr(settings, name)
        if not lowest <= value < math.inf:
            raise BadInputError(f"sources.kraken.follow.{name} is {value}; it must be a number from {lowest}.")
    return settings
