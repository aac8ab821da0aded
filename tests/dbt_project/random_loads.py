"""Random loads of random tapes: what the loader's own rules write, in every order in which loads can end.

A step is a kind and a seed; `World` carries it out and counts what it really did, so that a test can see its reach.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from dlt_pipeline.common.time import utc_of_ns
from dlt_pipeline.kraken.chunk import Gathered
from dlt_pipeline.kraken.extract import SymbolLoad
from dlt_pipeline.kraken.ledger import Range, ledger_row, merge, missing
from dlt_pipeline.kraken.raw_tables import Batch, market_rows, to_table
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, KrakenSettings
from tests.dbt_project.raw_warehouse import Package, arrive, complete, create_raw, ledger_values
from tests.dbt_project.tape import DAY, END, HOUR, MINUTE, SECOND, START, Tape, random_tape
from tests.dbt_project.tape_exchange import TapeClient

_STAMPS = {"pages": ("asked_at", "answered_at"), "id_holes": ("found_at",), "rest_candles": ("fetched_at",)}


def _batches(load: SymbolLoad, batch_trades: int, budget: int) -> Iterator[Batch]:
    """What a chunk of at most `budget` pages commits."""
    gathered, pages = Gathered(), 0
    for taken in load.answers():
        gathered.add(taken)
        pages += taken.cursor is not None
        if gathered.trade_count >= batch_trades:
            yield gathered.flush()
        if pages >= budget:
            break
    if gathered.has_any:
        yield gathered.flush()


@dataclass
class World:
    """A warehouse file, the tapes, the exchange's clock, and every package that was made."""

    path: Path
    tapes: dict[str, Tape]
    now_ns: int
    build: Callable[[], None]
    complete: list[Package] = field(default_factory=list)
    editions: list[Any] = field(default_factory=list)  # of random_archives: files without ids
    withheld: dict[str, set[int]] = field(default_factory=dict)
    cut_off: set[tuple[Any, ...]] = field(default_factory=set)  # keys of trades that came with no complete load
    reach: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    loads: int = 0
    stamps: int = 0
    loads_since_build: int = 0

    def ranges(self, symbol: str, holes_since: Any = None, more: Sequence[Package] = ()) -> list[Range]:
        """What the complete loads prove, as the loader reads it; `holes_since` leaves out older answers with holes."""
        rows = [values for package in (*self.complete, *more) for values in ledger_values(package)]
        return merge(
            ledger_row(tuple(values))
            for name, missing_ids, asked_at, *values in rows
            if name == symbol and (holes_since is None or missing_ids == 0 or asked_at >= holes_since)
        )

    def newest_ns(self, symbol: str) -> int:
        """Where the symbol's coverage ends; START where nothing is covered."""
        return max((known.to_ns for known in self.ranges(symbol)), default=START)

    def make(  # one dlt run, not yet in the warehouse
        self,
        symbols: Sequence[str],
        start_ns: int,
        end_ns: int | None,
        chance: random.Random,
        *,
        rest: bool = False,
        revised: bool = False,
        budget: int = 10_000,
        holes_since: Any = None,
        after: Sequence[Package] = (),
    ) -> Package:
        """Make the package of one run over the symbols; `after` are loads that it goes on from though they are lost."""
        self.loads += 1
        package = Package(f"{self.now_ns // SECOND}.{self.loads:04}")
        settings = KrakenSettings()
        settings.page_size, settings.hole_retries, settings.batch_trades = chance.choice([8, 15, 50]), 0, 20
        for symbol in symbols:
            client = TapeClient(self.tapes[symbol], self.now_ns, self.withheld.get(symbol, set()))
            client.revision = chance if revised else None
            load = SymbolLoad(
                client=client,  # type: ignore[arg-type]
                market=self.tapes[symbol].market,
                settings=settings,
                wanted=missing(self.ranges(symbol, holes_since, after), start_ns, end_ns),
                is_backfill=end_ns is not None,
                timeframes=tuple(REST_TIMEFRAMES) if rest else (),
                stop=threading.Event(),
            )
            for batch in _batches(load, settings.batch_trades, budget):
                for name, rows in batch.items():
                    package.add(name, self._stamped(name, rows))
            package.is_done &= load.is_done
        markets = market_rows([tape.market for tape in self.tapes.values()], 0.0)
        package.add("markets", to_table("markets", [row | {"fetched_at": self.stamp()} for row in markets]))
        bounds = f"from {utc_of_ns(start_ns)} to {utc_of_ns(end_ns) if end_ns else 'now'}"
        counts = {name: sum(map(len, parts)) for name, parts in package.tables.items() if name != "markets"}
        self.tell(f"load {package.load_id} of {', '.join(symbols)} {bounds}: {counts}, done: {package.is_done}")
        return package

    def finish(self, package: Package) -> None:
        """Bring the package in whole and complete it."""
        arrive(self.path, package)
        complete(self.path, package)
        self.complete.append(package)
        self.loads_since_build += 1
        if self.loads_since_build == 2:
            self.reach["two loads before a build"] += 1
        if self.cut_off & trade_keys([package]):
            self.reach["cut-off trades covered by a later load"] += 1
        if not package.rows("trades") and package.rows("pages"):
            self.reach["load that only proves silence"] += 1

    def built(self) -> None:
        """Build; the next load is the first after it."""
        if self.loads_since_build == 0:
            self.reach["build with nothing new"] += 1
        self.loads_since_build = 0
        self.tell("build")
        self.build()

    def tell(self, what: str) -> None:
        """Add to the story that a failing test prints."""
        self.story.append(f"{utc_of_ns(self.now_ns)} {what}")

    def stamp(self) -> Any:
        """The next moment of our own clock: it never stands still, and is the exchange's but for microseconds."""
        self.stamps += 1
        return utc_of_ns(self.now_ns) + timedelta(microseconds=self.stamps)

    def _stamped(self, name: str, rows: pa.Table) -> pa.Table:
        """Replace this machine's clock by the world's; the rows of one OHLC answer share their moment."""
        for column in _STAMPS.get(name, ()):
            place = rows.schema.get_field_index(column)
            shared = self.stamp()
            stamps = [shared if name == "rest_candles" else self.stamp() for _ in range(len(rows))]
            rows = rows.set_column(place, rows.schema.field(place), pa.array(stamps, rows.schema.field(place).type))
        return rows


