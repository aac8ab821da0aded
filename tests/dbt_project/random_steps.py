"""The kinds of steps by which a warehouse comes about, each as the loader would leave it. Each is a function of a
World and a random number generator of its own, so that a step can be left out without changing the others."""

import random
from collections.abc import Callable

from dlt_pipeline.kraken.ledger import Range
from tests.dbt_project.random_loads import World, advance, trade_keys
from tests.dbt_project.raw_warehouse import Package, arrive, complete
from tests.dbt_project.tape import DAY, HOUR, MINUTE, SECOND, START

_MARGIN = 6 * SECOND  # silence is believed up to 5 s before the exchange's clock


def _some(world: World, chance: random.Random) -> list[str]:
    return chance.sample(sorted(world.tapes), chance.randint(1, len(world.tapes)))


def live(world: World, chance: random.Random) -> None:
    """Go on to the exchange's present, in one run or several; a late start leaves a stretch that nobody asked for."""
    advance(world, chance)
    symbols = _some(world, chance)
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
    symbols = _some(world, chance)
    world.reach["load that fills gaps"] += any(len(world.ranges(symbol)) > 1 for symbol in symbols)
    world.finish(world.make(symbols, START, None, chance, rest=chance.random() < 0.3))


def withhold(world: World, chance: random.Random) -> None:
    """Load while Kraken leaves out a run of ids; the hole is recorded."""
    symbol = chance.choice(["IDS/USD", "IDS/USD", "RARE/USD", "OLD/EUR"])
    newest = world.newest_ns(symbol)
    coming = [trade for trade in world.tapes[symbol].trades if trade.time_ns > newest and trade.has_id]
    first = chance.randint(1, 4)
    run = coming[first : first + chance.randint(1, 5)]
    if not run or len(coming) <= first + len(run):
        return
    world.withheld.setdefault(symbol, set()).update(trade.number for trade in run)
    world.now_ns = max(world.now_ns, coming[first + len(run)].time_ns + chance.choice([1, 50]) * _MARGIN)
    package = world.make([symbol], newest, None, chance, rest=chance.random() < 0.3)
    world.reach["load with withheld ids"] += bool(package.rows("id_holes"))
    world.finish(package)


def repair(world: World, chance: random.Random) -> None:
    """Load the surroundings of withheld ids again after Kraken gave some of them back, often later the rest."""
    symbols = sorted(symbol for symbol, ids in world.withheld.items() if ids)
    if not symbols:
        return
    symbol = chance.choice(symbols)
    ids = sorted(world.withheld[symbol])
    wide = chance.choice([1, MINUTE, 8 * HOUR])
    if len(ids) > 1 and chance.random() < 0.6:
        _give_back(world, chance, symbol, set(chance.sample(ids, chance.randint(1, len(ids) - 1))), wide)
        if chance.random() < 0.5:
            world.built()
    if chance.random() < 0.7:
        _give_back(world, chance, symbol, set(world.withheld[symbol]), wide)


def _give_back(world: World, chance: random.Random, symbol: str, given: set[int], wide_ns: int) -> None:
    withheld = world.withheld[symbol]
    times = [trade.time_ns for trade in world.tapes[symbol].trades if trade.number in withheld]
    world.withheld[symbol] = withheld - given
    start, end = max(START, min(times) - wide_ns), min(max(times) + wide_ns, world.now_ns)
    if start < end:
        package = world.make([symbol], start, end, chance, holes_since=world.stamp())
        if {row["trade_id"] for row in package.rows("trades")} & given:
            world.reach["repair of some ids" if world.withheld[symbol] else "repair of all ids"] += 1
        world.finish(package)


def lose(world: World, chance: random.Random) -> None:
    """A load goes on from one that the warehouse never got: an older copy of the file was put back in between."""
    symbol = chance.choice(sorted(world.tapes))
    start = world.newest_ns(symbol)
    advance(world, chance)
    lost = world.make([symbol], start, None, chance)
    advance(world, chance)
    world.tell(f"load {lost.load_id} is lost")
    package = world.make([symbol], start, None, chance, after=[lost])
    world.reach["lost load with trades"] += bool(trade_keys([lost]) - trade_keys(world.complete))
    world.finish(package)


def out_of_order(world: World, chance: random.Random) -> None:
    """A load's rows arrive first, it is complete only after another load was begun, complete and built."""
    symbols = _some(world, chance)
    slow = world.make(symbols, world.newest_ns(symbols[0]), None, chance, rest=True)
    world.tell(f"load {slow.load_id} arrives, not complete")
    arrive(world.path, slow)
    advance(world, chance)
    chance.choice([live, everything, backfill])(world, chance)
    world.built()
    world.tell(f"load {slow.load_id} is complete")
    complete(world.path, slow)
    world.complete.append(slow)
    world.loads_since_build += 1
    world.reach["load that ends after a later one was built"] += bool(slow.rows("trades"))


def cut_off(world: World, chance: random.Random) -> None:
    """A load ends for good between two commits: some tables are there, the row that completes it never comes."""
    symbol = chance.choice(sorted(world.tapes))
    advance(world, chance)
    start = chance.choice([world.newest_ns(symbol), START])
    package = world.make([symbol], start, None, chance, rest=chance.random() < 0.3)
    tables = chance.choice([("trades",), ("trades", "pages"), ("trades", "pages", "id_holes", "rest_candles")])
    world.tell(f"load {package.load_id} is cut off after {', '.join(tables)}")
    arrive(world.path, package, tables)
    new = trade_keys([package]) - trade_keys(world.complete)
    world.cut_off |= new
    world.reach["load cut off for good"] += bool(new)


def silence(world: World, chance: random.Random) -> None:
    """Load up to a quiet stretch, then once more within it."""
    symbol = chance.choice(sorted(world.tapes))
    times = [trade.time_ns for trade in world.tapes[symbol].trades]
    gaps = [time for time, after in zip(times, times[1:], strict=False) if time >= world.now_ns and after - time > HOUR]
    if not gaps:
        return
    world.now_ns = gaps[0] + 2 * _MARGIN
    world.finish(world.make([symbol], world.newest_ns(symbol), None, chance))
    if chance.random() < 0.5:
        world.built()
    world.now_ns += chance.choice([20 * SECOND, 5 * MINUTE, HOUR - 4 * _MARGIN])
    world.finish(world.make([symbol], world.newest_ns(symbol), None, chance))


def snapshot(world: World, chance: random.Random) -> None:
    """Fetch Kraken's own candles; half of the time they are not what Kraken says in other answers."""
    symbols = _some(world, chance)
    revised = chance.random() < 0.6
    package: Package = world.make(symbols, world.now_ns - MINUTE, None, chance, rest=True, revised=revised)
    world.reach["snapshot of Kraken's candles"] += bool(package.rows("rest_candles"))
    world.reach["snapshot that Kraken says otherwise elsewhere"] += revised
    world.finish(package)


def nothing(world: World, chance: random.Random) -> None:
    """Build twice."""
    world.built()
    world.built()


KINDS: dict[str, Callable[[World, random.Random], None]] = {
    kind.__name__: kind
    for kind in (live, backfill, everything, withhold, repair, lose, out_of_order, cut_off, silence, snapshot, nothing)
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
)
