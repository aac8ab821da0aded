"""Steps by which a warehouse comes about when all goes well, each as the loader would leave it.

A step takes a World and a random number generator of its own, so that one can be left out without changing the others.
"""

import random
from itertools import pairwise

from dlt_pipeline.kraken.ledger import Range
from tests.dbt_project.random_loads import World, advance
from tests.dbt_project.tape import DAY, HOUR, MINUTE, SECOND, START

MARGIN = 6 * SECOND  # silence is believed up to 5 s before the exchange's clock


def some_symbols(world: World, chance: random.Random) -> list[str]:
    return chance.sample(sorted(world.tapes), chance.randint(1, len(world.tapes)))


def live(world: World, chance: random.Random) -> None:
    """Go on to the exchange's present, in one run or several; a late start leaves a stretch that nobody asked for."""
    advance(world, chance)
    symbols = some_symbols(world, chance)
    newest = min(world.newest_ns(symbol) for symbol in symbols)
    start = chance.choice([newest, newest, START, world.now_ns - 5 * HOUR, world.now_ns - 10 * MINUTE])
    if start > max(world.newest_ns(symbol) for symbol in symbols) > START:
        world.reach["live load that leaves a gap"] += 1
    pages = chance.choice([1, 3, 10_000, 10_000])
    for run in range(chance.randint(1, 3)):
        package = world.make(symbols, min(start, world.now_ns), None, chance, rest=chance.random() < 0.5, budget=pages)
        world.finish(package)
        world.reach["live load"] += 1
        world.reach["load of several pages"] += len(package.rows("pages")) > len(symbols)
        if package.is_done:
            break
        world.reach["load that stops at its budget"] += run == 0


def backfill(world: World, chance: random.Random) -> None:
    """Load explicit bounds in the past: whole days, odd moments, a trade's instant, or an edge of what is covered."""
    symbol = chance.choice(sorted(world.tapes))
    known = world.ranges(symbol)
    odd = [START + chance.randint(0, max(0, world.now_ns - START)) for _ in range(3)]
    places = [*odd, *(time // DAY * DAY for time in odd), *(time // HOUR * HOUR for time in odd)]
    places += [trade.time_ns for trade in world.tapes[symbol].between(START, world.now_ns)[:: chance.randint(5, 20)]]
    places += [edge for part in known for edge in (part.from_ns, part.to_ns)] * 3
    start, end = sorted(chance.sample([place for place in places if START <= place <= world.now_ns], 2))
    if known and chance.random() < 0.3:  # up to just where coverage begins
        edge = chance.choice(known).from_ns
        start, end = (edge - chance.choice([1, HOUR, DAY]), edge) if edge > START else (start, end)
    if start == end:
        end += HOUR
    world.reach[f"backfill that {_meets(known, start, end)}"] += 1
    began_at = world.stamp()
    world.finish(world.make([symbol], start, end, chance, rest=chance.random() < 0.2, holes_since=began_at))


def _meets(known: list[Range], start: int, end: int) -> str:
    if any(start < part.to_ns and part.from_ns < end for part in known):
        return "overlaps"
    return "touches" if any(end == part.from_ns or start == part.to_ns for part in known) else "leaves a gap"


def everything(world: World, chance: random.Random) -> None:
    """Load from the tape's start to now: every gap is filled, those of lost and cut-off loads too."""
    symbols = some_symbols(world, chance)
    world.reach["load that fills gaps"] += any(len(world.ranges(symbol)) > 1 for symbol in symbols)
    world.finish(world.make(symbols, START, None, chance, rest=chance.random() < 0.3))


def silence(world: World, chance: random.Random) -> None:
    """Load up to a quiet stretch, then once more within it."""
    symbol = chance.choice(sorted(world.tapes))
    times = [trade.time_ns for trade in world.tapes[symbol].trades]
    gaps = [time for time, after in pairwise(times) if time >= world.now_ns and after - time > HOUR]
    if not gaps:
        return
    world.now_ns = gaps[0] + 2 * MARGIN
    world.finish(world.make([symbol], world.newest_ns(symbol), None, chance))
    if chance.random() < 0.5:
        world.built()
    world.now_ns += chance.choice([20 * SECOND, 5 * MINUTE, HOUR - 4 * MARGIN])
    world.finish(world.make([symbol], world.newest_ns(symbol), None, chance))


def snapshot(world: World, chance: random.Random) -> None:
    """Fetch Kraken's own candles; half of the time they are not what Kraken says in other answers."""
    symbols = some_symbols(world, chance)
    revised = chance.random() < 0.6
    package = world.make(symbols, world.now_ns - MINUTE, None, chance, rest=True, revised=revised)
    world.reach["snapshot of Kraken's candles"] += bool(package.rows("rest_candles"))
    world.reach["snapshot that Kraken says otherwise elsewhere"] += revised
    world.finish(package)


def nothing(world: World, chance: random.Random) -> None:
    """Build twice."""
    world.built()
    world.built()