def trade_keys(packages: Sequence[Package]) -> set[tuple[Any, ...]]:
    """Keys of the packages' trades: symbol, id, time without id, place."""
    names = ("symbol", "trade_id", "idless_time_ns", "place")
    return {tuple(row[name] for name in names) for package in packages for row in package.rows("trades")}


def new_world(path: Path, seed: int, build: Callable[[], None]) -> World:
    """Make tapes and an empty warehouse: one market with ids, one with stretches without, one that is mostly quiet."""
    chance = random.Random(seed)
    tapes = [
        random_tape("IDS/USD", chance, 220, 1.0, idless=False),
        random_tape("OLD/EUR", chance, 160, 1.0, idless=True),
        random_tape("RARE/USD", chance, 40, 8.0, idless=False),
    ]
    create_raw(path)
    now_ns = START + chance.randint(1, 4) * DAY + chance.randint(0, 86_399) * SECOND
    return World(path, {tape.symbol: tape for tape in tapes}, now_ns, build)


def advance(world: World, chance: random.Random) -> None:
    """Let time pass: seconds to days, often to just behind a trade."""
    step = chance.choice([37 * SECOND, 10 * MINUTE, 5 * HOUR, int(0.7 * DAY), int(1.3 * DAY)])
    world.now_ns = min(world.now_ns + step + chance.randint(0, MINUTE), END + DAY)
