"""One random sequence of loads and builds on a warehouse, compared with a full refresh of the same raw tables."""

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from tests.dbt_project.dbt_in_process import DbtProject, read_models
from tests.dbt_project.random_loads import World, new_world
from tests.dbt_project.raw_warehouse import copy_raw
from tests.dbt_project.same_tables import compared, differences
from tests.dbt_project.step_kinds import KINDS
from tests.dbt_project.tape_truth import ids_of_tapes, wrong_candles

# 1w_mon and 1d_17h need models that know an offset, 15s ones that do not begin with minutes.
WITHOUT_OFFSETS = [
    {"name": name, "seconds": seconds}
    for name, seconds in (
        ("1m", 60),
        ("5m", 300),
        ("1h", 3600),
        ("4h", 14400),
        ("1d", 86400),
        ("3d", 259200),
        ("1w", 604800),
        ("15d", 1296000),
    )
]
WITH_OFFSETS = [
    {"name": "15s", "seconds": 15},
    *WITHOUT_OFFSETS,
    {"name": "1w_mon", "seconds": 604800, "offset_seconds": 345600},
    {"name": "1d_17h", "seconds": 86400, "offset_seconds": 61200},
]
TIMEFRAMES = WITH_OFFSETS
VARIABLES = {
    "kraken_candles_timeframes": TIMEFRAMES,
    "kraken_candles_empty_bucket_policy": "carry_forward",
    "kraken_candles_bars": [{"name": "ticks_20", "trades": 20}, {"name": "coins", "base_volume": 3}],
}
BARS, BARE = "kraken.bars", "kraken_internal.bare_days"
INFERRED = """
    select symbol, time_ns, volume, inferred_trade_id from kraken.trades where inferred_trade_id is not null
"""
KNOWN = """
    select (select (count(*), sum(hash(c) % 1000000007)) from kraken.{} as c where is_closed),
        (select (count(*), sum(hash(g) % 1000000007)) from kraken.{} as g)
"""
Step = tuple[str, int]  # a kind of random_steps and the seed of its chances, or "build" and 0


def random_steps(seed: int) -> list[Step]:
    """Every kind of step once and some twice, in random order, with builds between; it ends in a build."""
    chance = random.Random(seed)
    more = [
        *chance.choices([kind for kind in KINDS if kind != "nothing"], k=3),
        "archive",
        "archive",
        *["candle_files"] * 3,
    ]
    kinds = [*KINDS, *more]
    chance.shuffle(kinds)
    if kinds.index("repair") < kinds.index("withhold"):  # there must be something to repair
        at, other = kinds.index("repair"), kinds.index("withhold")
        kinds[at], kinds[other] = kinds[other], kinds[at]
    steps: list[Step] = [("live", chance.randrange(10**6)), ("build", 0)]
    for kind in kinds:
        steps.append((kind, chance.randrange(10**6)))
        if chance.random() < 0.15:
            steps.append(("build", 0))
    return [*steps, ("build", 0)]


class Run:
    """Carries out the steps of a seed in a folder of its own; counts what it did, built and compared."""

    def __init__(self, project: DbtProject, folder: Path, seed: int, after_every_build: bool) -> None:
        """Prepare; `after_every_build` compares not only at the end."""
        self.project, self.folder, self.after_every_build = project, folder, after_every_build
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "builds").mkdir(parents=True)
        self.warehouse = folder / "builds" / "warehouse.duckdb"
        self.world: World = new_world(self.warehouse, seed, self._build)
        self.rows: Counter[str] = Counter()
        self._seen: list[tuple[datetime, object]] = []

    def carry_out(self, steps: Sequence[Step]) -> None:
        """Take the steps one after the other, then compare; AssertionError says what differs."""
        for kind, seed in steps:
            if kind == "build":
                self.world.built()
            else:
                self.world.tell(f"-- {kind}")
                KINDS[kind](self.world, random.Random(seed))
        if not self.after_every_build:
            self._compare()
        self._check_truth()

    def _build(self) -> None:
        self.project.run(self.warehouse)
        self.world.reach["builds"] += 1
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            found = connection.execute(KNOWN.format("candles", "gaps")).fetchone()
        self.world.reach["builds that change candles"] += not self._seen or found != self._seen[-1][1]
        self._seen.append((datetime.now(timezone.utc), found))
        if self.after_every_build:
            self._compare()

    def _compare(self) -> None:
        fresh = self.folder / "full" / self.warehouse.name
        shutil.rmtree(fresh.parent, ignore_errors=True)
        fresh.parent.mkdir()
        copy_raw(self.warehouse, fresh)
        self.project.run(fresh, "--full-refresh")
        ours, theirs = (compared(read_models(path, self.project.models)) for path in (self.warehouse, fresh))
        # bars of removed trades stay where they stand, and nobody can make them anew
        ours[BARS] = ours[BARS].join(
            ours[BARE], ["symbol", "traded_on"], right_keys=["symbol", "bare_on"], join_type="left anti"
        )
        self.rows.update({name: len(table) for name, table in theirs.items()})
        self.world.reach["comparisons with a full refresh"] += 1
        found = differences(ours, theirs)
        assert not found, f"Incremental builds and a full refresh differ.\n{found}"

    def _check_truth(self) -> None:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            candles = connection.sql("select * from kraken.candles").to_arrow_table()
            inferred = connection.sql(INFERRED).fetchall()
            for at, seen in self._seen:
                known = KNOWN.format(f"candles_as_of('{at}')", f"gaps_as_of('{at}')")
                assert connection.execute(known).fetchone() == seen, f"What stood at {at} is told otherwise."
        wrong_ids = set(inferred) - ids_of_tapes(self.world)
        self.world.reach["trades whose id is inferred"] += len(inferred)
        assert not wrong_ids, f"{len(wrong_ids)} inferred ids are not the tape's: {sorted(wrong_ids)[:5]}"
        wrong, checked = wrong_candles(self.world, candles, TIMEFRAMES)
        self.world.reach["closed candles equal to the tape's"] += checked
        assert not wrong, f"{len(wrong)} candles are not what the tape says:\n" + "\n".join(wrong[:5])
