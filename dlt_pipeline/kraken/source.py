"""The dlt source: trades with their ledger, Kraken's own candles and markets, as resources of one source."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import dlt
import pyarrow as pa
from dlt.extract import DltResource

from dlt_pipeline.dates import When, show_ns
from dlt_pipeline.exceptions import KrakenCandlesError, LoadStoppedError
from dlt_pipeline.kraken.ledger import Range, missing
from dlt_pipeline.kraken.rows import market_rows
from dlt_pipeline.kraken.session import Request, Session, check_clock, make_request, read_ledger
from dlt_pipeline.kraken.settings import REST_TIMEFRAMES, load_settings
from dlt_pipeline.kraken.symbol_load import Batch, Budget, Progress, SymbolLoad
from dlt_pipeline.kraken.tables import SCHEMAS, hints, to_table, utc
from dlt_pipeline.version import SCHEMA_VERSION, program

_log = logging.getLogger("dlt_pipeline.kraken")
Ledger = dict[str, list[Range]]
_SYMBOL_TABLES = ("trades", "pages", "id_holes", "rest_candles")


class Chunk:
    """One bounded run over several symbols: who is done, who failed; shared by the threads of the symbols."""

    def __init__(
        self,
        session: Session,
        request: Request,
        on_progress: Callable[[Progress], None] | None = None,
        on_failure: Callable[[str, KrakenCandlesError], None] | None = None,
        patiently: Callable[[Callable[[], Ledger]], Ledger] = lambda read: read(),
    ) -> None:
        """Keep what the resources need; without `on_failure` the first symbol's error ends the run.

        `patiently` reads the ledger: it may wait where another process holds the warehouse.
        """
        self._patiently = patiently
        self.session, self.request = session, request
        self.on_progress, self.on_failure = on_progress, on_failure
        self.done: set[str] = set()
        self._budget: Budget | None = None
        self._ranges: Ledger | None = None
        self._lock = threading.Lock()

    def begin(self) -> tuple[Budget, Ledger]:
        """Open the session, start the chunk's clock and read the ledger: once, by whichever symbol comes first."""
        with self._lock:
            if self._ranges is None:
                self.session.open(self.request)
                settings = self.session.settings
                self._budget = Budget(settings.chunk_pages, time.monotonic() + settings.chunk_seconds)
                # Explicit bounds ask again for what Kraken did not give last time; going on live does not.
                with_holes = not self.request.is_backfill
                pipeline, symbols = dlt.current.pipeline(), self.request.symbols
                ranges = self._patiently(lambda: read_ledger(pipeline, symbols, with_holes))
                if not self.session.is_clock_checked:  # later chunks have covered more since the clock was asked
                    check_clock(ranges, self.session.now_ns)
                    self.session.is_clock_checked = True
                self._ranges = ranges
            assert self._budget is not None  # noqa: S101 - set together with the ranges
            return self._budget, self._ranges

    def answers(self, symbol: str) -> Iterator[Batch]:
        """Yield a symbol's batches and keep its cursor in dlt's state; the ledger, not the state, says where to go on.

        A failure leaves what was taken in before it in place.
        """
        cursors = dlt.current.source_state().setdefault("cursors", {})
        try:
            budget, ranges = self.begin()
            known = ranges[symbol]
            _correct(cursors, symbol, known)
            request, session = self.request, self.session
            load = SymbolLoad(
                client=session.client(symbol),
                market=session.market(symbol),
                settings=session.settings,
                wanted=missing(known, request.start_ns, request.end_ns),
                budget=budget,
                is_backfill=request.is_backfill,
                timeframes=request.timeframes,
                stop=session.stop,
                on_progress=self.on_progress,
            )
            try:
                yield Batch({name: SCHEMAS[name].empty_table() for name in _SYMBOL_TABLES})  # dbt reads all of them
                yield from load.batches()
            finally:
                if load.cursor is not None and not request.is_backfill:
                    cursors[symbol] = asdict(load.cursor)
            if load.is_done:
                self.done.add(symbol)
        except LoadStoppedError:
            return
        except KrakenCandlesError as error:
            if self.on_failure is None:
                raise
            self.on_failure(symbol, error)


def _correct(cursors: dict[str, Any], symbol: str, ranges: list[Range]) -> None:
    """Drop a remembered cursor that the warehouse's ledger does not bear out (warehouse or dlt's folder replaced)."""
    remembered = cursors.get(symbol)
    if remembered and not any(known.from_ns <= remembered["covered_to_ns"] <= known.to_ns for known in ranges):
        place = show_ns(ranges[-1].to_ns) if ranges else "nothing"
        _log.warning("%s: the remembered cursor is not the warehouse's; going on from its ledger (%s).", symbol, place)
        del cursors[symbol]


