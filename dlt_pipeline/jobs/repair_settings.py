"""How often a repair tries what stays a gap; dlt config section `sources.kraken`."""

from typing import Final

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from dlt_pipeline.common.exceptions import BadInputError
from dlt_pipeline.kraken.settings import resolved

_LIMITS: Final[dict[str, tuple[float, float]]] = {"repair_attempts": (1, 1_000), "repair_hours_between": (0, 8_760)}


@configspec
class RepairSettings(BaseConfiguration):
    """Settings of a repair; `SOURCES__KRAKEN__<NAME>` in the environment or `[sources.kraken]` in config.toml."""

    # A lagging backend of Kraken's catches up within a day; what three days did not bring will not come.
    repair_attempts: int = 3
    # Tries within a day meet the same backends: they count once, and only --again asks sooner.
    repair_hours_between: float = 24.0


def load_repair_settings() -> RepairSettings:
    """Resolve the settings from dlt's config. BadInputError if impossible."""
    settings = resolved(RepairSettings(), "sources", "kraken")
    for name, (lowest, highest) in _LIMITS.items():
        value = getattr(settings, name)
        if not lowest <= value <= highest:
            raise BadInputError(f"sources.kraken.{name} is {value}; it must lie between {lowest} and {highest}.")
    return settings
