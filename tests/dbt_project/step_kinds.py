"""All kinds of steps, and what they are there to bring about."""

import random
from collections.abc import Callable

from tests.dbt_project.random_archives import archive, quarter
from tests.dbt_project.random_candle_files import candle_files
from tests.dbt_project.random_loads import World
from tests.dbt_project.random_removals import come_back, remove
from tests.dbt_project.random_steps import backfill, everything, live, nothing, silence, snapshot
from tests.dbt_project.random_troubles import cut_off, lose, out_of_order, repair, withhold

KINDS: dict[str, Callable[[World, random.Random], None]] = {
    kind.__name__: kind
    for kind in (
        *(live, backfill, everything, withhold, repair, lose, out_of_order, cut_off, silence, snapshot, nothing),
        *(remove, come_back),
        *(archive, quarter),
        candle_files,
    )
}
# What the steps can really do, counted where it happens.
REACH = (
    "live load",
    "live load that leaves a gap",
    "load of several pages",
    "load that stops at its budget",
    "load that fills gaps",
    "load that only proves silence",
    "backfill that leaves a gap",
    "backfill that touches",
    "backfill that overlaps",
    "load with withheld ids",
    "repair of all ids",
    "repair of some ids",
    "lost load with trades",
    "load that ends after a later one was built",
    "load cut off for good",
    "cut-off trades covered by a later load",
    "snapshot of Kraken's candles",
    "snapshot that Kraken says otherwise elsewhere",
    "two loads before a build",
    "build with nothing new",
    "days whose trades were removed",
    "removed trades that come back",
    "import of a file without ids",
    "import of a file with ids",
    "import with refused rows",
    "import cut off for good",
    "import that meets answers within a day",
    "import that replaces an older file",
    "import that overlaps another file",
    "import of candles",
    "import of a candle that differs",
    "import that leaves a candle out",
    "import of candles with refused rows",
    "import of candles cut off for good",
)