@dlt.source(name="kraken", section="kraken", max_table_nesting=0)
def source_of(chunk: Chunk) -> list[DltResource]:
    """Return the source of one chunk of a load that keeps its session from chunk to chunk."""
    return resources(chunk)


@dlt.source(name="kraken", section="kraken", max_table_nesting=0)
def kraken_source(
    symbols: Sequence[str],
    start: When,
    end: When | None = None,
    timeframes: Sequence[str] = tuple(REST_TIMEFRAMES),
    exact: bool = False,
    base_url: str | None = None,
    seconds_per_call: float | None = None,
) -> Any:
    """Kraken's raw trades with the ledger that proves them, Kraken's own candles, and its markets.

    One run is one bounded chunk: at most `sources.kraken.chunk_pages` pages a symbol or `chunk_seconds`. It goes on
    where the warehouse's ledger ends, so run it again (or use `dlt_pipeline.load`) until nothing is added.

    Args:
        symbols: ccxt symbols such as `["BTC/USD"]`.
        start: first moment wanted, inclusive; ISO text, date or datetime; UTC where no zone is given.
        end: first moment not wanted any more; None loads up to now and moves the live cursor.
        timeframes: Kraken's own candles to fetch for comparison, of 1m 5m 15m 30m 1h 4h 1d 1w 15d; () for none.
        exact: take start and end as they are instead of widening them to whole UTC days.
        base_url: the exchange's address; config value `sources.kraken.base_url`.
        seconds_per_call: the pace of each symbol; config value `sources.kraken.seconds_per_call`.

    Resources: `trades_<symbol>`, `pages_<symbol>`, `id_holes_<symbol>`, `rest_candles_<symbol>`, `markets`,
    `warehouse_versions`; prices in quote, volumes in base units as DECIMAL(38, 12), times in ns and UTC microseconds.

    One such source a pipeline run. Raises BadInputError at once for arguments that make no sense; what the exchange
    refuses, such as an unknown symbol, arrives as the cause of dlt's PipelineStepFailed.
    """
    request = make_request(symbols, start, end, timeframes, exact)
    settings = load_settings(base_url=base_url, seconds_per_call=seconds_per_call)
    return resources(Chunk(Session(settings), request))


def resources(chunk: Chunk) -> list[DltResource]:
    """Return the dlt resources of one chunk. A symbol's answers are fetched once and shared out to its tables."""
    # The ledger counts only with the id of its load, and dlt adds it to Arrow tables only when told to.
    os.environ.setdefault("NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID", "true")
    found: list[DltResource] = [
        dlt.resource(_markets(chunk), name="markets", **hints("markets")),
        dlt.resource(_versions(chunk), name="warehouse_versions", **hints("warehouse_versions")),
    ]
    for symbol in chunk.request.symbols:
        label = symbol.lower().replace("/", "_")
        answers = dlt.resource(_answers(chunk, symbol), name=f"answers_{label}", selected=False, parallelized=True)
        found.extend(
            dlt.transformer(_part_of(table), name=f"{table}_{label}", data_from=answers, **hints(table))
            for table in _SYMBOL_TABLES
        )
    return found


def _answers(chunk: Chunk, symbol: str) -> Callable[[], Iterator[Batch]]:
    def answers() -> Iterator[Batch]:  # dlt puts an attribute on the function, which a bound method refuses
        yield from chunk.answers(symbol)

    return answers


def _part_of(table: str) -> Callable[[Batch], pa.Table | None]:
    def part(batch: Batch) -> pa.Table | None:
        return batch.tables.get(table)

    return part


def _markets(chunk: Chunk) -> Iterator[pa.Table]:
    chunk.begin()
    yield to_table("markets", market_rows(chunk.session.markets, time.time()))


def _versions(chunk: Chunk) -> Iterator[pa.Table]:
    base_url = chunk.session.settings.base_url
    row = {
        "schema_version": SCHEMA_VERSION,
        "exchange": exchange_kind(base_url),
        "base_url": base_url,
        "written_by": program(),
        "written_at": utc(time.time()),
    }
    yield to_table("warehouse_versions", [row])


def exchange_kind(base_url: str) -> str:
    """Return `local` for an exchange on this machine's loopback, else `live`: the two never share a warehouse."""
    host = urlsplit(base_url).hostname or ""
    return "local" if host in ("localhost", "::1") or host.startswith("127.") else "live"
