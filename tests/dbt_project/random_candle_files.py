"""Steps in which OHLCVT files are imported, as the importer would leave them."""

import random
from collections.abc import Sequence

from tests.archive.exported import MINUTES, Candle, candles, cut, of_tape
from tests.dbt_project.candle_files import CandleFile, arrow
from tests.dbt_project.random_loads import World
from tests.dbt_project.raw_warehouse import Package, arrive
from tests.dbt_project.tape import DAY, HOUR, START

_TABLES = ("archive_candles", "archive_parts", "archive_refused_rows", "archive_files")


def candle_files(world: World, chance: random.Random) -> None:
    """Files of one market and stretch in some lengths; some with a fault, with refused rows, or cut off."""
    symbol = chance.choice(sorted(world.tapes))
    trades = of_tape(world.tapes[symbol])
    days = range(START // DAY * DAY, world.now_ns, DAY)
    ends = [*days, world.now_ns, world.now_ns - 5 * HOUR]
    from_ns, to_ns = sorted([chance.choice([START, START, *ends]), chance.choice([world.now_ns, *ends])])
    world.loads += 1
    package = Package(f"{world.now_ns // 10**9}.{world.loads:04}")
    for minutes in chance.sample(sorted(MINUTES), chance.randint(2, 4)):
        rows = candles(cut(trades, from_ns, min(to_ns, world.now_ns)), minutes)
        if rows:
            _add(world, package, _spoilt(world, rows, chance), symbol, minutes, chance)
    if not package.tables:
        return
    if chance.random() < 0.15:
        tables = chance.choice([_TABLES[:1], _TABLES[:2], _TABLES])
        world.tell(f"import {package.load_id} of candles is cut off after {', '.join(tables)}")
        arrive(world.path, package, tables)
        world.reach["import of candles cut off for good"] += 1
        return
    world.finish(package)


def _spoilt(world: World, rows: Sequence[Candle], chance: random.Random) -> list[Candle]:
    """The candles, a third of the time with one changed, or one left out that is not the first or the last."""
    made, place = list(rows), chance.randrange(len(rows))
    kind = chance.choice(["none", "none", "none", "none", "changed", "left out"])
    if kind == "changed":
        made[place] = made[place]._replace(trades=made[place].trades + 1)
        world.reach["import of a candle that differs"] += 1
    elif kind == "left out" and 0 < place < len(rows) - 1:
        del made[place]
        world.reach["import that leaves a candle out"] += 1
    return made


def _add(
    world: World, package: Package, rows: Sequence[Candle], symbol: str, minutes: int, chance: random.Random
) -> None:
    refused = set(chance.sample(range(1, len(rows) + 1), min(len(rows) - 1, chance.choice([0, 0, 0, 1, 2]))))
    world.stamps += 1
    cuts = {number for number in range(1, len(rows) + 1) if chance.random() < 0.1}
    file = CandleFile(symbol, minutes, rows, world.stamp(), world.stamps, refused, cuts)
    for table, found in file.rows().items():
        package.add(table, arrow(table, found))
    world.reach["import of candles"] += 1
    world.reach["import of candles with refused rows"] += bool(refused)
    world.tell(f"import {package.load_id}: {len(rows)} candles of {symbol} {MINUTES[minutes]}, {len(refused)} refused")
