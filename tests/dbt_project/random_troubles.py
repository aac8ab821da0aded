"""Steps in which something goes wrong: withheld ids, lost loads, loads cut off or ending out of order."""

import random

from tests.dbt_project.random_loads import World, advance, trade_keys
from tests.dbt_project.random_steps import MARGIN, backfill, everything, live, some_symbols
from tests.dbt_project.raw_warehouse import arrive, complete
from tests.dbt_project.tape import HOUR, MINUTE, START


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
    world.now_ns = max(world.now_ns, coming[first + len(run)].time_ns + chance.choice([1, 50]) * MARGIN)
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
    symbols = some_symbols(world, chance)
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
