"""Steps in which raw trades are removed, or come back."""

import random
from datetime import timedelta

import duckdb

from dlt_pipeline.retention import remove_trades, request_removal
from tests.dbt_project import raw
from tests.dbt_project.random_loads import World
from tests.dbt_project.random_steps import everything
from tests.dbt_project.raw_warehouse import arrive
from tests.dbt_project.tape import START


def remove(world: World, chance: random.Random) -> None:
    """Want some days' trades removed, build, and remove those whose candles were kept; sometimes load more between."""
    first, last = raw.timestamp(START).date(), raw.timestamp(world.now_ns).date()
    for symbol in chance.sample(sorted(world.tapes), chance.randint(1, 3)):
        begin = first + timedelta(days=chance.randint(0, (last - first).days))
        request_removal(world.path, symbol, begin, begin + timedelta(days=chance.choice([1, 3, 30])))
    if chance.random() < 0.7:
        world.built()
    if chance.random() < 0.3:
        everything(world, chance)
    report = remove_trades(world.path)
    world.tell(f"removed {report.removed}, {report.stay} stay")
    world.reach["days whose trades were removed"] += len(report.removed)
    for reason in report.stay.values():
        world.reach[f"day that keeps its trades: {reason}"] += 1
    if chance.random() < 0.5:
        world.built()
        with duckdb.connect(str(world.path), read_only=True) as connection:
            query = (
                "select count(*) from kraken_internal.covered_days where is_bare and to_ns - from_ns < 86400000000000"
            )
            world.reach["removed day of which a hole takes a part"] += connection.execute(query).fetchall()[0][0]


def come_back(world: World, chance: random.Random) -> None:
    """Trades that were removed are in the warehouse again: all of them, or those of one load."""
    packages = world.complete if chance.random() < 0.5 else [chance.choice(world.complete)]
    for package in packages:
        arrive(world.path, package, ["trades"])
    world.tell(f"the trades of {len(packages)} loads come back")
    world.reach["removed trades that come back"] += 1
